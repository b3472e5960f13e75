"""Reconciliation of workflows: an object in a state that needs a workflow has one, also after Temporal lost its data.

The database is the record of what is, so open objects are found in it, and their workflows are started again through
the outbox. A start changes nothing where the workflow runs, and a workflow takes its next step from the database: a
signal that was lost with an earlier run does not matter, and an object that is finished meanwhile is left alone.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from certrail.domain.events.operations import SchedulesRestored, WorkflowsRestarted
from certrail.persistence.database import locked
from certrail.persistence.tables import OutboxRow, ReconciliationState
from certrail.services.core.actor import SYSTEM
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.outbox import OpenObjects
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.operations.restored import RESTORED_IDENTITY, forget_later_runs

CHUNK = 200
"""Objects per transaction after the store was replaced."""
CHECK_EVERY = timedelta(seconds=60)
CHECKED = 100
"""Objects whose workflow is looked up in one check; the next one goes on where it ended."""
NEW = timedelta(seconds=60)
"""Younger objects are left out of a check: their first outbox row may be on its way."""
SETTLED = timedelta(seconds=30)
"""Shortest time between two stores: processes that use different ones must not restart everything at every look."""
ATTEMPT_GRACE = timedelta(seconds=12)
"""Before a restarted workflow calls a plugin: an attempt of the lost run has ended with its heartbeats by then."""
NAME = "temporal"
REPLACED, MISSING, RESTORED = "store-replaced", "workflow-missing", "database-restored"


@dataclass(frozen=True)
class Needed:
    """A workflow that one object needs; `kind` is the name of its `OpenObjects`."""

    kind: str
    ident: str
    start: WorkflowStart


@dataclass(frozen=True)
class Page:
    """Some objects in the order of their ids. `last` is the id of the last row; `full` if there may be more."""

    needed: Sequence[Needed]
    last: str
    full: bool


@dataclass(frozen=True)
class Report:
    """What `doctor` says of workflows.

    Attributes:
        known: whether the store that answers is the one whose workflows are known.
        restored: whether the database was restored from a backup, and is older than the workflows.
        needing: how many objects need a workflow, by name.
        last_at: when something was last started again, and `last_counts` what.
    """

    known: bool
    restored: bool
    needing: Mapping[str, int]
    checked_at: datetime | None
    last_at: datetime | None
    last_counts: Mapping[str, int]


class Reconciliation:
    """Called by every process beside its dispatcher; the lock on the state's row lets one of them act at a time."""

    def __init__(self, context: ServiceContext, kinds: Sequence[OpenObjects]) -> None:
        self._context = context
        self.kinds = {kind.name: kind for kind in kinds}
        self._order = [kind.name for kind in kinds]

    def restore(self, identity: str) -> int:
        """Start every needed workflow again if the store was replaced; returns how many.

        Args:
            identity: of the store that answers now.
        """
        if (state := self._state()) is not None and state.identity == identity:
            return 0
        total = 0
        while (restarted := self._restore_chunk(identity)) is not None:
            total += restarted
        return total

    def database_restored(self) -> None:
        """The database is older than the workflows: the next `restore` starts or signals those of all open objects.

        To be called before anything else is done with a database that was restored from a backup.
        """
        with self._context.unit_of_work(SYSTEM) as uow:
            state = _locked_state(uow)
            forget_later_runs(uow, tuple(self.kinds.values()))
            state.identity, state.target, state.position = RESTORED_IDENTITY, None, ""
            state.filled_at = None
            uow.session.add(state)

    def to_check(self) -> Sequence[Needed]:
        """Workflows that should run and are to be looked up now; none unless a check is due."""
        if not _check_due(self._state(), self._context.clock()):
            return []
        with self._context.unit_of_work(SYSTEM) as uow:
            state = _locked_state(uow)
            if not _check_due(state, uow.now):  # another process was faster
                return []
            found, state.check_position = self._walk(uow.session, state.check_position, uow.now)
            state.checked_at = uow.now
            uow.session.add(state)
            return _without_queued(uow.session, found)

    def restart(self, lost: Sequence[Needed]) -> int:
        """Start workflows again that do not run, if their objects still need them; returns how many."""
        with self._context.unit_of_work(SYSTEM) as uow:
            state, counts = _locked_state(uow), Counter[str]()
            for name in dict.fromkeys(needed.kind for needed in lost):
                kind, ids = self.kinds[name], [needed.ident for needed in lost if needed.kind == name]
                # Read again: an object that was finished since it was looked up has lost nothing.
                query = select(kind.table).where(kind.needing(), col(kind.table.id).in_(ids))
                still = _needed(uow.session, kind, uow.session.exec(query).all())
                # Deliveries and their removals share a workflow: what this transaction enqueued counts as queued.
                counts += _restart(uow, _without_queued(uow.session, still, uow.outbox))
            if counts:
                _record(uow, state, MISSING, counts)
            return counts.total()

    def schedules_restored(self, identity: str, names: Collection[str]) -> None:
        """Record that schedules were missing, unless the store is new: then all of them were."""
        with self._context.unit_of_work(SYSTEM) as uow:
            state = _locked_state(uow)
            new = state.filled_at is None or uow.now < state.filled_at + SETTLED
            if names and state.identity == identity and not new:
                uow.record(SchedulesRestored(NAME, slug=NAME, names=sorted(names)))

    def report(self, identity: str) -> Report:
        """Where the store and the database stand; changes nothing."""
        with self._context.db.read() as session:
            state = session.get(ReconciliationState, 1) or ReconciliationState()
            known = state.identity in (None, identity)
            lost_after = None if known else state.checked_at
            needing = {
                name: session.exec(
                    select(func.count()).select_from(kind.table).where(kind.needing(lost_after))
                ).one()
                for name, kind in self.kinds.items()
            }
            restored = state.identity == RESTORED_IDENTITY
            return Report(known, restored, needing, state.checked_at, state.last_at, state.last_counts)

    def sample(self) -> Sequence[Needed]:
        """Some workflows that should run, of every kind; changes nothing."""
        share = CHECKED // len(self.kinds)
        before = self._context.clock() - NEW
        with self._context.db.read() as session:
            pages = [
                self._page(session, kind, limit=share, created_before=before) for kind in self.kinds.values()
            ]
            return _without_queued(session, [needed for page in pages for needed in page.needed])

    def _state(self) -> ReconciliationState | None:
        """Unlocked, so that a look which finds nothing to do writes nothing."""
        with self._context.db.read() as session:
            return session.get(ReconciliationState, 1)

    def _restore_chunk(self, identity: str) -> int | None:
        """One transaction; `None` once there is nothing more to do."""
        with self._context.unit_of_work(SYSTEM) as uow:
            # One process at a time works on a chunk; the next one to get the lock goes on after it.
            state = _locked_state(uow)
            uow.session.add(state)
            if state.identity is None:
                # A new installation: whatever it holds was queued for this store.
                state.identity, state.filled_at = identity, uow.now
            if state.identity == identity:
                return None
            if state.filled_at is not None and uow.now < state.filled_at + SETTLED:
                return None
            if state.target != identity:
                state.target, state.position, state.counts = identity, "", {}
            kind, after = self._at(state.position)
            lost_after = state.checked_at or uow.now
            page = self._page(uow.session, kind, after=after, limit=CHUNK, lost_after=lost_after)
            restored = state.identity == RESTORED_IDENTITY
            restarted = _restart(uow, _without_queued(uow.session, page.needed), look_again=restored)
            state.counts = dict(Counter(state.counts) + restarted)
            state.position = f"{kind.name}:{page.last}" if page.full else self._following(kind)
            if not state.position:
                _record(uow, state, RESTORED if restored else REPLACED, Counter(state.counts))
                state.identity, state.target, state.filled_at = identity, None, uow.now
            return restarted.total()

    def _walk(self, session: Session, position: str, now: datetime) -> tuple[Sequence[Needed], str]:
        """Up to `CHECKED` objects from a position on, at most once around; and the position after them."""
        found: list[Needed] = []
        _, begins_after = self._at(position)
        # Around to where it began: the kind in whose middle that is comes twice.
        for _ in range(len(self.kinds) + bool(begins_after)):
            kind, after = self._at(position)
            room = CHECKED - len(found)
            page = self._page(session, kind, after=after, limit=room, created_before=now - NEW)
            found += page.needed
            if page.full:
                return found, f"{kind.name}:{page.last}"
            position = self._following(kind)
        return found, position

    def _at(self, position: str) -> tuple[OpenObjects, str]:
        name, _, after = position.partition(":")
        return self.kinds.get(name, self.kinds[self._order[0]]), after

    def _following(self, kind: OpenObjects) -> str:
        """The position before the first object of the next kind; empty after the last kind."""
        rest = self._order[self._order.index(kind.name) + 1 :]
        return f"{rest[0]}:" if rest else ""

    @staticmethod
    def _page(
        session: Session,
        kind: OpenObjects,
        *,
        limit: int,
        after: str = "",
        created_before: datetime | None = None,
        lost_after: datetime | None = None,
    ) -> Page:
        table = kind.table
        query = select(table).where(kind.needing(lost_after))
        # A condition that holds for all would make the primary key look better than the partial index.
        if after:
            query = query.where(col(table.id) > after)
        if created_before is not None:
            query = query.where(col(table.created_at) <= created_before)
        rows = session.exec(query.order_by(col(table.id)).limit(limit)).all()
        return Page(_needed(session, kind, rows), rows[-1].id if rows else after, len(rows) >= limit)


def _check_due(state: ReconciliationState | None, now: datetime) -> bool:
    if state is None or state.identity is None or state.target is not None:
        return False
    return state.checked_at is None or now >= state.checked_at + CHECK_EVERY


def _locked_state(uow: UnitOfWork) -> ReconciliationState:
    """The state's row under ``FOR NO KEY UPDATE``, made by whoever comes first."""
    query = locked(select(ReconciliationState))
    if (state := uow.session.exec(query).first()) is not None:
        return state
    try:
        with uow.attempt():
            uow.session.add(ReconciliationState())
            uow.session.flush()
    except IntegrityError:
        pass  # another process was faster, and has committed
    return uow.session.exec(query).one()


def _needed(session: Session, kind: OpenObjects, rows: Sequence[Any]) -> Sequence[Needed]:
    starts = kind.starts(session, rows) if rows else {}
    return [Needed(kind.name, ident, start) for ident, start in starts.items()]


def _without_queued(
    session: Session, found: Sequence[Needed], enqueued: Sequence[Mapping[str, Any]] = ()
) -> Sequence[Needed]:
    """Those that no outbox row starts anyway, committed or `enqueued` in this transaction; one of each workflow."""
    by_workflow = {needed.start.workflow_id: needed for needed in found}
    if not by_workflow:
        return []
    queued = select(OutboxRow.workflow_id).where(
        col(OutboxRow.dispatched_at).is_(None), col(OutboxRow.workflow_id).in_(by_workflow)
    )
    known = {*session.exec(queued).all(), *(row["workflow_id"] for row in enqueued)}
    return [needed for ident, needed in by_workflow.items() if ident not in known]


def _restart(uow: UnitOfWork, found: Sequence[Needed], *, look_again: bool = False) -> Counter[str]:
    """Enqueue the workflows; counts by name.

    Args:
        look_again: signal those that run: what they wait for is of a later state than that of the database.
    """
    for needed in found:
        start = needed.start
        uow.enqueue(
            start,
            signal=f"restored-{uow.new_id()}" if look_again else None,
            # An open object has no success on record, whatever Temporal knows of an earlier run.
            rerun=True,
            due_at=uow.now + ATTEMPT_GRACE if start.plugin else None,
        )
    return Counter(needed.kind for needed in found)


def _record(uow: UnitOfWork, state: ReconciliationState, cause: str, counts: Counter[str]) -> None:
    state.last_at, state.last_counts = uow.now, dict(counts)
    uow.session.add(state)
    uow.record(WorkflowsRestarted(NAME, slug=NAME, cause=cause, counts=dict(counts)))
