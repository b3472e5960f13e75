"""Forms as a browser sends them: what a page has filled in, with what a person changes."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx2

Fields = dict[str, list[str]]


FORM = re.compile(r'<form method="post"(?: action="([^"]*)")? class="form form-wide">(.*?)</form>', re.DOTALL)


class _Controls(HTMLParser):
    """The fields of a form."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: Fields = {}
        self._area = self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.fields.setdefault(name, []).append(given.get("value", ""))
        elif tag == "textarea":
            self._area = name
            self.fields[name] = [""]
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and (self._select not in self.fields or "selected" in given):
            self.fields[self._select] = [given.get("value", "")]

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""


def opened(browser: httpx2.Client, path: str) -> Fields:
    """What the large form of a page shows."""
    return _opened(browser, path)[1]


def _opened(browser: httpx2.Client, path: str) -> tuple[str, Fields]:
    answer = browser.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    form = FORM.search(answer.text)
    assert form, f"{path} has no large form"
    return form[1] or path, _Controls(form[2]).fields


def went(answer: httpx2.Response) -> str:
    """Where a form led, or why it was refused."""
    faults = re.findall(r'role="alert">(.*?)</div></div>', answer.text, re.DOTALL)
    return answer.headers.get("location") or " ".join(faults) or answer.text[-600:]


def sent(browser: httpx2.Client, path: str, **changes: Any) -> httpx2.Response:
    """Open a form, change some fields, and send it; dots in names are written as two underscores."""
    action, given = _opened(browser, path)
    for name, value in changes.items():
        given[name.replace("__", ".")] = value if isinstance(value, list) else [value]
    return browser.post(action, data=given)
