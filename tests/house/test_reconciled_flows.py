"""Whatever is started through the outbox is started again by the reconciliation when Temporal lost it."""

from sqlmodel import select

from certrail.services.facade import OPEN_OBJECTS
from certrail_workflows.client import _FLOWS


def test_every_flow_has_its_open_objects() -> None:
    assert {kind.flow for kind in OPEN_OBJECTS} == set(_FLOWS)


def test_names_are_unique_and_no_part_of_a_position() -> None:
    names = [kind.name for kind in OPEN_OBJECTS]
    assert len(set(names)) == len(names)
    assert not any(":" in name for name in names)


def test_each_condition_is_about_its_own_table() -> None:
    for kind in OPEN_OBJECTS:
        text = str(select(kind.table.id).where(kind.needing()))
        assert f"FROM {kind.table.__tablename__}" in text, kind.name
