"""Every open object has its workflow started again after Temporal lost it: once, on record, and without harm."""

from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.flight_world import FIRST, SECOND, Flight, in_flight
from tests.integration.verbs import run_verb
from tests.support.statements import statements

from certrail.domain.errors import Conflict
from certrail.persistence.tables import Delivery
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.delivery.deploy import DeployCall
from certrail.services.facade import OPEN_OBJECTS
from certrail.services.operations import reconciliation as module
from certrail.services.operations.reconciliation import (
    ATTEMPT_GRACE,
    CHECK_EVERY,
    NEW,
    SETTLED,
    Reconciliation,
)
from certrail_server import doctor
from certrail_server.bootstrap import App

FLOWS = {
    "issuance": 2,
    "renewal": 1,
    "revocation": 1,
    "approval-message": 3,
    "delivery": 7,
    "notification": 1,
    "mirror": 1,
    "validation": 1,
}
"""Of `in_flight`, one workflow an object; a renewal's request and its lineage share one."""


@pytest.fixture
async def flight(team: Team, tmp_path: Path) -> Flight:
    folder = tmp_path / "files"
    folder.mkdir(mode=0o700)
    return await in_flight(team, folder)


def test_every_kind_is_started_again_once(flight: Flight) -> None:
    reconciliation, team = flight.team.services.reconciliation, flight.team
    assert flight.flows() == {}
    before = {row.name: reconciliation.report(SECOND).needing[row.name] for row in OPEN_OBJECTS}
    assert all(before.values()), before
    assert reconciliation.restore(SECOND) == sum(FLOWS.values())
    assert flight.flows() == FLOWS
    queued = flight.queued()
    assert len({row.workflow_id for row in queued}) == len(queued)
    assert not any(row.signal for row in queued), "a signal would disturb a workflow that runs"
    for row in queued:  # a plugin may still be at work for a lost run
        assert (row.due_at - team.clock.now == ATTEMPT_GRACE) is (row.plugin is not None)
    (event,) = team.services.audit_log.events(None, type_="workflows.restarted")
    assert event.data["cause"] == "store-replaced"
    assert sum(event.data["counts"].values()) == len(queued)
    assert reconciliation.restore(SECOND) == 0
    assert flight.flows() == FLOWS
    assert flight.recorded("workflows.restarted") == 1


def test_one_event_tells_of_all(flight: Flight, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event for each object would be thousands after a loss, in one chain that all writers pass."""
    monkeypatch.setattr(module, "CHUNK", 2)
    services = flight.team.services
    before = services.audit_log.head().seq
    restarted = services.reconciliation.restore(SECOND)
    assert restarted > 2
    assert services.audit_log.head().seq == before + 1


def test_a_pass_that_is_cut_off_is_finished_by_another_process(
    flight: Flight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 1)
    context = flight.team.services.context
    first, second = (Reconciliation(context, OPEN_OBJECTS) for _ in range(2))
    for _ in range(3):
        assert first._restore_chunk(SECOND) is not None
    assert flight.recorded("workflows.restarted") == 0
    second.restore(SECOND)
    assert flight.flows() == FLOWS
    assert flight.recorded("workflows.restarted") == 1
    assert first.restore(SECOND) == 0


def test_concurrent_processes_start_everything_once(flight: Flight) -> None:
    services = flight.team.services
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: services.reconciliation.restore(SECOND), range(4)))
    assert sum(started) == sum(FLOWS.values())
    assert flight.flows() == FLOWS
    assert flight.recorded("workflows.restarted") == 1


def test_the_first_look_of_several_processes_takes_the_store_as_it_is(team: Team) -> None:
    team.ask(team.admin)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: team.services.reconciliation.restore(FIRST), range(4))) == [0] * 4
    assert team.services.audit_log.events(None, type_="workflows.restarted") == []
    assert team.services.reconciliation.report(FIRST).known


def test_what_is_queued_anyway_is_not_started_again(flight: Flight) -> None:
    fresh = flight.request("new.example.com")
    flight.team.services.reconciliation.restore(SECOND)
    assert sum(row.workflow_id == f"issuance-{fresh}" for row in flight.queued()) == 1


def test_two_stores_in_turn_do_not_start_everything_at_every_look(flight: Flight) -> None:
    reconciliation = flight.team.services.reconciliation
    assert reconciliation.restore(SECOND)
    flight.sent()
    assert reconciliation.restore(FIRST) == 0
    assert not reconciliation.report(FIRST).known
    flight.team.clock.advance(SETTLED)
    assert reconciliation.restore(FIRST) == sum(FLOWS.values())


def test_single_workflows_are_looked_up_and_started_again(flight: Flight) -> None:
    services, team = flight.team.services, flight.team
    reconciliation = services.reconciliation
    needed = reconciliation.to_check()
    # Deliveries that are in place and messages that are shown need none as long as nothing was lost.
    assert {one.start.flow for one in needed} == set(FLOWS)
    assert reconciliation.to_check() == []
    team.clock.advance(CHECK_EVERY)
    assert {one.start.workflow_id for one in reconciliation.to_check()} == {
        one.start.workflow_id for one in needed
    }
    lost = [one for one in needed if one.start.flow == "issuance"]
    assert reconciliation.restart(lost) == len(lost) == FLOWS["issuance"]
    assert flight.flows() == {"issuance": len(lost)}
    (event,) = services.audit_log.events(None, type_="workflows.restarted")
    assert (event.data["cause"], event.data["counts"]) == ("workflow-missing", {"requests": len(lost)})
    assert reconciliation.restart(lost) == 0, "they are queued by now"
    report = reconciliation.report(FIRST)
    assert (report.last_at, report.last_counts) == (team.clock.now, {"requests": len(lost)})


def test_an_object_that_was_finished_since_it_was_looked_up_is_left_alone(flight: Flight) -> None:
    services = flight.team.services
    needed = [one for one in services.reconciliation.to_check() if one.start.flow == "issuance"]
    approved = services.requests.list(flight.team.application, status="approved")[0]
    services.requests.cancel(flight.team.admin, approved.id)
    flight.sent()
    assert services.reconciliation.restart([one for one in needed if one.ident == approved.id]) == 0
    assert flight.flows() == {}


def test_a_check_is_bounded_and_goes_on_where_it_ended(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECKED", 3)
    requests = {team.ask(team.admin, f"r{number}.example.com")[0] for number in range(7)}
    flight, reconciliation = Flight(team, Path()), team.services.reconciliation
    reconciliation.restore(FIRST)
    flight.sent()
    team.clock.advance(NEW)
    seen = Counter[str]()
    for _ in range(3):
        page = [one.ident for one in reconciliation.to_check()]
        assert len(page) <= 3
        seen.update(page)
        team.clock.advance(CHECK_EVERY)
    assert set(seen) == requests


def test_the_number_of_statements_does_not_grow_with_the_objects(team: Team) -> None:
    reconciliation, flight = team.services.reconciliation, Flight(team, Path())
    reconciliation.restore(FIRST)

    def counted(store: str, requests: int) -> int:
        for number in range(requests):
            flight.request(f"r{number}.example.com")
        flight.sent()
        team.clock.advance(2 * SETTLED)
        with statements(team.services.context.db) as seen:
            assert reconciliation.restore(store) >= requests
        flight.sent()
        # SQLite takes one row of this table at a time, whoever enqueues.
        return sum(not statement.startswith("INSERT INTO outbox") for statement in seen)

    assert counted(SECOND, 2) == counted("store-3", 20)
    with statements(team.services.context.db) as seen:
        assert reconciliation.restore("store-3") == 0
    assert len(seen) == 1, "a look that finds nothing to do only reads"


async def test_what_was_delivered_shortly_before_is_read_back(team: Team, tmp_path: Path) -> None:
    flight, services = Flight(team, tmp_path), team.services
    config = {"root": str(tmp_path)}
    services.connections.create(team.admin, slug="disk", name="D", type_="folder", config=config)
    services.syncs.create(
        team.admin, team.application, slug="s", name="S", destination="files", connection="disk", config={}
    )
    services.reconciliation.restore(FIRST)
    flight.issued("a.example.com")
    with services.context.db.read() as session:
        delivery = session.exec(select(Delivery.id)).one()
    # As where the read-back after the deploy failed: the receipt is on record by itself.
    call = services.effects.deliver.begin(delivery, 1)
    assert isinstance(call, DeployCall)
    services.effects.deliver.complete(call, await call.answer())
    flight.sent()
    team.clock.advance(2 * NEW)
    assert services.reconciliation.to_check() == [], "whether it can be read back is not known"
    assert services.reconciliation.restore(SECOND) == 1
    await run_verb(team, services.effects.verify, delivery)
    flight.sent()
    team.clock.advance(SETTLED)
    assert services.reconciliation.restore("store-3") == 0


async def test_nothing_that_is_finished_is_done_again(flight: Flight) -> None:
    """A new store knows of no success and starts what a late message names: each step finds nothing to do."""
    services, team = flight.team.services, flight.team
    boss = team.actor("boss")
    for approval in services.approvals.list(team.application, status="open"):
        services.approvals.vote(boss, approval.id, "approve")
    await flight.finish()
    head, files = services.audit_log.head(), flight.files()
    await flight.finish(verify=False)  # a read-back changes nothing and is recorded each time
    assert services.audit_log.head() == head
    assert flight.files() == files
    assert services.reconciliation.restore(SECOND) == 0, "nothing is open any more"


def test_an_approved_request_without_a_workflow_is_retried_or_cancelled_by_hand(team: Team) -> None:
    services, flight = team.services, Flight(team, Path())
    retried, cancelled = (flight.request(f"{name}.example.com") for name in ("retried", "cancelled"))
    flight.sent()
    assert services.requests.retry(team.admin, retried).status == "approved"
    assert [row.workflow_id for row in flight.queued()] == [f"issuance-{retried}"]
    assert services.requests.cancel(team.admin, cancelled).status == "cancelled"
    assert services.issuance.advance(cancelled).status == "cancelled"
    assert services.issuance.advance(retried).status == "issued"
    for refused in (services.requests.retry, services.requests.cancel):
        with pytest.raises(Conflict, match="The request is issued"):
            refused(team.admin, retried)


def test_missing_schedules_are_recorded_unless_the_store_is_new(team: Team) -> None:
    reconciliation = team.services.reconciliation
    reconciliation.schedules_restored(FIRST, ["sweep-expiry"])
    reconciliation.restore(FIRST)
    reconciliation.schedules_restored(FIRST, ["sweep-expiry"])
    assert team.services.audit_log.events(None, type_="schedules.restored") == []
    team.clock.advance(timedelta(hours=1))
    reconciliation.schedules_restored(SECOND, ["sweep-expiry"])
    reconciliation.schedules_restored(FIRST, [])
    reconciliation.schedules_restored(FIRST, ["sweep-shared", "sweep-expiry"])
    (event,) = team.services.audit_log.events(None, type_="schedules.restored")
    assert event.data["names"] == ["sweep-expiry", "sweep-shared"]


class Lost:
    """A Temporal in which no workflow runs."""

    async def lost(self, starts: Sequence[WorkflowStart]) -> Collection[str]:
        return {start.workflow_id for start in starts}


async def test_doctor_counts_what_has_no_workflow(flight: Flight) -> None:
    services = flight.team.services
    app = cast(App, SimpleNamespace(services=services, orchestrator=Lost()))
    replaced = await doctor._workflows(app, SECOND)
    assert not replaced.ok
    assert "Temporal's database was replaced: no workflow for 2 requests, " in replaced.detail
    single = await doctor._workflows(app, FIRST)
    assert not single.ok
    assert single.detail.startswith("no workflow for 2 requests, ")
    services.reconciliation.restore(SECOND)
    after = await doctor._workflows(app, SECOND)
    assert after.ok, "all of it is queued"
    assert "last started again at" in after.detail
    assert ": 2 requests, " in after.detail
