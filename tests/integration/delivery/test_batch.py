"""Deliveries in bulk: one intent and one receipt for many, and each delivery is made once, by a batch or by itself."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select
from tests.integration import alert_world
from tests.integration.conftest import Team
from tests.integration.folder_world import FolderWorld
from tests.integration.verbs import run_verb
from tests.support.statements import traffic

from certrail.domain.rate_limits import RateSlot
from certrail.persistence.tables import Delivery, OutboxRow
from certrail.services.core.failure import Failure
from certrail.services.delivery import batch as batching
from certrail.services.delivery.deploy import BATCH_LIMIT, DeployCall
from certrail_sdk import Receipt

SIZE = 100
STATEMENTS = 5, 9
"""Of the intents and of the receipts of `SIZE` deliveries with their read-backs; one by itself has 10 in all."""
BATCH = "delivery-batch-1"
WAITS = Failure("Retryable", "It is busy.", "Nothing.", "files 1", None, permanent=False)
SLOWER = replace(WAITS, kind="RateLimited", message="Slow down.", nothing_written=True)
REFUSED = Failure("Unauthorized", "It is not allowed.", "Allow it.", "files 1", None, permanent=True)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, all intents are one transaction."""
    monkeypatch.setattr(batching, "LONGEST", 3600.0)


def issued(team: Team, count: int) -> list[str]:
    """Ids of the deliveries of new certificates, in the order in which a batch has them."""
    requests = [team.ask(team.admin, f"n{number}.example.com")[0] for number in range(count)]
    left = requests
    while left:
        left = list(team.services.issuance_batch.advance(left))
    with team.services.context.db.read() as session:
        return list(session.exec(select(Delivery.id).order_by(Delivery.id)).all())


def begun(team: Team, idents: list[str]) -> list[DeployCall]:
    found = team.services.delivery_batch.begin(BATCH, idents)
    assert found.left == []
    return list(found.calls)


def answered(team: Team, calls: list[DeployCall]) -> list[tuple[DeployCall, Receipt]]:
    """The plugin's calls, as a batch makes them."""

    async def perform(call: DeployCall) -> tuple[DeployCall, Receipt]:
        answer = await call.perform()
        reading = team.services.delivery_batch.read_back(call, answer)
        assert reading is not None
        return replace(call, seen=await reading.perform()), answer

    async def every() -> list[tuple[DeployCall, Receipt]]:
        return [await perform(call) for call in calls]

    return asyncio.run(every())


def statuses(team: Team) -> Counter[str]:
    with team.services.context.db.read() as session:
        return Counter(session.exec(select(Delivery.status)).all())


def own_workflows(team: Team) -> list[str]:
    """The deliveries whose own workflows are started or signalled."""
    with team.services.context.db.read() as session:
        query = select(OutboxRow).where(OutboxRow.flow == "delivery").order_by(OutboxRow.seq)  # type: ignore[arg-type]
        return [row.subject_id for row in session.exec(query).all() if row.batch_key is None]


def row_of(team: Team, ident: str) -> Delivery:
    return team.services.deliveries.get(ident)[0]


def deliver(team: Team, ident: str) -> None:
    """An attempt of its own workflow."""
    asyncio.run(run_verb(team, team.services.effects.deliver, ident))


def test_a_hundred_deliveries_have_two_commits(team: Team, tmp_path: Path) -> None:
    alert_world.sync_and_alert(team, tmp_path)
    idents = issued(team, SIZE)
    database = team.services.context.db
    with traffic(database) as intents:
        calls = begun(team, idents)
    answers = answered(team, calls)
    with traffic(database) as receipts:
        assert set(team.services.delivery_batch.complete(BATCH, answers)) == set(idents)
    assert statuses(team) == {"delivered": SIZE}
    assert all(row_of(team, ident).verified_at and row_of(team, ident).batch_id is None for ident in idents)
    assert own_workflows(team) == []
    counts = len(intents.statements), len(receipts.statements)
    assert (counts, intents.commits, receipts.commits) == (STATEMENTS, 1, 1), intents.listed + receipts.listed
    events = team.services.audit_log.events(None, type_="delivery.delivered", limit=1000)
    assert Counter(event.subject_id for event in events) == Counter(idents)
    assert team.services.audit_log.verify().faults == []


def test_the_outbox_rows_of_one_sync_may_share_a_workflow(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    folder_world.issue()
    (row,) = outbox(team)
    (sync,) = {row.sync_id for row in folder_world.deliveries()}
    assert row.batch_key == f"delivery-{sync}"
    assert row.signal, "sent alone, it is a signal to a workflow that may still run"
    folder_world.trigger()
    assert outbox(team)[-1].batch_key is None, "an attempt may be under way"
    asyncio.run(folder_world.work())
    folder_world.trigger()
    assert outbox(team)[-1].batch_key == row.batch_key, "delivered and read back"


def outbox(team: Team) -> list[OutboxRow]:
    with team.services.context.db.read() as session:
        rows = session.exec(select(OutboxRow).where(OutboxRow.flow == "delivery")).all()
    return sorted(rows, key=lambda row: row.seq or 0)


def test_one_that_fails_goes_on_in_its_own_workflow_at_its_time(
    team: Team, folder_world: FolderWorld
) -> None:
    folder_world.sync()
    idents = issued(team, 3)
    calls = begun(team, idents)
    later = team.clock() + timedelta(seconds=30)
    team.services.delivery_batch.fail(BATCH, calls[0], replace(WAITS, next_try_at=later))
    team.services.delivery_batch.fail(BATCH, calls[1], REFUSED)
    team.services.delivery_batch.complete(BATCH, answered(team, calls[2:]))
    assert statuses(team) == {"retrying": 1, "failed": 1, "delivered": 1}
    assert own_workflows(team) == [calls[0].subject_id], "what a person has to see to waits for that person"
    ident = calls[0].subject_id
    assert team.services.effects.deliver.begin(ident, 1) == RateSlot(later)
    team.clock.advance(timedelta(seconds=31))
    again = team.services.effects.deliver.begin(ident, 2)
    assert isinstance(again, DeployCall)
    assert again.deployment.may_exist
    assert row_of(team, ident).batch_id is None


def test_a_retry_by_hand_does_not_wait(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    (ident,) = issued(team, 1)
    (call,) = begun(team, [ident])
    later = team.clock() + timedelta(hours=1)
    team.services.delivery_batch.fail(BATCH, call, replace(WAITS, next_try_at=later))
    team.services.deliveries.retry(team.admin, ident)
    deliver(team, ident)
    assert row_of(team, ident).status == "delivered"


def test_a_newer_generation_waits_for_the_attempt_in_the_batch(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    (ident,) = issued(team, 1)
    (call,) = begun(team, [ident])
    assert team.services.delivery_batch.superseded([call]) == set()
    team.services.deliveries.retry(team.admin, ident)
    assert team.services.delivery_batch.superseded([call]) == {ident}
    held = team.services.effects.deliver.begin(ident, 1)
    assert held == RateSlot(team.clock() + BATCH_LIMIT), "two attempts would overlap"
    before = len(own_workflows(team))
    team.services.delivery_batch.complete(BATCH, answered(team, [call]))
    assert own_workflows(team)[before:] == [ident], "signalled, so that it does not wait for the limit"
    deliver(team, ident)
    assert row_of(team, ident).observed_generation == 2


def test_what_was_under_way_when_a_batch_was_lost_may_exist(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    idents = issued(team, 3)
    calls = begun(team, idents)
    team.services.delivery_batch.complete(BATCH, answered(team, calls[:1]))
    answered(team, calls[1:2])  # at its destination, and not on record
    team.services.delivery_batch.hand_over(BATCH, idents, called=idents)
    left = [call.subject_id for call in calls[1:]]
    assert own_workflows(team) == left
    for ident in left:
        found = team.services.effects.deliver.begin(ident, 1)
        assert isinstance(found, DeployCall)
        assert found.deployment.may_exist
        deliver(team, ident)
    assert statuses(team) == {"delivered": 3}


def test_what_was_not_called_is_handed_over_as_new(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    (ident,) = issued(team, 1)
    begun(team, [ident])
    team.services.delivery_batch.hand_over(BATCH, [ident], called=())
    found = team.services.effects.deliver.begin(ident, 1)
    assert isinstance(found, DeployCall)
    assert not found.deployment.may_exist


def test_a_lost_batch_holds_a_delivery_for_a_limited_time(team: Team, folder_world: FolderWorld) -> None:
    """Its workflow is gone with Temporal's data, so that nobody hands over."""
    folder_world.sync()
    (ident,) = issued(team, 1)
    begun(team, [ident])
    team.clock.advance(BATCH_LIMIT)
    deliver(team, ident)
    assert row_of(team, ident).status == "delivered"


def test_what_runs_by_itself_or_in_another_batch_is_left_alone(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    by_itself, elsewhere = issued(team, 2)
    assert isinstance(team.services.effects.deliver.begin(by_itself, 1), DeployCall)
    team.services.delivery_batch.begin("delivery-batch-2", [elsewhere])
    assert begun(team, [by_itself, elsewhere]) == []
    assert own_workflows(team) == [by_itself], "a signal to the workflow that is at it changes nothing"
    team.services.delivery_batch.hand_over(BATCH, [elsewhere], called=[elsewhere])
    assert row_of(team, elsewhere).batch_id == "delivery-batch-2"


def test_what_a_connection_limits_waits_for_its_slot_by_itself(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    idents = issued(team, 2)
    team.services.connections.update(team.admin, "one", max_per_minute=1)
    assert begun(team, idents) == []
    assert own_workflows(team) == idents


def test_nothing_is_begun_for_a_sync_that_is_being_deleted(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    idents = issued(team, 2)
    calls = begun(team, idents[:1])
    team.services.syncs.delete(team.admin, team.application, "files", cleanup=True)
    assert team.services.delivery_batch.superseded(calls) == {idents[0]}
    assert begun(team, idents[1:]) == []
    team.services.delivery_batch.complete(BATCH, answered(team, calls))
    asyncio.run(folder_world.work())
    assert folder_world.deliveries() == []


def test_receipts_that_cannot_be_recorded_together_are_recorded_one_by_one(
    team: Team, folder_world: FolderWorld, at_checkpoint: dict[str, Callable[[], None]]
) -> None:
    folder_world.sync()
    idents = issued(team, 3)
    answers = answered(team, begun(team, idents))

    def fault() -> None:
        raise ValueError("canary-secret")

    at_checkpoint["delivery_batch.item.2"] = fault
    assert set(team.services.delivery_batch.complete(BATCH, answers)) == set(idents)
    assert statuses(team) == {"delivered": 3}


def test_a_database_that_goes_away_is_raised(
    team: Team, folder_world: FolderWorld, at_checkpoint: dict[str, Callable[[], None]]
) -> None:
    folder_world.sync()
    idents = issued(team, 2)
    answers = answered(team, begun(team, idents))

    def gone() -> None:
        raise OperationalError("gone", None, Exception())

    at_checkpoint["delivery_batch.item.2"] = gone
    with pytest.raises(OperationalError):
        team.services.delivery_batch.complete(BATCH, answers)
    assert statuses(team) == {"delivering": 2}


def test_intents_are_recorded_for_a_bounded_time(
    team: Team, folder_world: FolderWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_world.sync()
    idents = issued(team, 3)
    monkeypatch.setattr(batching, "LONGEST", 0.0)
    found = team.services.delivery_batch.begin(BATCH, idents)
    assert ([call.subject_id for call in found.calls], found.left) == (idents[:1], idents[1:])
