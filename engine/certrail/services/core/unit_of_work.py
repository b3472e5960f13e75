"""What every use case is built from: one transaction that holds the change, its events and its outbox rows."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from certrail.crypto.keyring import Keyring
from certrail.domain.errors import Conflict
from certrail.domain.events import Event
from certrail.persistence.database import Database
from certrail.persistence.tables import EventRow, OutboxRow
from certrail.pki.signer import KeyHolder, RemoteSigner
from certrail.pki.weak_keys import KeyBlocklist
from certrail.plugins.registry import PluginRegistry
from certrail.services.core.actor import Actor
from certrail.services.core.audit_log import append
from certrail.services.core.audit_witness import AuditWitness
from certrail.services.core.idempotency import refuse_repeated, remember
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.subscriptions import Subscriptions

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
"""How long an outbox row is left to the process that has it before another may send it again."""
MOST_HANDED_OVER = 20
"""Outbox rows of a transaction that are leased when they are inserted: more are claimed as the dispatcher comes to
them, so that no lease ends while its row waits in memory."""
LONGEST_SUMMARY = 120
"""Characters: Temporal keeps at most 400 bytes of a summary, and the Application's slug is added."""


class LeasedRow(NamedTuple):
    """A committed outbox row that nobody else sends before its lease ends."""

    seq: int
    in_bulk: bool


HandOver = Callable[[Sequence[LeasedRow]], None]
"""Takes the rows of a commit; callable from any thread."""


@dataclass
class ServiceContext:
    """The parts that services share.

    Attributes:
        est_public_url: under which clients reach EST over TLS, where certificates renew themselves.
        subscriptions: whom the unit of work calls for an event, inside the transaction.
        approval_subjects: what can be approved, an `approvals.subject.SubjectType` by name; the facade registers them.
        nudge: called after a commit that left outbox rows to be claimed.
        hand_over: the dispatcher of this process; ``None`` where none runs or it is busy, and rows are due at once.
        signers: by name, signers of authority keys that are not held here.
        audit_witness: remembers the head of the audit chain outside the database; ``None`` where there is no folder.
        key_blocklist: keys whose private halves are public, where the installation has such a list.
        probe_networks: CIDRs of special-purpose addresses that probes may connect to.
        ended_orders_kept: how long an ACME order is kept after it ended, with its authorizations and challenges.
    """

    db: Database
    keyring: Keyring
    plugins: PluginRegistry
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    public_url: str | None = None
    est_public_url: str | None = None
    subscriptions: Subscriptions["UnitOfWork"] = field(default_factory=Subscriptions)
    approval_subjects: Mapping[str, Any] = field(default_factory=dict)
    nudge: Callable[[], None] = lambda: None
    hand_over: HandOver | None = None
    signers: Mapping[str, KeyHolder | RemoteSigner] = field(default_factory=dict)
    audit_witness: AuditWitness | None = None
    key_blocklist: KeyBlocklist | None = None
    probe_networks: frozenset[str] = frozenset()
    ended_orders_kept: timedelta = timedelta(days=30)

    @contextmanager
    def unit_of_work(self, actor: Actor) -> Iterator["UnitOfWork"]:
        """One step, one transaction: state, events and outbox rows commit together.

        Raises:
            AlreadyDone: this was done before under the idempotency key of the actor's call.
        """
        try:
            with self.db.write() as session:
                refuse_repeated(session, actor)
                uow = UnitOfWork(self, session, actor, self.clock())
                yield uow
                remember(session, actor, uow.created_id, uow.now)
                # Read once: a dispatcher that stops meanwhile leaves the rows to whoever finds their leases ended.
                hand_over = self.hand_over if len(uow.outbox) <= MOST_HANDED_OVER else None
                leased = _insert_outbox(uow, lease=hand_over is not None) if uow.outbox else []
                heads = append(session, self.keyring, uow.events) if uow.events else None
        except (IntegrityError, Conflict):
            # The same call may have won on another connection, be it the one that this one found in its way:
            # then it is done, else the error is raised.
            with self.db.read() as session:
                refuse_repeated(session, actor)
            raise
        if heads and self.audit_witness:
            self.audit_witness.advance(*heads, self._event_hash)
        if hand_over is not None and leased:
            hand_over(leased)
        if len(leased) < len(uow.outbox):
            self.nudge()

    def _event_hash(self, seq: int) -> str | None:
        with self.db.read() as session:
            return session.exec(select(EventRow.hash).where(EventRow.seq == seq)).one_or_none()


@dataclass
class UnitOfWork:
    """An open transaction with the record of what it does.

    Attributes:
        outbox: the columns of the outbox rows that are inserted when the transaction ends.
        created_id: the object that this step created; the answer of a repeated call with the same idempotency key.
    """

    context: ServiceContext
    session: Session
    actor: Actor
    now: datetime
    events: list[EventRow] = field(default_factory=list)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    created_id: str | None = None

    def new_id(self) -> str:
        """An id for a new row."""
        return self.context.new_id()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part that may fail by itself: what it wrote and recorded is undone, the rest of the change goes on."""
        events, outbox = len(self.events), len(self.outbox)
        try:
            with self.session.begin_nested():
                yield
        except BaseException:
            del self.events[events:]
            del self.outbox[outbox:]
            raise

    def record(self, event: Event) -> EventRow:
        """Record an event, and call its subscribers, in this transaction.

        The row gets its number and its hash in the audit chain when the transaction ends.
        """
        row = EventRow(
            id=self.new_id(),
            created_at=self.now,
            type=event.event_type,
            application_id=event.application_id,
            subject_type=event.subject_type,
            subject_id=event.subject_id,
            actor_id=self.actor.principal_id,
            actor_name=self.actor.name,
            request_id=self.actor.request_id,
            data=event.payload(),
        )
        self.events.append(row)
        if event.creates and self.created_id is None:
            self.created_id = event.subject_id
        self.context.subscriptions.notify(self, event, row)
        return row

    def enqueue(
        self,
        start: WorkflowStart,
        *,
        signal: str | None = None,
        rerun: bool = False,
        due_at: datetime | None = None,
    ) -> None:
        """Add an outbox row: a workflow to start, or with `signal` to start if needed and to signal.

        All rows of a transaction are inserted by one statement at its end.

        Args:
            rerun: start it also where a run of the same id has succeeded, of which the database does not know.
            due_at: not to be sent before; left out, it is sent after the commit.
        """
        self.outbox.append(
            {
                "created_at": self.now,
                "due_at": due_at or self.now,
                "flow": start.flow,
                "workflow_id": start.workflow_id,
                "subject_id": start.subject_id,
                "plugin": start.plugin,
                "signal": signal,
                "rerun": rerun,
                "batch_key": start.batch_key,
                "application_id": start.application_id,
                "lineage_id": start.lineage_id,
                "summary": start.summary[:LONGEST_SUMMARY],
                "attempts": 0,
            }
        )


def _insert_outbox(uow: UnitOfWork, *, lease: bool) -> list[LeasedRow]:
    """Insert the rows by one statement; returns those that are leased, which are all that are due at once."""
    if lease:
        for row in uow.outbox:
            row["due_at"] = uow.now + LEASE if row["due_at"] <= uow.now else row["due_at"]
    # Columns without a value are named as well: rows of one shape are one statement.
    inserted = insert(OutboxRow).execution_options(render_nulls=True)
    if not lease:
        uow.session.execute(inserted, uow.outbox)
        return []
    rows = uow.session.execute(
        inserted.returning(col(OutboxRow.seq), col(OutboxRow.batch_key), col(OutboxRow.due_at)), uow.outbox
    )
    return [LeasedRow(seq, key is not None) for seq, key, due_at in rows if due_at == uow.now + LEASE]
