"""One vocabulary, that of docs/glossary.md: an old word in a name, a help text, the API or a page fails here."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from docs.generate import application
from tests.docs.pages import FENCE, PAGES_TO_READ
from tests.house.words import (
    NAMES,
    PENDING,
    PENDING_API,
    PENDING_HELP,
    PENDING_PAGES,
    ROOT,
    TEXTS,
    Found,
    in_source,
    in_sources,
    old_names,
    old_texts,
)

from certrail_server.cli import app

UNREAD = ("docs/glossary.md", "CHANGELOG.md")
"""The page that lists the old words, and that of former versions."""


def test_identifiers_use_the_glossary() -> None:
    assert not [str(found) for found in in_sources()]


def test_help_texts_use_the_glossary() -> None:
    command: Any = typer.main.get_command(app)
    found = _in_command(command, "certrail")
    assert not [str(each) for each in found if each.text.lower() not in PENDING_HELP]


def test_the_api_uses_the_glossary() -> None:
    found = _in_schema(application().openapi(), "openapi")
    assert not [str(each) for each in found if each.text.lower() not in PENDING_API]


@pytest.mark.parametrize(
    "page", [p for p in PAGES_TO_READ if p.relative_to(ROOT).as_posix() not in UNREAD], ids=lambda p: p.name
)
def test_pages_use_the_glossary(page: Any) -> None:
    # A fenced block is code: it has the names that the code has, which are looked at there.
    if page.name in PENDING_PAGES:
        return
    text = FENCE.sub("", page.read_text())
    assert not [str(found) for found in _texts(text, page.name)]


def test_every_old_word_is_found() -> None:
    for name in NAMES:
        camel = "".join(part.capitalize() for part in name.split("_"))
        for source in (f"def {name}(): pass", f"class {camel}: pass", f"x.{name}_at = 1"):
            assert list(in_source("engine/x.py", source)), source
    for sample in (
        "newest wish",
        "What it carries",
        "was told of it",
        "Let it act no more",
        "the moment at which",
    ):
        assert list(old_texts(sample)), sample
    assert len(NAMES) > 40
    assert len(TEXTS) > 15


@pytest.mark.parametrize("name", ["placement", "folder", "outstanding", "destination", "asks", "indoor"])
def test_a_part_of_another_word_is_none(name: str) -> None:
    assert not list(old_names(name))


def test_what_is_pending_is_there() -> None:
    """A folder that was reworded leaves the list of those that were not."""
    for folder, pending in PENDING.items():
        assert (ROOT / folder).exists(), folder
        assert pending <= NAMES.keys()


def _texts(text: str, where: str) -> Iterator[Found]:
    for word, instead in old_texts(text):
        yield Found(where, word, instead)


def _in_command(command: Any, where: str) -> Iterator[Found]:
    yield from _texts(re.sub(r"\s+", " ", command.help or ""), where)
    for parameter in command.params:
        yield from _texts(
            f"{parameter.name} {getattr(parameter, 'help', None) or ''}", f"{where} {parameter.name}"
        )
    for name, inner in getattr(command, "commands", {}).items():
        yield from _texts(name, where)
        yield from _in_command(inner, f"{where} {name}")


def _in_schema(value: Any, where: str) -> Iterator[Found]:
    """Titles, descriptions and the names of properties and parameters, wherever they are."""
    if isinstance(value, list):
        for each in value:
            yield from _in_schema(each, where)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key in ("title", "description", "summary", "name") and isinstance(inner, str):
            yield from _texts(inner.replace("_", " "), where)
        elif key == "properties":
            for name, described in inner.items():
                yield from _texts(name.replace("_", " "), f"{where} {name}")
                yield from _in_schema(described, f"{where} {name}")
        else:
            yield from _in_schema(inner, key if key.startswith("/") else where)
