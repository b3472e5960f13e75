"""Fixtures that a conformance class may leave out: a rule that needs one is then not checked, and says so."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
Stored = Callable[[], Mapping[str, str] | Awaitable[Mapping[str, str]]]
"""Reads all objects of the other side, past the plugin. A key is any name of an object, a value its whole text: leaf,
chain and private key as PEM, leaf first, with whatever else belongs to it, such as tags."""

NOTHING: Mapping[str, str] = MappingProxyType({})
NOT_CHECKED = "not checked: "
"""Begins the reason of a skipped rule that a fixture would let run; another reason means that it does not apply."""


def given(value: T | None, fixture: str, without: Mapping[str, str] = NOTHING) -> T:
    """A fixture that was provided; else the rule is not checked, or does not apply for the reason in ``without``."""
    if value is None and fixture in without:
        pytest.skip(without[fixture])
    if value is None:
        pytest.skip(f"{NOT_CHECKED}give the conformance class the fixture `{fixture}`")
    return value


async def read_with(stored: Stored | None) -> dict[str, str]:
    """All objects of the other side now."""
    return dict(await awaited(given(stored, "stored")()))


async def awaited(value: Any) -> Any:
    """The value, or what it is once it was awaited: fixtures may be of either kind."""
    return await value if inspect.isawaitable(value) else value
