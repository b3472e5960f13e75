"""Every event is a class: registered, frozen, recorded somewhere, and in the reference."""

import ast
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path

import certrail.services.facade  # noqa: F401
from certrail.domain.events import EVENTS, Event

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("engine", "server", "workflows")
    for path in (ROOT / folder).rglob("*.py")
    if "domain/events" not in path.as_posix()
]


def classes(base: type[Event] = Event) -> Iterator[type[Event]]:
    for cls in (cls for cls in base.__subclasses__() if not cls.__module__.startswith("tests.")):
        yield cls
        yield from classes(cls)


def test_every_class_is_one_event_or_the_base_of_several() -> None:
    assert len(EVENTS) > 100
    for cls in classes():
        assert cls.__module__.startswith("certrail.domain.events."), cls
        if EVENTS.get(cls.event_type) is cls:
            assert is_dataclass(cls), cls
            assert cls.__dataclass_params__.frozen, cls  # type: ignore[attr-defined]
            # A dataclass without a docstring gets its signature for one.
            assert not str(cls.__doc__).startswith(f"{cls.__name__}("), f"{cls} has no docstring"
        else:
            assert cls.__subclasses__(), f"{cls} is neither an event nor the base of one"


def test_every_event_is_recorded_by_a_use_case() -> None:
    used = {name.id for tree in _trees() for name in ast.walk(tree) if isinstance(name, ast.Name)}
    tables = {"APPROVAL_ENDS": "ApprovalClosed", "REQUEST_TRANSITIONS": "RequestTransition"}
    used |= {base for table, base in tables.items() if table in used}
    for event_type, cls in EVENTS.items():
        assert used & {base.__name__ for base in cls.__mro__ if base is not Event}, event_type


def test_no_event_is_recorded_by_a_loose_string() -> None:
    for path, tree in zip(SOURCES, _trees(), strict=True):
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                assert call.func.attr != "event", f"{path}:{call.lineno}"
                if call.func.attr == "record" and call.args:
                    assert not isinstance(call.args[0], ast.Constant), f"{path}:{call.lineno}"


def test_every_event_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "events.md").read_text()
    documented = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert sorted(documented) == sorted(EVENTS)


def _trees() -> list[ast.Module]:
    return [ast.parse(path.read_text()) for path in SOURCES]
