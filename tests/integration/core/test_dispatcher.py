"""The dispatcher: rows are sent with one commit, many by one workflow, and none is lost when sending fails."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlmodel import col, select
from tests.integration.conftest import Team
from tests.support.statements import traffic

from certrail.persistence.tables import OutboxRow
from certrail.services.approvals.policies import Step
from certrail.services.core import coalescing
from certrail.services.core import dispatcher as dispatching
from certrail.services.core.dispatcher import Dispatcher
from certrail.services.core.orchestrator import OrchestratorUnavailable, OutboxMessage, WorkflowStart
from certrail.services.core.unit_of_work import LEASE, MOST_HANDED_OVER


async def eventually(true: Callable[[], bool]) -> None:
    """Until something is true that happens in another task."""
    async with asyncio.timeout(20):
        while True:
            if await asyncio.to_thread(true):
                return
            await asyncio.sleep(0.005)


@dataclass
class Recorder:
    """An orchestrator that only remembers what reached it."""

    single: list[OutboxMessage] = field(default_factory=list)
    together: list[Sequence[OutboxMessage]] = field(default_factory=list)
    refuses: dict[str, Exception] = field(default_factory=dict)
    away: bool = False

    async def dispatch(self, message: OutboxMessage) -> None:
        self._answer(message)
        self.single.append(message)

    async def dispatch_together(self, messages: Sequence[OutboxMessage]) -> None:
        for message in messages:
            self._answer(message)
        self.together.append(messages)

    def _answer(self, message: OutboxMessage) -> None:
        if self.away:
            raise OrchestratorUnavailable("nobody answers")
        if error := self.refuses.get(message.subject_id):
            raise error

    async def health(self) -> bool:
        return not self.away

    async def identity(self) -> str | None:
        return "store"

    async def ensure(self) -> Collection[str]:
        return ()

    async def lost(self, starts: Sequence[WorkflowStart]) -> Collection[str]:
        return ()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def dispatcher(team: Team, recorder: Recorder) -> Dispatcher:
    return Dispatcher(team.services.outbox, recorder)


@asynccontextmanager
async def running(team: Team, dispatcher: Dispatcher) -> AsyncIterator[None]:
    """The dispatcher at work in this process, as beside a server."""
    team.services.context.nudge = dispatcher.nudge
    task = asyncio.create_task(dispatcher.run())
    await eventually(lambda: team.services.context.hand_over is not None)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def rows(team: Team) -> list[OutboxRow]:
    with team.services.context.db.read() as session:
        return list(session.exec(select(OutboxRow).order_by(col(OutboxRow.seq))).all())


def requested(team: Team, count: int) -> list[str]:
    return [team.ask(team.admin, f"n{number}.example.com")[0] for number in range(count)]


async def until_sent(team: Team) -> None:
    await eventually(lambda: all(row.dispatched_at for row in rows(team)))


async def test_a_row_of_this_process_is_sent_with_one_commit(
    team: Team, dispatcher: Dispatcher, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "IDLE_SECONDS", 3600.0)
    async with running(team, dispatcher):
        (ident,) = await asyncio.to_thread(requested, team, 1)
        (row,) = rows(team)
        assert row.due_at == team.clock.now + LEASE, "nobody else sends it meanwhile"
        await until_sent(team)
        # A second one is counted, as the first one has shown that the dispatcher is idle again.
        with traffic(team.services.context.db) as seen:
            await asyncio.to_thread(team.ask, team.admin, "second.example.com")
            await until_sent(team)
    assert seen.commits == 2, f"its acceptance, and the mark of its row\n{seen.listed}"
    assert recorder.single[0].subject_id == ident
    assert len(recorder.single) == 2
    assert recorder.together == []


async def test_claimed_rows_of_one_application_share_a_batch(
    team: Team, dispatcher: Dispatcher, recorder: Recorder
) -> None:
    idents = requested(team, 30)
    other = team.services.applications.create(team.admin, slug="other", name="Other", profiles=["web"]).id
    alone = team.services.requests.submit(
        team.admin, other, profile="web", content={"sans": {"dns": ["alone.example.com"]}}
    )
    assert await dispatcher.drain() == 31
    (batch,) = recorder.together
    assert [message.subject_id for message in batch] == idents
    assert {message.application for message in batch} == {"app"}
    assert [message.subject_id for message in recorder.single] == [alone.id], "alone it has its own workflow"
    assert all(row.dispatched_at for row in rows(team))


async def test_what_has_to_wait_is_never_in_a_batch(
    team: Team, dispatcher: Dispatcher, recorder: Recorder
) -> None:
    requested(team, 2)
    team.person("boss")
    team.guard(Step("Owners", ("boss",)))
    guarded, _ = team.ask(team.admin, "guarded.example.com")
    await dispatcher.drain()
    assert [len(batch) for batch in recorder.together] == [2]
    assert guarded in {message.subject_id for message in recorder.single}


async def test_a_batch_that_cannot_be_started_is_sent_one_by_one(
    team: Team, dispatcher: Dispatcher, recorder: Recorder
) -> None:
    idents = requested(team, 5)
    recorder.refuses = {idents[2]: ValueError("too long")}
    assert await dispatcher.drain() == 0
    assert {(row.attempts, row.last_error) for row in rows(team)} == {(1, "ValueError")}
    recorder.refuses = {}
    team.clock.advance(timedelta(seconds=2))
    assert await dispatcher.drain() == 5
    assert recorder.together == []
    assert {message.subject_id for message in recorder.single} == set(idents)


async def test_what_was_not_sent_is_due_at_once_when_nobody_answers(
    team: Team, dispatcher: Dispatcher, recorder: Recorder
) -> None:
    requested(team, 3)
    recorder.away = True
    with pytest.raises(OrchestratorUnavailable):
        await dispatcher.drain()
    assert all(row.due_at <= team.clock.now for row in rows(team))
    recorder.away = False
    assert await dispatcher.drain() == 3


async def test_one_failing_row_does_not_hold_up_the_others(
    team: Team, dispatcher: Dispatcher, recorder: Recorder
) -> None:
    team.person("boss")
    team.guard(Step("Owners", ("boss",)))
    idents = [team.ask(team.admin, f"n{number}.example.com")[0] for number in range(15)]
    recorder.refuses = {idents[0]: ValueError("no")}
    assert await dispatcher.drain() == 14
    (left,) = [row for row in rows(team) if row.dispatched_at is None]
    assert (left.subject_id, left.attempts) == (idents[0], 1)


async def test_messages_for_one_workflow_keep_their_order(
    team: Team, dispatcher: Dispatcher, recorder: Recorder
) -> None:
    team.person("boss")
    team.guard(Step("Owners", ("boss",)))
    ident, _ = team.ask(team.admin)
    team.services.requests.cancel(team.admin, ident)
    await dispatcher.drain()
    sent = [message for message in recorder.single if message.subject_id == ident]
    assert [message.seq for message in sent] == sorted(message.seq for message in sent)
    assert [message.signal is None for message in sent] == [True, False]


async def test_handed_over_rows_are_coalesced_while_many_come(
    team: Team, dispatcher: Dispatcher, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescing, "WINDOW", 2.0)  # however slow the machine is
    monkeypatch.setattr(coalescing, "QUIET", 1.0)
    async with running(team, dispatcher):
        await asyncio.to_thread(requested, team, 60)
        await until_sent(team)
    batched = [message.subject_id for batch in recorder.together for message in batch]
    single = [message.subject_id for message in recorder.single]
    assert len(batched) + len(single) == 60 == len({*batched, *single}), "each once"
    assert len(recorder.together) + len(single) < 40


async def test_a_dispatcher_that_stops_gives_back_what_it_holds(
    team: Team, dispatcher: Dispatcher, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescing, "WINDOW", 3600.0)
    monkeypatch.setattr(coalescing, "QUIET", 3600.0)
    monkeypatch.setattr(dispatching, "IDLE_SECONDS", 3600.0)
    async with running(team, dispatcher):
        await asyncio.to_thread(requested, team, 4)
        await eventually(lambda: len(recorder.single) >= 4)  # few, so that each is sent as it comes
        await asyncio.to_thread(requested, team, 8)
    assert team.services.context.hand_over is None
    held = [row for row in rows(team) if row.dispatched_at is None]
    assert held
    assert all(row.due_at <= team.clock.now for row in held)
    assert await dispatcher.drain() == len(held)


async def test_while_nobody_answers_handed_over_rows_are_everybodys(
    team: Team, dispatcher: Dispatcher, recorder: Recorder
) -> None:
    recorder.away = True
    async with running(team, dispatcher):
        await asyncio.to_thread(requested, team, 3)
        await eventually(lambda: all(row.due_at <= team.clock.now for row in rows(team)))
        recorder.away = False
        dispatcher.nudge()
        await until_sent(team)


async def test_a_lease_that_has_ended_is_not_used(
    team: Team, dispatcher: Dispatcher, recorder: Recorder
) -> None:
    leased: list[int] = []
    team.services.outbox.hand_over_to(lambda rows: leased.extend(row.seq for row in rows))
    requested(team, 2)
    outbox = team.services.outbox
    assert [message.seq for message in outbox.leased(leased)] == leased
    assert outbox.claim() == []
    team.clock.advance(LEASE)
    assert outbox.leased(leased) == []
    assert [message.seq for message in outbox.claim()] == leased, "whoever claims them sends them"


def test_a_transaction_with_many_rows_hands_over_none(team: Team) -> None:
    services, leased = team.services, list[int]()
    services.outbox.hand_over_to(lambda rows: leased.extend(row.seq for row in rows))
    start = WorkflowStart(flow="issuance", workflow_id="issuance-1", subject_id="1", summary="Issue")
    for count in (MOST_HANDED_OVER + 1, MOST_HANDED_OVER):
        with services.context.unit_of_work(team.admin) as uow:
            for number in range(count):
                uow.enqueue(replace(start, workflow_id=f"issuance-{number}"))
    assert len(leased) == MOST_HANDED_OVER
    with services.context.unit_of_work(team.admin) as uow:
        uow.enqueue(start, due_at=uow.now + timedelta(seconds=5))
    assert len(leased) == MOST_HANDED_OVER, "one that is due later is claimed when it is"
    assert len(services.outbox.claim()) == MOST_HANDED_OVER + 1
