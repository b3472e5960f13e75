"""What a sweep could not handle is told of once a day, and that it could again, whoever looks by then."""

from datetime import timedelta

import pytest
from tests.integration.conftest import Team

from certrail.services.core.sweeps import SweepItems


def broken(_item: str) -> int:
    raise ValueError("hunter2-hunter2")


def reported(team: Team) -> list[str]:
    found = team.services.audit_log.events(None)
    return [row.type.removeprefix("sweep.") for row in found if row.subject_type == "sweep"]


def test_who_starts_anew_knows_what_was_reported(team: Team) -> None:
    for _ in range(2):
        assert SweepItems(team.services.context, "things").run_each(["a", "b"], broken) == 0
    assert reported(team) == ["failed", "failed"], "one for each of them, and not again after a start"
    team.clock.advance(timedelta(days=1))
    SweepItems(team.services.context, "things").run_each(["a"], broken)
    assert reported(team) == ["failed"] * 3
    for _ in range(2):
        assert SweepItems(team.services.context, "things").run_each(["a", "b"], len) == 2
    assert reported(team) == [*["failed"] * 3, "recovered", "recovered"]


def test_sweeps_are_reported_apart(team: Team) -> None:
    SweepItems(team.services.context, "things").run_each(["a"], broken)
    SweepItems(team.services.context, "thing").run_each(["a", "s-a"], len)
    assert reported(team) == ["failed"]


def test_one_that_goes_on_looking_knows_what_another_reported(team: Team) -> None:
    one, other = (SweepItems(team.services.context, "things") for _ in range(2))
    one.run_each(["a"], len)
    other.run_each(["a"], broken)
    one.run_each(["a"], len)
    other.run_each(["a"], broken)
    assert reported(team) == ["failed", "recovered", "failed"]


@pytest.mark.parametrize("items", [[], ["x" * 200]])
def test_long_names_and_nothing_at_all(team: Team, items: list[str]) -> None:
    SweepItems(team.services.context, "things").run_each(items, broken)
    SweepItems(team.services.context, "things").run_each(items, len)
    assert reported(team) == ["failed", "recovered"][: 2 * len(items)]
