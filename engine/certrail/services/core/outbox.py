"""The outbox: rows that were committed and not yet dispatched to the orchestrator; and which objects need one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, false, func
from sqlmodel import Session, col, select, update
from sqlmodel.sql.expression import Select

from certrail.checkpoints import checkpoint
from certrail.persistence.database import locked
from certrail.persistence.tables import Application, OutboxRow
from certrail.services.core.orchestrator import OutboxMessage, WorkflowStart
from certrail.services.core.unit_of_work import LEASE, HandOver, ServiceContext

LONGEST_WAIT = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class OpenObjects:
    """The objects of one table in a state that needs a workflow.

    Attributes:
        name: unique among all; the counts in events and in `doctor` are by this name.
        flow: the kind of workflow that they need.
        table: has `id` and `created_at`.
        condition: which rows need a workflow.
        starts: their workflows by the id of the row, read without locks; a row may be left out.
        also_when_lost: which rows need one too when every workflow was lost after the time that it is given.
        plugin_kind: of the plugin that the workflow calls; empty where it calls none.
        of_plugins: which rows need the plugins with these names.
    """

    name: str
    flow: str
    table: Any
    condition: ColumnElement[bool]
    starts: Callable[[Session, Sequence[Any]], Mapping[str, WorkflowStart]]
    also_when_lost: Callable[[datetime], ColumnElement[bool]] | None = None
    plugin_kind: str = ""
    of_plugins: Callable[[Collection[str]], ColumnElement[bool]] = lambda _names: false()

    def needing(self, lost_after: datetime | None = None) -> ColumnElement[bool]:
        """Which rows need a workflow; all were lost if there is a time after which."""
        if lost_after is None or self.also_when_lost is None:
            return self.condition
        return self.condition | self.also_when_lost(lost_after)


class Outbox:
    """Rows are leased, sent, marked. A crash in between makes a row due again when its lease ends.

    A row is born with a lease where the process that commits it dispatches, which needs no transaction to claim it.
    """

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def hand_over_to(self, dispatcher: HandOver | None) -> None:
        """Have this process's units of work lease their rows to its dispatcher, or stop doing so."""
        self._context.hand_over = dispatcher

    def leased(self, seqs: Sequence[int]) -> list[OutboxMessage]:
        """The rows that were handed over; one whose lease has ended may be another's by now, and is left out."""
        checkpoint("outbox.handed_over")
        born_after = self._context.clock() - LEASE
        with self._context.db.read() as session:
            own = _pending().where(col(OutboxRow.seq).in_(seqs), col(OutboxRow.created_at) > born_after)
            return [_message(row, slug) for row, slug in session.exec(own).all()]

    def claim(self, limit: int = 100) -> list[OutboxMessage]:
        """Lease the oldest due rows; others see them again only after the lease."""
        now = self._context.clock()
        with self._context.db.write() as session:
            due = _pending().where(col(OutboxRow.due_at) <= now).limit(limit)
            rows = session.exec(locked(due, skip_locked=True, of=OutboxRow)).all()
            messages = [_message(row, slug) for row, slug in rows]
            if messages:
                self._set(session, [message.seq for message in messages], due_at=now + LEASE)
            return messages

    def dispatched(self, seqs: Sequence[int]) -> None:
        """Mark rows as dispatched."""
        checkpoint("outbox.sent")
        now = self._context.clock()
        with self._context.db.write() as session:
            self._set(session, seqs, dispatched_at=now, last_error=None)

    def deferred(self, seq: int, error: str) -> None:
        """Put a row off after a failure."""
        now = self._context.clock()
        with self._context.db.write() as session:
            row = session.get_one(OutboxRow, seq)
            row.attempts += 1
            row.due_at = now + min(LONGEST_WAIT, timedelta(seconds=2 ** min(row.attempts, 6)))
            row.last_error = error[:500]
            session.add(row)

    def release(self, seqs: Sequence[int], error: str) -> None:
        """Give claimed rows back untried, because the orchestrator cannot be reached."""
        with self._context.db.write() as session:
            self._set(session, seqs, due_at=self._context.clock(), last_error=error[:500])

    def pending(self) -> int:
        """How many rows wait."""
        with self._context.db.read() as session:
            return session.exec(
                select(func.count()).select_from(OutboxRow).where(col(OutboxRow.dispatched_at).is_(None))
            ).one()

    @staticmethod
    def _set(session: Session, seqs: Sequence[int], **values: object) -> None:
        changed = update(OutboxRow).where(col(OutboxRow.seq).in_(seqs)).values(**values)
        session.exec(changed.execution_options(synchronize_session=False))


def _pending() -> Select[OutboxRow, str]:
    """Rows that were not dispatched, oldest first, with the slugs of their Applications."""
    return (
        select(OutboxRow, Application.slug)
        .join(Application, col(Application.id) == col(OutboxRow.application_id), isouter=True)
        .where(col(OutboxRow.dispatched_at).is_(None))
        .order_by(col(OutboxRow.seq))
    )


def _message(row: OutboxRow, slug: str | None) -> OutboxMessage:
    assert row.seq is not None
    application = slug or row.application_id
    return OutboxMessage(
        seq=row.seq,
        flow=row.flow,
        workflow_id=row.workflow_id,
        subject_id=row.subject_id,
        plugin=row.plugin,
        signal=row.signal,
        rerun=row.rerun,
        application=application,
        lineage_id=row.lineage_id,
        summary=f"{row.summary} for {application}" if application else row.summary,
        # One that could not be sent together with others is sent by itself.
        batch_key=row.batch_key if row.attempts == 0 and not row.rerun else None,
    )
