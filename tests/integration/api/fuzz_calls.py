"""The boundaries of every input of every operation, one by one, and a minute of inputs at random: ``make fuzz``."""

import os
import secrets
from pathlib import Path

import pytest
from tests.integration.api.generated_calls import assert_answered_as_declared
from tests.integration.conftest import Team

SECONDS = "60"
SEED = "FUZZ_SEED"
"""Environment variable with the seed of a run that is to be repeated."""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_call_at_a_boundary_is_answered_as_declared(team: Team, tmp_path: Path) -> None:
    assert_answered_as_declared(team, tmp_path, "coverage")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_minute_of_calls_at_random_is_answered_as_declared(
    team: Team, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other calls at every run."""
    seed = int(os.environ.get(SEED) or secrets.randbelow(2**32))
    with capsys.disabled():
        print(f"\ncalls at random for {SECONDS} s; to repeat them: make fuzz {SEED}={seed}")
    assert_answered_as_declared(team, tmp_path, "fuzzing", "--max-time", SECONDS, seed=seed)
