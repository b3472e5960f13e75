"""What Slack documents about blocks and views, as checks that return the complaints."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Problems = Iterator[str]

COMMON = frozenset({"type", "block_id"})
KEYS: Mapping[str, frozenset[str]] = {
    "header": COMMON | {"text"},
    "section": COMMON | {"text", "fields", "accessory", "expand"},
    "context": COMMON | {"elements"},
    "actions": COMMON | {"elements"},
    "divider": COMMON,
    "input": COMMON | {"label", "element", "dispatch_action", "hint", "optional"},
    "button": frozenset(
        {"type", "text", "action_id", "url", "value", "style", "confirm", "accessibility_label"}
    ),
    "plain_text_input": frozenset(
        {
            "type",
            "action_id",
            "initial_value",
            "multiline",
            "min_length",
            "max_length",
            "placeholder",
            "focus_on_load",
            "dispatch_action_config",
        }
    ),
    "plain_text": frozenset({"type", "text", "emoji"}),
    "mrkdwn": frozenset({"type", "text", "verbatim"}),
    "modal": frozenset(
        {
            "type",
            "title",
            "blocks",
            "close",
            "submit",
            "private_metadata",
            "callback_id",
            "clear_on_close",
            "notify_on_close",
            "external_id",
            "submit_disabled",
        }
    ),
}


def block_problems(blocks: Sequence[Any], *, most: int = 50, inputs: bool = False) -> list[str]:
    """Everything Slack would refuse about these blocks of a message, or with ``inputs`` of a modal."""
    problems = [f"no more than {most} items allowed"] if len(blocks) > most else []
    for index, block in enumerate(blocks):
        problems += [f"{problem} [json-pointer:/blocks/{index}]" for problem in _block(block, inputs)]
    ids = [block["block_id"] for block in blocks if isinstance(block, dict) and "block_id" in block]
    problems += [f"block_id `{one}` already exists" for one in sorted(_repeated(ids))]
    return problems


def view_problems(view: Any) -> list[str]:
    """Everything Slack would refuse about this modal."""
    if not isinstance(view, dict) or view.get("type") != "modal":
        return ["view must be an object of type modal"]
    blocks = view.get("blocks")
    if not isinstance(blocks, list):
        return ["missing required field: blocks"]
    return [*_modal(view, blocks), *block_problems(blocks, most=100, inputs=True)]


def _modal(view: dict[str, Any], blocks: list[Any]) -> Problems:
    yield from _keys(view, "modal")
    yield from _text(view.get("title"), 24, "title", plain=True)
    for name in ("submit", "close"):
        if name in view:
            yield from _text(view[name], 24, name, plain=True)
    if "submit" not in view and any(isinstance(b, dict) and b.get("type") == "input" for b in blocks):
        yield "submit is required when there are input blocks"
    for name, most in (("private_metadata", 3000), ("callback_id", 255)):
        if len(str(view.get(name, ""))) > most:
            yield f"{name} must be less than {most + 1} characters"


def _block(block: Any, inputs: bool) -> Problems:
    kind = block.get("type") if isinstance(block, dict) else None
    check = _CHECKS.get(str(kind))
    if check is None or (kind == "input" and not inputs):
        yield f"unsupported type: {kind}"
        return
    yield from _keys(block, str(kind))
    if not 1 <= len(str(block.get("block_id", "x"))) <= 255:
        yield "block_id must have 1 to 255 characters"
    yield from check(block)


def _header(block: dict[str, Any]) -> Problems:
    yield from _text(block.get("text"), 150, "text", plain=True)


def _section(block: dict[str, Any]) -> Problems:
    if "text" not in block and "fields" not in block:
        yield "one of text and fields is required"
    if "text" in block:
        yield from _text(block["text"], 3000, "text")
    if "fields" in block:
        yield from _count(block["fields"], 10, "fields")
        for field in block["fields"] or ():
            yield from _text(field, 2000, "field")
    if "accessory" in block:
        yield from _button(block["accessory"])


def _context(block: dict[str, Any]) -> Problems:
    yield from _count(block.get("elements"), 10, "elements")
    for element in block.get("elements") or ():
        yield from _text(element, 3000, "element")


def _actions(block: dict[str, Any]) -> Problems:
    elements = block.get("elements")
    yield from _count(elements, 25, "elements")
    for element in elements or ():
        yield from _button(element)
    ids = [e.get("action_id") for e in elements or () if isinstance(e, dict) and e.get("action_id")]
    for one in sorted(_repeated(ids)):
        yield f"action_id `{one}` already exists in this block"


def _button(button: Any) -> Problems:
    if not isinstance(button, dict) or button.get("type") != "button":
        yield "only buttons are supported here"
        return
    yield from _keys(button, "button")
    yield from _text(button.get("text"), 75, "button text", plain=True)
    if button.get("style", "primary") not in ("primary", "danger"):
        yield "style must be primary or danger"
    for name, most in (("action_id", 255), ("value", 2000), ("url", 3000)):
        if name in button and not 1 <= len(str(button[name])) <= most:
            yield f"{name} must have 1 to {most} characters"


def _input(block: dict[str, Any]) -> Problems:
    yield from _text(block.get("label"), 2000, "label", plain=True)
    element = block.get("element")
    if not isinstance(element, dict) or element.get("type") != "plain_text_input":
        yield "only plain_text_input is supported here"
        return
    yield from _keys(element, "plain_text_input")
    if not 1 <= int(element.get("max_length", 3000)) <= 3000:
        yield "max_length must be 1 to 3000"
    if "placeholder" in element:
        yield from _text(element["placeholder"], 150, "placeholder", plain=True)


def _divider(block: dict[str, Any]) -> Problems:
    yield from ()


_CHECKS: Mapping[str, Callable[[dict[str, Any]], Problems]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": _divider,
    "input": _input,
}


def _text(value: Any, most: int, where: str, *, plain: bool = False) -> Problems:
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if not isinstance(value, dict) or value.get("type") not in kinds:
        yield f"{where} must be a text object of type {' or '.join(kinds)}"
        return
    yield from _keys(value, value["type"])
    text = value.get("text")
    if not isinstance(text, str) or not 1 <= len(text) <= most:
        yield f"{where} must have 1 to {most} characters"


def _count(items: Any, most: int, where: str) -> Problems:
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        yield f"{where} must have 1 to {most} items"


def _keys(value: Mapping[str, Any], kind: str) -> Problems:
    for key in sorted(value.keys() - KEYS[kind]):
        yield f"invalid additional property: {key}"


def _repeated(names: Sequence[Any]) -> set[str]:
    return {str(name) for name in names if names.count(name) > 1}
