"""The boundaries of every input of every operation, one by one: ``make fuzz``."""

from pathlib import Path

import pytest
from tests.integration.api.generated_calls import assert_answered_as_declared
from tests.integration.conftest import Team


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_call_at_a_boundary_is_answered_as_declared(team: Team, tmp_path: Path) -> None:
    assert_answered_as_declared(team, tmp_path, "coverage")
