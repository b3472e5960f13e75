"""Follows every link of the console and sends every form, as one reader's browser would without a script."""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2
from tests.integration.console.documents import Control, Document, Form, faults_of

MOST_PAGES = 1500
"""Of one reader. More of them: a page leads to itself with ever other parameters."""
NEVER_THE_SAME = ("csrf", "once", "digest", "back", "here")
"""Fields that make no other form of one."""
SIGN_OUT = "/console/sign-out"
ACCEPTED = (200, 303)
REFUSED_IN_WORDS = (400, 409, 422)
TYPED = {
    "email": "somebody@example.com",
    "number": "3",
    "date": "2026-12-24",
    "datetime-local": "2026-12-24T12:00",
    "url": "https://elsewhere.example.com/",
    "password": "a-long-password-of-somebody",
}
SLUG = "typed-by-the-crawler"
ODD = ("<xss-typed onload=alert(1)>\"'{{ 7 * 7 }}", "\x00\x1b\u202e", "9" * 5000)
"""What nobody should type."""

Fields = Sequence[tuple[str, str]]


@dataclass
class Crawler:
    """A walk of one reader.

    Attributes:
        restore: puts everything back as it was before a form was sent.
        pages: what was opened, by address.
        forms: what changes something, without those that differ by a token alone.
        wrong: what should not be.
        done: the addresses of forms that were taken.
    """

    browser: httpx2.Client
    restore: Callable[[], None]
    pages: dict[str, Document] = field(default_factory=dict)
    forms: dict[object, Form] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    _next: deque[tuple[str, str]] = field(default_factory=deque)
    _known: set[str] = field(default_factory=set)

    def walk(self, start: str = "/console") -> None:
        """Open every page that can be reached by links and by forms that only read."""
        self._add(start, "")
        while self._next and len(self._known) <= MOST_PAGES:
            self._open(*self._next.popleft())
        if self._next:
            self.wrong.append(f"more than {MOST_PAGES} pages, such as {self._next[0]}")
        for page in self.pages.values():
            self._look_for_targets(page)

    def send(self, *, odd: bool = True) -> None:
        """Send every form by each of its buttons: as it is, filled in, and with what nobody should type, if `odd`."""
        signed_in = list(self.browser.cookies.items())
        for form in self.forms.values():
            for button in form.buttons or [("", "")]:
                for what, fields, refusals in _fillings(form, button, ODD if odd else ()):
                    self._begin_anew(signed_in)
                    self._send(form, f"{what} {button}", fields, (*ACCEPTED, *REFUSED_IN_WORDS, *refusals))
        self._begin_anew(signed_in)

    def streams(self) -> Collection[str]:
        """The address of the stream of each page that has one."""
        found = (
            urljoin(page.address, value) for page in self.pages.values() for value in page.values("data-live")
        )
        return {urlsplit(address).path: address for address in found}.values()

    def listen(self) -> None:
        """Open each stream, and look at how it begins."""
        for address in self.streams():
            with self.browser.stream("GET", address, headers={"accept": "text/event-stream"}) as answer:
                kind = answer.headers["content-type"].partition(";")[0]
                if (answer.status_code, kind) != (200, "text/event-stream"):
                    self.wrong.append(f"{address}: {answer.status_code} {kind}")

    def _begin_anew(self, cookies: list[tuple[str, str]]) -> None:
        self.restore()
        self.browser.cookies.clear()
        self.browser.cookies.update(cookies)

    def _add(self, address: str, page: str) -> None:
        parts = urlsplit(urljoin(page, address))
        query = sorted((name, value) for name, value in parse_qsl(parts.query) if name != "after")
        key = f"{parts.path}?{urlencode(query)}"
        if key not in self._known:
            self._known.add(key)
            self._next.append((parts.path + (f"?{parts.query}" if parts.query else ""), page))

    def _open(self, address: str, page: str) -> None:
        try:
            answer = self.browser.get(address)
        except httpx2.TransportError:  # a page that broke ended the connection with it
            answer = self.browser.get(address)
        if answer.status_code != 200:
            self.wrong.append(f"{address}, to which {page} leads: {answer.status_code}")
            return
        if not address.startswith("/console"):
            return
        seen = self._look(answer, address)
        self.pages[address] = seen
        for link in [*seen.links, *seen.values("hx-get")]:
            if not link.startswith("#"):
                self._add(link, address)
        for form in seen.forms:
            if form.method == "get":
                self._add_search(form, address)
            else:
                self.forms.setdefault(_kind_of(form), form)

    def _add_search(self, form: Form, page: str) -> None:
        """A form that only reads, as it is and with something typed."""
        target = urlsplit(urljoin(page, form.action or page)).path
        typed = [
            (control.name, "a" if control.is_typed and control.kind not in TYPED else value)
            for control in form.controls
            for value in control.values
        ]
        for fields in (form.fields(), typed):
            self._add(f"{target}?{urlencode(fields)}", page)

    def _look(self, answer: httpx2.Response, what: str) -> Document:
        self.wrong += [f"{what}: {fault}" for fault in faults_of(answer)]
        return Document(what, answer.text)

    def _look_for_targets(self, page: Document) -> None:
        ids = set(page.ids)
        self.wrong += [
            f"{page.address}: nothing has the id {link}"
            for link in page.links
            if link.startswith("#") and link[1:] not in ids
        ]

    def _send(self, form: Form, what: str, fields: Fields, expected: Sequence[int]) -> None:
        target = urljoin(form.page, form.action or form.page)
        answer = self.browser.post(
            target,
            content=urlencode(fields),
            headers={
                "content-type": "application/x-www-form-urlencoded",
                "referer": str(self.browser.base_url.join(form.page)),
            },
        )
        where = f"{form.page}: the form to {target}, {what}"
        if urlsplit(target).query:
            self.wrong.append(f"{where}: it has a query, which no change takes")
        signs_in = "/sign-in" in answer.headers.get("location", "") and target != SIGN_OUT
        if answer.status_code not in expected or signs_in:
            self.wrong.append(f"{where}: {answer.status_code} {_words_of(answer)}")
            return
        if answer.status_code in ACCEPTED:
            self.done.add(target)
        for _ in range(3):
            if answer.status_code != 303:
                break
            answer = self.browser.get(answer.headers["location"])
            if answer.status_code not in ACCEPTED:
                self.wrong.append(f"{where}, then {answer.url}: {answer.status_code}")
                return
        if "attachment" not in answer.headers.get("content-disposition", ""):
            self._look(answer, where)


def _kind_of(form: Form) -> object:
    """Equal for two forms that do the same."""
    hidden = [
        (control.name, *control.values)
        for control in form.controls
        if control.kind == "hidden" and control.name not in NEVER_THE_SAME
    ]
    return form.action or form.page, *hidden, *sorted(control.name for control in form.controls)


def _fillings(
    form: Form, button: tuple[str, str], odd: Sequence[str]
) -> Iterator[tuple[str, Fields, Sequence[int]]]:
    """What is sent, in words, its fields, and with what else it may be refused.

    A name that was typed may be one that there is not; whatever a page chose may not.
    """
    left = [
        control
        for control in form.controls
        if control.is_typed and control.required and control.values == [""]
    ]
    yield "as it is", form.fields(button), (404,) if left else ()
    if any(control.is_typed for control in form.controls):
        yield "filled in", _typed(form, button, _sensible), (404,)
        for text in odd:

            def same(_: Control, text: str = text) -> str:
                return text

            yield f"with {text[:8]!r}", _typed(form, button, same), (404, 413)


def _sensible(control: Control) -> str:
    if control.values[0]:
        return control.values[0]
    if control.kind == "text" and control.name in ("slug", "id"):
        return SLUG
    return TYPED.get(control.kind, "typed.example.com" if "dns" in control.name else "Typed")


def _typed(form: Form, button: tuple[str, str], text: Callable[[Control], str]) -> Fields:
    fields = [
        (control.name, text(control) if control.is_typed else value)
        for control in form.controls
        for value in control.values
    ]
    return [*fields, button] if button[0] else fields


def _words_of(answer: httpx2.Response) -> str:
    """What a refusal says."""
    return " ".join("".join(Document("", answer.text).texts).split())[:300]
