"""Pages as a browser without a script has them: elements, links and forms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx2

from certrail_server.console.page import HEADERS

Attributes = dict[str, str | None]
UNTYPED = ("hidden", "submit", "button", "checkbox", "radio")
"""Kinds of inputs into which nobody types."""


@dataclass
class Control:
    """A control of a form that is sent with it.

    Attributes:
        kind: the type of an input, or `textarea` or `select`.
        values: that are sent; more than one of a list in which several are chosen.
    """

    name: str
    kind: str
    values: list[str]
    required: bool = False

    @property
    def is_typed(self) -> bool:
        """Whether somebody types into it."""
        return self.kind not in (*UNTYPED, "select")


@dataclass
class Form:
    """A form, and where it was seen.

    Attributes:
        buttons: name and value of each that sends it; both are empty for one without a name.
    """

    page: str
    method: str
    action: str
    controls: list[Control] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def fields(self, button: tuple[str, str] = ("", "")) -> list[tuple[str, str]]:
        """What is sent by a button."""
        held = [(control.name, value) for control in self.controls for value in control.values]
        return [*held, button] if button[0] else held


class Document(HTMLParser):
    """A parsed page.

    Attributes:
        found: start tags with their attributes.
        links: addresses that are opened by a click, fragments included.
        texts: what is read, a piece for each run of characters.
    """

    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self.address = address
        self.found: list[tuple[str, Attributes]] = []
        self.links: list[str] = []
        self.forms: list[Form] = []
        self.texts: list[str] = []
        self._by_id: dict[str, Form] = {}
        self._form: Form | None = None
        self._select: tuple[Control, Form, bool] | None = None
        self._area: Control | None = None
        self.feed(text)
        self.close()

    @property
    def tags(self) -> list[str]:
        """Names of the elements."""
        return [tag for tag, _ in self.found]

    @property
    def ids(self) -> list[str]:
        """Of the elements."""
        return [attributes["id"] or "" for _, attributes in self.found if "id" in attributes]

    def values(self, name: str) -> Iterator[str]:
        """Of an attribute, wherever it is."""
        return (value for _, attributes in self.found if (value := attributes.get(name)) is not None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found.append((tag, given))
        if tag == "a" and given.get("href") is not None:
            self.links.append(given["href"] or "")
        if tag == "form":
            self._form = Form(self.address, (given.get("method") or "get").lower(), given.get("action") or "")
            self.forms.append(self._form)
            self._by_id[given.get("id") or ""] = self._form
        form = self._by_id.get(given["form"] or "") if "form" in given else self._form
        if form is not None and "disabled" not in given:
            self._control(tag, given, form)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = None
        elif tag == "select" and self._select is not None:
            control, form, _ = self._select
            form.controls.append(control)
            self._select = None

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._area is not None:
            self._area.values[0] += data

    def _control(self, tag: str, given: Attributes, form: Form) -> None:
        name, value, kind = given.get("name") or "", given.get("value") or "", given.get("type") or ""
        required = "required" in given
        if tag == "button":
            if (kind or "submit") == "submit":
                form.buttons.append((name, value))
        elif tag == "input" and name:
            kind = kind or "text"
            if kind not in ("checkbox", "radio") or "checked" in given:
                form.controls.append(Control(name, kind, [value], required))
        elif tag == "textarea" and name:
            self._area = Control(name, tag, [""], required)
            form.controls.append(self._area)
        elif tag == "select" and name:
            self._select = Control(name, tag, [], required), form, "multiple" in given
        elif tag == "option" and self._select is not None:
            self._option(given, value)

    def _option(self, given: Attributes, value: str) -> None:
        """Without a choice, a list from which one is chosen sends its first option."""
        assert self._select is not None
        control, _, multiple = self._select
        if multiple:
            control.values += [value] if "selected" in given else []
        elif not control.values or "selected" in given:
            control.values[:] = [value]


def faults_of(answer: httpx2.Response) -> Sequence[str]:
    """What a page may not have: a script or style of its own, something from elsewhere, other headers."""
    wrong = [name for name, value in HEADERS.items() if answer.headers.get(name) != value]
    if answer.headers.get("content-type") != "text/html; charset=utf-8":
        wrong.append("content-type")
    if answer.headers.get("cache-control") != "no-store":
        wrong.append("cache-control")
    page = Document(str(answer.url), answer.text)
    wrong += [f"{tag}: {page.tags.count(tag)} times" for tag in ("h1", "main") if page.tags.count(tag) != 1]
    named = {attributes.get("for") for tag, attributes in page.found if tag == "label"}
    for tag, attributes in page.found:
        own = [name for name in attributes if name.startswith("on") or name == "style"]
        if own or tag == "style" or (tag == "script" and not attributes.get("src")):
            wrong.append(f"<{tag} {attributes}>")
        for name in ("src", "href", "action", "formaction", "hx-get", "hx-post"):
            address = attributes.get(name)
            if address is not None and (not address.startswith(("/", "#", "?")) or address.startswith("//")):
                wrong.append(f"{name}={address}")
        is_control = tag in ("input", "select", "textarea") and attributes.get("type") != "hidden"
        if is_control and attributes.get("id") not in named:
            wrong.append(f"no label: {attributes}")
    wrong += [f"id {each} twice" for each in set(page.ids) if page.ids.count(each) > 1]
    return wrong
