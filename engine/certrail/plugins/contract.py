"""What a plugin class must be like, checked when it is loaded: each refusal says what to change."""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from certrail.domain.errors import BadInput
from certrail.domain.object_names import ObjectNameSchema
from certrail_sdk import (
    Config,
    Destination,
    Interactive,
    Issuer,
    Listens,
    Notifier,
    Observes,
    Plugin,
    Publishes,
    Removes,
)

BASES: Mapping[str, type[Plugin[Any]]] = {
    "destination": Destination,
    "notifier": Notifier,
    "issuer": Issuer,
}
REQUIRED: Mapping[str, Sequence[str]] = {
    "destination": ("check", "deploy"),
    "notifier": ("check", "send"),
    "issuer": ("check", "issue"),
}
CAPABILITIES: Mapping[str, Mapping[str, type]] = {
    "destination": {"observes": Observes, "removes": Removes, "publishes": Publishes},
    "notifier": {"interactive": Interactive, "listens": Listens},
    "issuer": {},
}
"""Protocols that a class of a kind may implement besides."""
LONGEST_NAME = 64
LONGEST_TITLE = 128
LONGEST_OBJECT_NAME = 512
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SWITCHES = ("keeps_incidents", "shares_answers")


def check_contract(kind: str, plugin: Any) -> None:
    """Raises ValueError naming everything about a class that breaks the contract of its kind."""
    base = BASES[kind]
    if not (inspect.isclass(plugin) and issubclass(plugin, base)) or plugin is base:
        raise ValueError(f"the {kind} hook returned {plugin!r}; return subclasses of {base.__name__}")
    missing = [verb for verb in REQUIRED[kind] if getattr(plugin, verb) is getattr(base, verb)]
    if missing:
        written = ", ".join(_signature(verb, getattr(base, verb)) for verb in missing)
        raise ValueError(f"{plugin.__name__} does not say how to {' and '.join(missing)}: write {written}")
    if faults := [*_attributes(kind, plugin), *_methods(kind, plugin)]:
        raise ValueError("; ".join(faults))


def capabilities(kind: str, plugin: type[Plugin[Any]]) -> tuple[str, ...]:
    """Which of the protocols of its kind a class implements."""
    return tuple(
        name
        for name, protocol in CAPABILITIES[kind].items()
        if all(callable(getattr(plugin, verb, None)) for verb in _verbs(protocol))
    )


def _attributes(kind: str, plugin: type[Plugin[Any]]) -> Iterator[str]:
    said = plugin.__name__
    if not _is_name(plugin.name):
        yield (
            f"{said}.name is {plugin.name!r}: write lower-case letters and digits, words joined by -, at most"
            f" {LONGEST_NAME} characters"
        )
    title: object = plugin.title
    if not (isinstance(title, str) and title.strip() and title.isprintable() and len(title) <= LONGEST_TITLE):
        yield f"{said}.title is {title!r}: write a printable text of 1 to {LONGEST_TITLE} characters"
    if plugin.connection_type is not None and not _is_name(plugin.connection_type):
        yield f"{said}.connection_type is {plugin.connection_type!r}: write None, or a name as of a plugin"
    yield from _config(said, plugin.config_type)
    if issubclass(plugin, Destination):
        yield from _object_names(plugin)
    if kind == "notifier":
        for switch in _SWITCHES:
            if not isinstance(getattr(plugin, switch), bool):
                yield f"{said}.{switch} is {getattr(plugin, switch)!r}: write True or False"


def _config(said: str, model: object) -> Iterator[str]:
    if not (inspect.isclass(model) and issubclass(model, Config)):
        yield f"{said}.config_type is {model!r}: make it a subclass of certrail_sdk.Config"
        return
    revision: object = model.revision
    if not isinstance(revision, int) or isinstance(revision, bool) or revision < 1:
        yield f"{model.__name__}.revision is {revision!r}: write a whole number from 1"


def _object_names(plugin: type[Destination[Any]]) -> Iterator[str]:
    pattern: object = plugin.name_pattern
    try:
        re.compile(pattern if isinstance(pattern, str) else "(")
    except re.error:
        yield f"{plugin.__name__}.name_pattern is {pattern!r}: write a regular expression"
    length: object = plugin.name_length
    if not isinstance(length, int) or isinstance(length, bool) or not 1 <= length <= LONGEST_OBJECT_NAME:
        yield f"{plugin.__name__}.name_length is {length!r}: write a number from 1 to {LONGEST_OBJECT_NAME}"
    if problem := _unusable_schema(plugin):
        yield f"{plugin.__name__}.default_name_schema is {plugin.default_name_schema!r}: {problem}"


def _unusable_schema(plugin: type[Destination[Any]]) -> str | None:
    """Why syncs that name no schema would be refused; what is wrong with pattern and length is said elsewhere."""
    schema: object = plugin.default_name_schema
    if not isinstance(schema, str):
        return "write a text with one of the ids as a placeholder"
    try:
        return ObjectNameSchema.parse(schema).problem(pattern=plugin.name_pattern, length=plugin.name_length)
    except BadInput as error:
        return str(error)
    except (TypeError, re.error):
        return None


def _methods(kind: str, plugin: type[Plugin[Any]]) -> Iterator[str]:
    """Faults of the methods that the engine calls; it passes all arguments by position."""
    base = BASES[kind]
    contracts = {
        name: getattr(base, name)
        for name in (*_verbs(Plugin), *_verbs(base))
        if inspect.iscoroutinefunction(getattr(base, name))
    }
    for name in capabilities(kind, plugin):
        protocol = CAPABILITIES[kind][name]
        contracts |= {verb: getattr(protocol, verb) for verb in _verbs(protocol)}
    if not _takes(plugin.__init__, 3):
        yield f"{plugin.__name__}.__init__ is called with config and context: take these, or leave it out"
    for verb, contract in contracts.items():
        if getattr(plugin, verb) is not contract:
            yield from _method(plugin, verb, contract)


def _method(plugin: type[Plugin[Any]], verb: str, contract: Any) -> Iterator[str]:
    written = f"write {_signature(verb, contract)}"
    if not inspect.isfunction(inspect.getattr_static(plugin, verb)):
        yield f"{plugin.__name__}.{verb} is no method: {written}"
        return
    function = inspect.unwrap(getattr(plugin, verb))
    if inspect.iscoroutinefunction(contract) and not inspect.iscoroutinefunction(function):
        yield f"{plugin.__name__}.{verb} is no coroutine: {written}"
    elif inspect.iscoroutinefunction(function) and not inspect.iscoroutinefunction(contract):
        yield f"{plugin.__name__}.{verb} is a coroutine: {written}"
    if not _takes(function, len(inspect.signature(contract).parameters)):
        yield f"{plugin.__name__}.{verb} has other parameters: {written}"


def _takes(function: Any, count: int) -> bool:
    """Whether a function can be called with so many arguments, all by position."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except (TypeError, ValueError):
        return False
    return True


def _signature(verb: str, contract: Any) -> str:
    word = "async def" if inspect.iscoroutinefunction(contract) else "def"
    return f"`{word} {verb}({', '.join(inspect.signature(contract).parameters)})`"


def _verbs(protocol: type) -> Iterator[str]:
    return (n for n, v in vars(protocol).items() if inspect.isfunction(v) and not n.startswith("_"))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NAME and _NAME.fullmatch(value) is not None
