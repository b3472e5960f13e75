"""A plugin verb that exists only here: its row, its call and its hooks are all that it takes."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import MetaData
from sqlmodel import Field, select
from temporalio.exceptions import ApplicationError
from tests.integration.conftest import Team
from tests.integration.verbs import run_verb

from certrail.persistence.database import locked
from certrail.persistence.tables.base import Row
from certrail.persistence.tables.effects import EffectColumns
from certrail.services.core.effects import Effect, PluginCall, checked
from certrail.services.core.failure import Failure
from certrail.services.core.unit_of_work import UnitOfWork
from certrail_sdk import RateLimited, Receipt, Unauthorized

PLUGIN = "printer 1.0"
RECEIPT = Receipt(reference="page-1", fingerprint="0" * 64, changed=True)
LATE = Failure("Retryable", "busy", "Wait.", PLUGIN, None, permanent=False)


class Page(EffectColumns, Row, table=True):
    """A certificate to print; `printed` is the generation that lies in the tray."""

    __tablename__ = "page"
    metadata = MetaData()

    generation: int = Field(default=1)
    printed: int = Field(default=0)


@dataclass
class Printer:
    """Answers as scripted; the last answer repeats."""

    answers: list[object]
    asked: list[bool] = field(default_factory=list)

    async def print_page(self, may_exist: bool) -> object:
        self.asked.append(may_exist)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass(frozen=True, kw_only=True)
class PrintCall(PluginCall[Receipt]):
    generation: int
    printer: Printer
    may_exist: bool

    async def perform(self) -> Receipt:
        return checked(await self.printer.print_page(self.may_exist), Receipt)


class PrintEffect(Effect[Page, PrintCall, Receipt]):
    verb, noun = "print", "page"

    def __init__(self, team: Team, printer: Printer) -> None:
        super().__init__(team.services.context)
        self.printer = printer
        self.reported: list[str] = []

    def prepare(
        self, uow: UnitOfWork, subject_id: str, tried: Collection[str]
    ) -> tuple[Page, PrintCall] | None:
        page = self.lock(uow, subject_id)
        if page is None or page.printed == page.generation:
            return None
        call = PrintCall(
            subject_id=page.id,
            plugin=PLUGIN,
            generation=page.generation,
            printer=self.printer,
            may_exist=page.intent_at is not None,
        )
        return page, call

    def lock(self, uow: UnitOfWork, subject_id: str) -> Page | None:
        return uow.session.exec(locked(select(Page).where(Page.id == subject_id))).first()

    def awaits(self, row: Page, call: PrintCall) -> bool:
        return row.printed < call.generation

    def may_fail(self, row: Page, generation: int | None) -> bool:
        return generation in (None, row.generation) and row.printed != row.generation

    def received(
        self, uow: UnitOfWork, row: Page, call: PrintCall, answer: Receipt, *, recovered: bool
    ) -> None:
        row.printed = call.generation
        self.reported.append("recovered" if recovered else "printed")

    def failed(self, uow: UnitOfWork, row: Page, failure: Failure, *, first: bool) -> None:
        self.reported.append(f"{failure.kind}, {'first' if first else 'again'}")


@pytest.fixture
def page(team: Team) -> str:
    context = team.services.context
    Page.metadata.drop_all(context.db.engine)
    Page.metadata.create_all(context.db.engine)
    with context.db.write() as session:
        session.add(Page(id="page-1", created_at=context.clock()))
    return "page-1"


def stored(team: Team) -> Page:
    with team.services.context.db.read() as session:
        return session.exec(select(Page)).one()


async def test_intent_call_receipt(team: Team, page: str) -> None:
    effect = PrintEffect(team, Printer([RECEIPT]))
    await run_verb(team, effect, page)
    row = stored(team)
    assert (row.receipt, row.intent_at, row.attempts) == (RECEIPT.model_dump(mode="json"), None, 1)
    await run_verb(team, effect, page)
    assert effect.printer.asked == [False], "there is nothing left to do"


async def test_a_lost_receipt_is_asked_for_again(team: Team, page: str) -> None:
    effect = PrintEffect(team, Printer([RECEIPT]))
    call = effect.begin(page, 1)
    assert isinstance(call, PrintCall)
    await call.perform()  # and the worker dies
    await run_verb(team, effect, page)
    assert effect.printer.asked == [False, True]
    effect.complete(call, RECEIPT)
    assert effect.reported == ["printed"], "the same receipt is recorded once"


async def test_the_first_and_the_permanent_failure_are_reported(team: Team, page: str) -> None:
    busy = RateLimited("busy", retry_after=timedelta(minutes=5))
    effect = PrintEffect(team, Printer([busy, busy, Unauthorized("no paper for you")]))
    for _ in range(2):
        with pytest.raises(ApplicationError) as failed:
            await run_verb(team, effect, page)
        assert failed.value.next_retry_delay == timedelta(minutes=5)
    assert stored(team).next_try_at == team.clock.now + timedelta(minutes=5)
    with pytest.raises(ApplicationError) as ended:
        await run_verb(team, effect, page)
    assert ended.value.non_retryable
    assert stored(team).status == "failed"
    assert effect.reported == ["RateLimited, first", "RateLimited, again", "Unauthorized, again"]
    effect.printer.answers = [RECEIPT]
    await run_verb(team, effect, page)
    assert (effect.reported[-1], stored(team).last_error) == ("recovered", None)


async def test_another_answer_is_the_plugins_bug(team: Team, page: str) -> None:
    effect = PrintEffect(team, Printer(["a string"]))
    with pytest.raises(ApplicationError) as failed:
        await run_verb(team, effect, page)
    assert failed.value.type == "PluginBug"
    assert stored(team).receipt is None


def test_the_newest_generation_wins(team: Team, page: str) -> None:
    effect = PrintEffect(team, Printer([RECEIPT]))
    old = effect.begin(page, 1)
    assert isinstance(old, PrintCall)
    with team.services.context.db.write() as session:
        row = session.exec(select(Page)).one()
        row.generation = 2
        session.add(row)
    new = effect.begin(page, 1)
    assert isinstance(new, PrintCall)
    effect.complete(new, RECEIPT)
    effect.complete(old, RECEIPT)
    effect.fail(page, LATE, old.generation)
    effect.fail(page, LATE)
    assert (stored(team).printed, effect.reported) == (2, ["printed"])
