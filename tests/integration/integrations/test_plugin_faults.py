"""Faults of plugins on record: one event per series, quarantine, release by a Product Admin, and what is shown."""

import os
from datetime import timedelta

import httpx2
import pytest
from tests.integration.cli_shell import Shell
from tests.integration.conftest import Team

from certrail.domain.errors import NotFound
from certrail.services.integrations.plugin_faults import (
    QUIET,
    SUSPECT_QUIET,
    CallFault,
    described,
)

KEY = "destination-files"
SILENT = CallFault(KEY, "1.0.0", "deliver", "gave no answer within 45 s")
HELD = CallFault(KEY, "1.0.0", "deliver", "held the event loop", harmful=True)
SUSPECTED = CallFault(KEY, "1.0.0", "verify", "was open when the process ended", harmful=True, suspect=True)


def events(team: Team) -> list[str]:
    """Types of the events about plugins, oldest first."""
    found = team.services.audit_log.events(None, limit=100)
    return [event.type for event in found if event.type.startswith("plugin.")]


def test_a_series_is_one_event(team: Team) -> None:
    for _ in range(3):
        team.services.plugin_faults.record(SILENT)
    (row,) = team.services.plugin_faults.all().values()
    assert (row.key, row.version, row.verb, row.count) == (KEY, "1.0.0", "deliver", 3)
    assert row.quarantined_at is None
    assert events(team) == ["plugin.faulted"]
    (event,) = team.services.audit_log.events(None, type_="plugin.faulted", limit=100)
    message = f"{KEY} 1.0.0 gave no answer within 45 s in the verb deliver"
    assert (event.data["slug"], event.data["message"]) == (KEY, message)
    assert "3 times" in described(row)


def test_a_harmful_fault_quarantines_until_a_person_releases(team: Team) -> None:
    faults = team.services.plugin_faults
    faults.record(SILENT)
    faults.record(HELD)
    faults.record(HELD)
    assert faults.quarantined() == {KEY}
    team.clock.advance(QUIET + timedelta(days=30))
    assert faults.close_quiet() == 0
    faults.release(team.admin, KEY)
    assert faults.quarantined() == frozenset()
    assert events(team) == ["plugin.faulted", "plugin.quarantined", "plugin.released"]
    (released,) = team.services.audit_log.events(None, type_="plugin.released", limit=100)
    assert released.actor_name == team.admin.name
    with pytest.raises(NotFound):
        faults.release(team.admin, KEY)


def test_a_suspect_goes_free_by_itself_and_a_culprit_does_not(team: Team) -> None:
    faults = team.services.plugin_faults
    faults.record(SUSPECTED)
    assert faults.quarantined() == {KEY}
    team.clock.advance(SUSPECT_QUIET + timedelta(seconds=1))
    assert faults.close_quiet() == 1
    assert faults.all() == {}
    assert events(team) == ["plugin.quarantined", "plugin.recovered"]
    faults.record(SUSPECTED)
    faults.record(HELD)
    team.clock.advance(SUSPECT_QUIET + timedelta(seconds=1))
    assert faults.close_quiet() == 0
    assert events(team)[2:] == ["plugin.quarantined", "plugin.quarantined"]


def test_a_series_ends_by_itself(team: Team) -> None:
    team.services.plugin_faults.record(SILENT)
    assert team.services.sweeps["shared"]() == 0
    team.clock.advance(QUIET + timedelta(seconds=1))
    assert team.services.sweeps["shared"]() == 1
    assert events(team) == ["plugin.faulted", "plugin.recovered"]


def test_people_see_the_fault_and_release_the_plugin(shell: Shell) -> None:
    team = shell.team
    assert "There is no open fault of the plugin" in shell.refused("plugin", "release", KEY)
    team.services.plugin_faults.record(HELD)
    headers = {"Authorization": f"Bearer {os.environ['CERTRAIL_TOKEN']}"}
    answer = httpx2.get(f"{os.environ['CERTRAIL_URL']}/api/v1/plugins", headers=headers, trust_env=False)
    rows = answer.json()["items"]
    (fault,) = [row["fault"] for row in rows if row["fault"]]
    assert (fault["version"], fault["verb"], fault["what"]) == ("1.0.0", "deliver", HELD.what)
    assert fault["quarantined_at"]
    assert "released" in shell.run("plugin", "release", KEY)
    assert team.services.plugin_faults.all() == {}
