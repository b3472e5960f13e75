"""What a destination refused for its rate leaves its batch at once, and comes back in another one."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.delivery.test_batch import (
    BATCH,
    SLOWER,
    answered,
    begun,
    deliver,
    issued,
    outbox,
    own_workflows,
    row_of,
    statuses,
)
from tests.integration.folder_world import FolderWorld
from tests.support.statements import traffic

from certrail.domain.rate_limits import RateSlot
from certrail.persistence.tables import Delivery
from certrail.services.delivery import batch as batching
from certrail_sdk import Observation

WAIT = timedelta(seconds=30)
AGAIN = "delivery-batch-2"
SIZE = 20
STATEMENTS = 9
"""Of the failures of `SIZE` deliveries."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, all intents are one transaction."""
    monkeypatch.setattr(batching, "LONGEST", 3600.0)


def put_off(team: Team, idents: list[str], *, nothing_written: bool = True) -> None:
    refused = replace(SLOWER, next_try_at=team.clock() + WAIT, nothing_written=nothing_written)
    team.services.delivery_batch.put_off(BATCH, [(call, refused) for call in begun(team, idents)])


def test_it_waits_with_its_reason_for_a_batch_at_its_time(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    idents = issued(team, 2)
    put_off(team, idents)
    assert statuses(team) == {"retrying": 2}
    row = row_of(team, idents[0])
    assert row.last_error is not None
    assert (row.last_error["kind"], row.attempts) == ("RateLimited", 1)
    assert "nothing_written" not in row.last_error
    assert own_workflows(team) == []
    later = outbox(team)[-2:]
    assert {(row.due_at, row.batch_key) for row in later} == {
        (team.clock() + WAIT, outbox(team)[0].batch_key)
    }
    team.clock.advance(WAIT)
    calls = team.services.delivery_batch.begin(AGAIN, idents).calls
    assert [(call.attempt, call.deployment.may_exist) for call in calls] == [(2, False), (2, False)]
    assert set(team.services.delivery_batch.complete(AGAIN, answered(team, list(calls)))) == set(idents)
    assert statuses(team) == {"delivered": 2}
    assert all(row_of(team, ident).verified_at for ident in idents)
    assert own_workflows(team) == []


def test_failures_of_many_are_one_commit(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    idents = issued(team, SIZE)
    refused = replace(SLOWER, next_try_at=team.clock() + WAIT)
    failures = [(call, refused) for call in begun(team, idents)]
    with traffic(team.services.context.db) as found:
        team.services.delivery_batch.put_off(BATCH, failures)
    assert (len(found.statements), found.commits) == (STATEMENTS, 1), found.listed


def test_what_was_not_called_waits_with_the_others(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    idents = issued(team, 2)
    begun(team, idents)
    later = team.clock() + WAIT
    team.services.delivery_batch.hand_over(BATCH, idents, called=idents[:1], later=later)
    assert own_workflows(team) == idents[:1]
    row = row_of(team, idents[1])
    assert (row.status, row.intent_at, row.next_try_at) == ("pending", None, later)
    assert (outbox(team)[-1].due_at, outbox(team)[-1].subject_id) == (later, idents[1])
    team.clock.advance(WAIT)
    (call,) = team.services.delivery_batch.begin(AGAIN, idents[1:]).calls
    assert (call.attempt, call.deployment.may_exist) == (1, False)


def test_what_may_have_succeeded_may_exist(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    (ident,) = issued(team, 1)
    put_off(team, [ident], nothing_written=False)
    team.clock.advance(WAIT)
    (call,) = team.services.delivery_batch.begin(AGAIN, [ident]).calls
    assert call.deployment.may_exist
    assert call.observer is None, "the receipt comes first"
    answer = asyncio.run(call.perform())
    team.services.delivery_batch.complete(AGAIN, [(call, answer)])
    assert own_workflows(team) == [ident], "which reads it back"


def test_an_intent_of_an_earlier_attempt_is_kept(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    (ident,) = issued(team, 1)
    put_off(team, [ident], nothing_written=False)
    team.clock.advance(WAIT)
    (call,) = team.services.delivery_batch.begin(AGAIN, [ident]).calls
    refused = replace(SLOWER, next_try_at=team.clock() + WAIT)
    team.services.delivery_batch.put_off(AGAIN, [(call, refused)])
    assert row_of(team, ident).intent_at is not None


def test_a_batch_that_comes_early_puts_it_off_again(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    (ident,) = issued(team, 1)
    put_off(team, [ident])
    before = len(outbox(team))
    assert team.services.delivery_batch.begin(AGAIN, [ident]).calls == []
    (again,) = outbox(team)[before:]
    assert (again.due_at, again.batch_key) == (team.clock() + WAIT, outbox(team)[0].batch_key)


def test_its_own_workflow_waits_as_well(team: Team, folder_world: FolderWorld) -> None:
    """The reconciliation starts one where it finds none."""
    folder_world.sync()
    (ident,) = issued(team, 1)
    put_off(team, [ident])
    assert team.services.effects.deliver.begin(ident, 1) == RateSlot(team.clock() + WAIT)
    team.clock.advance(WAIT)
    deliver(team, ident)
    assert team.services.delivery_batch.begin(AGAIN, [ident]).calls == []
    assert row_of(team, ident).status == "delivered"


def test_a_newer_generation_does_not_wait_for_it(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    (ident,) = issued(team, 1)
    (call,) = begun(team, [ident])
    team.services.deliveries.retry(team.admin, ident)
    before = own_workflows(team)
    refused = replace(SLOWER, next_try_at=team.clock() + WAIT)
    team.services.delivery_batch.put_off(BATCH, [(call, refused)])
    assert own_workflows(team) == [*before, ident]
    deliver(team, ident)
    assert row_of(team, ident).observed_generation == 2


def test_what_is_read_back_after_the_receipt_is_recorded(team: Team, folder_world: FolderWorld) -> None:
    folder_world.sync()
    idents = issued(team, 2)
    answers = [(replace(call, seen=None), answer) for call, answer in answered(team, begun(team, idents))]
    team.services.delivery_batch.complete(BATCH, answers, idents)
    assert own_workflows(team) == []
    readings = [team.services.delivery_batch.read_again(ident) for ident in idents]
    good, changed = [reading for reading in readings if reading is not None]
    gone = Observation(present=False)
    team.services.delivery_batch.observed([(good, asyncio.run(good.perform())), (changed, gone)])
    assert row_of(team, good.subject_id).verified_at is not None
    assert row_of(team, changed.subject_id).generation == 2
    assert own_workflows(team) == [changed.subject_id], "what is gone is deployed again"


def test_what_was_not_read_back_when_a_batch_was_lost_is_read_by_its_own_workflow(
    team: Team, folder_world: FolderWorld
) -> None:
    folder_world.sync()
    idents = issued(team, 2)
    answers = answered(team, begun(team, idents))
    unread = [(replace(call, seen=None), answer) for call, answer in answers[:1]]
    team.services.delivery_batch.complete(BATCH, unread, idents)
    team.services.delivery_batch.complete(BATCH, answers[1:], idents)
    team.services.delivery_batch.hand_over(BATCH, idents, called=idents)
    assert own_workflows(team) == [unread[0][0].subject_id]
    with team.services.context.db.read() as session:
        assert set(session.exec(select(Delivery.status)).all()) == {"delivered"}
