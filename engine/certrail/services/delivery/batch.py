"""Deliveries in bulk: those of one sync that are due together, with one intent and one receipt for many.

An item is attempted once in a batch. What the destination refused for its rate leaves the batch, and comes back in
another one at its time, with what else waits there. Whatever fails otherwise, or was under way when the batch was lost,
gets its own workflow. Both by an outbox row of the transaction that says so.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session, col, select

from certrail.checkpoints import checkpoint
from certrail.domain.states import DeliveryStatus, RetirementStatus
from certrail.persistence.database import locked, session_cache
from certrail.persistence.tables import Certificate, Connection, Delivery, Retirement, Sync
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import Failure, place
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery.deploy import (
    DeployCall,
    DeployEffect,
    is_settled,
    is_unwanted,
    remember_sync,
    sync_with,
)
from certrail.services.delivery.desired_state import enqueue_delivery
from certrail.services.delivery.observation import ObserveCall, note_observation, record_observation
from certrail.services.delivery.retirement_planner import remember_planned
from certrail.services.delivery.verify import VerifyStep
from certrail_sdk import Observation, Observes, Receipt

log = logging.getLogger(__name__)

LONGEST = 0.15
"""Seconds that a transaction takes more items for: on SQLite others wait to write meanwhile."""


@dataclass(frozen=True)
class BegunDeliveries:
    """What a batch begins with.

    Attributes:
        calls: whose intents are committed.
        left: ids of the deliveries for which there was no time.
    """

    calls: Sequence[DeployCall]
    left: Sequence[str]


class DeliveryBatch:
    """The steps of a batch. Any step may run twice: the state of each delivery under its lock decides."""

    def __init__(self, context: ServiceContext, deploy: DeployEffect) -> None:
        self._context = context
        self._deploy = deploy
        self._verify = VerifyStep(context)

    def begin(self, batch_id: str, delivery_ids: Sequence[str]) -> BegunDeliveries:
        """Record the intents of as many deliveries as there is time for; those that have to wait are handed over."""
        checkpoint("delivery_batch.begin")
        began, calls = monotonic(), list[DeployCall]()
        reached = set(delivery_ids)
        with self._context.unit_of_work(SYSTEM) as uow, session_cache(uow.session), uow.session.no_autoflush:
            rows = _loaded(uow.session, delivery_ids)
            removing = _with_removals_due(uow.session, [row.id for row in rows])
            for row in rows:
                if calls and monotonic() - began >= LONGEST:
                    reached.discard(row.id)
                elif not is_settled(row) and (row.batch_id is None or row.status == DeliveryStatus.RETRYING):
                    if _waits(uow, row):
                        _come_back(uow, row)  # another host's clock is ahead
                    elif row.id in removing or (call := self._begin_one(uow, row, batch_id)) is None:
                        _hand_over(uow, row)
                    else:
                        calls.append(call)
        checkpoint("delivery_batch.intended")
        return BegunDeliveries(calls, [ident for ident in delivery_ids if ident not in reached])

    def read_back(self, call: DeployCall, answer: Receipt) -> ObserveCall | None:
        """As of a single delivery."""
        return self._deploy.read_back(call, answer)

    def read_again(self, delivery_id: str) -> ObserveCall | None:
        """Another read-back of what is on record as delivered; ``None`` where nothing is."""
        return self._verify.begin(delivery_id, 1)

    def complete(
        self,
        batch_id: str,
        answers: Sequence[tuple[DeployCall, Receipt]],
        reading: Collection[str] = (),
    ) -> Collection[str]:
        """Record receipts; returns the ids of the deliveries that have one now.

        They commit together, as nearly always; else each by itself.

        Args:
            reading: ids of the deliveries that the batch tries to read back once more.
        """
        try:
            self._complete_together(batch_id, answers, reading)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            if len(answers) == 1:
                log.error("a receipt was not recorded: %s at %s", type(error).__name__, place(error))
                return ()
            return {ident for one in answers for ident in self.complete(batch_id, [one], reading)}
        return {call.subject_id for call, _ in answers}

    def observed(self, seen: Sequence[tuple[ObserveCall, Observation]]) -> None:
        """Record what was read back after the receipts; what is not what was delivered is deployed again."""
        by_id = {call.subject_id: (call, answer) for call, answer in seen}
        with self._context.unit_of_work(SYSTEM) as uow, session_cache(uow.session), uow.session.no_autoflush:
            for row in _loaded(uow.session, by_id):
                call, answer = by_id[row.id]
                if row.delivered_certificate_id != call.certificate_id:
                    continue  # there is nothing to compare any more
                _, certificate = sync_with(uow.session, row, call.certificate_id)
                good = note_observation(uow, row, certificate.fingerprint, answer)
                record_observation(uow, row, certificate.id, answer, good=good)
                if not is_settled(row):
                    _hand_over(uow, row)
        checkpoint("delivery_batch.observed")

    def put_off(self, batch_id: str, failures: Sequence[tuple[DeployCall, Failure]]) -> None:
        """Record attempts that the destination refused for its rate: they come back in a batch, at their times."""
        by_id = {call.subject_id: (call, failure) for call, failure in failures}
        with self._context.unit_of_work(SYSTEM) as uow, session_cache(uow.session), uow.session.no_autoflush:
            for row in _loaded(uow.session, by_id):
                call, failure = by_id[row.id]
                self._deploy.record_failure(uow, row, failure, call.generation)
                if row.status != DeliveryStatus.RETRYING:
                    _release(row, batch_id)
                    if not is_settled(row):
                        _hand_over(uow, row)  # a newer generation
                    continue
                if row.batch_id == batch_id and failure.nothing_written and not call.deployment.may_exist:
                    # The intent is of this attempt, and nobody else has begun one since.
                    row.intent_at = None
                _come_back(uow, row)
        checkpoint("delivery_batch.put_off")

    def fail(self, batch_id: str, call: DeployCall, failure: Failure) -> None:
        """Record a failed attempt; unless it is permanent, the own workflow makes the next one at its time."""
        with self._context.unit_of_work(SYSTEM) as uow, session_cache(uow.session):
            row = self._deploy.lock_to_fail(uow, call.subject_id, failure)
            if row is None:
                return
            self._deploy.record_failure(uow, row, failure, call.generation)
            if row.status != DeliveryStatus.RETRYING:
                _release(
                    row, batch_id
                )  # one that is retried keeps its batch, whose time its workflow waits for
            if not is_settled(row):
                _hand_over(uow, row)
            uow.session.add(row)
        checkpoint("delivery_batch.failed")

    def superseded(self, calls: Collection[DeployCall]) -> Collection[str]:
        """Ids of the deliveries whose calls are under way for what is not desired any more."""
        query = (
            select(Delivery.id, Delivery.generation)
            .join(Sync, col(Sync.id) == col(Delivery.sync_id))
            .where(
                col(Delivery.id).in_([call.subject_id for call in calls]),
                Delivery.status == DeliveryStatus.DELIVERING,
                col(Sync.deletion_requested).is_(False),
            )
        )
        with self._context.db.read() as session:
            desired = dict(session.exec(query).all())
        return {call.subject_id for call in calls if desired.get(call.subject_id) != call.generation}

    def hand_over(
        self,
        batch_id: str,
        delivery_ids: Collection[str],
        *,
        called: Collection[str],
        later: datetime | None = None,
    ) -> None:
        """Leave deliveries to their own workflows.

        Args:
            called: those that the destination may hold; the intents of all others are taken back.
            later: when all others come back in a batch, where the destination takes no more now.
        """
        with self._context.unit_of_work(SYSTEM) as uow, session_cache(uow.session), uow.session.no_autoflush:
            for row in _loaded(uow.session, delivery_ids):
                if row.batch_id == batch_id and row.status != DeliveryStatus.RETRYING:
                    _release(row, batch_id)
                    if row.id not in called:
                        row.intent_at, row.status = None, DeliveryStatus.PENDING
                        if later is not None:
                            row.next_try_at = later
                            _come_back(uow, row)
                            continue
                    uow.session.add(row)
                unread = row.status == DeliveryStatus.DELIVERED and row.verified_at is None
                if unread or not is_settled(row):
                    _hand_over(uow, row)
        checkpoint("delivery_batch.handed_over")

    def _begin_one(self, uow: UnitOfWork, row: Delivery, batch_id: str) -> DeployCall | None:
        """``None`` where its own workflow delivers it.

        That is so under a rate limit, beside another attempt, while its name is taken, and where nothing is to be done.
        """
        sync, certificate = sync_with(uow.session, row, row.desired_certificate_id)
        connection = uow.session.get(Connection, sync.connection_id) if sync.connection_id else None
        limited = connection is not None and connection.max_per_minute is not None
        # One that was refused for its rate may have succeeded in part: its call says so.
        again = row.status == DeliveryStatus.RETRYING and row.batch_id is not None
        fresh = row.status == DeliveryStatus.PENDING and row.intent_at is None
        # A claim of an object name may meet another one at the index, which would end the batch's transaction.
        if limited or row.name_taken or not (again or fresh):
            return None
        if is_unwanted(sync, certificate):
            return None
        try:
            call = self._deploy.compose(uow, row, sync, certificate)
        except Exception as error:  # the own workflow meets it again, and records it
            log.info("delivery %s is left to its own workflow: %s", row.id, type(error).__name__)
            return None
        row.attempts = row.attempts + 1 if again else 1
        row.batch_id, row.intent_at, row.next_try_at = batch_id, row.intent_at or uow.now, None
        uow.session.add(row)
        return replace(call, attempt=row.attempts)

    def _complete_together(
        self, batch_id: str, answers: Sequence[tuple[DeployCall, Receipt]], reading: Collection[str]
    ) -> None:
        checkpoint("delivery_batch.answered")
        with self._context.unit_of_work(SYSTEM) as uow, session_cache(uow.session), uow.session.no_autoflush:
            rows = {row.id: row for row in _loaded(uow.session, [call.subject_id for call, _ in answers])}
            remember_planned(uow.session, rows)
            for number, (call, answer) in enumerate(answers, start=1):
                if (row := rows.get(call.subject_id)) is None:
                    continue  # deleted
                _release(row, batch_id)
                self._deploy.record_receipt(uow, row, call, answer)
                uow.session.add(row)
                observes = isinstance(call.destination, Observes)
                unread = observes and call.seen is None and row.id not in reading
                if unread or not is_settled(row):
                    _hand_over(uow, row)  # what was not read back yet, or a newer generation
                checkpoint(f"delivery_batch.item.{number}")
        checkpoint("delivery_batch.recorded")


def _loaded(session: Session, delivery_ids: Collection[str]) -> Sequence[Delivery]:
    """The rows, locked in the order in which all lock them, with all that they name in the session's cache."""
    query = select(Delivery).where(col(Delivery.id).in_(delivery_ids)).order_by(col(Delivery.id))
    rows = session.exec(locked(query)).all()
    certificates = {row.desired_certificate_id for row in rows}
    certificates |= {row.delivered_certificate_id for row in rows if row.delivered_certificate_id}
    known = {
        row.id: row
        for row in session.exec(select(Certificate).where(col(Certificate.id).in_(certificates))).all()
    }
    with_connection = select(Sync, Connection).join(
        Connection, col(Connection.id) == col(Sync.connection_id), isouter=True
    )
    found = session.exec(with_connection.where(col(Sync.id).in_({row.sync_id for row in rows}))).all()
    syncs = {sync.id: sync for sync, _ in found}
    for row in rows:
        remember_sync(session, row, syncs[row.sync_id], known[row.desired_certificate_id])
    return rows


def _with_removals_due(session: Session, delivery_ids: Collection[str]) -> set[str]:
    """Deliveries whose own workflows are to remove something: they deploy and remove one after the other."""
    query = select(Retirement.delivery_id).where(
        col(Retirement.delivery_id).in_(delivery_ids), Retirement.status == RetirementStatus.DUE
    )
    return set(session.exec(query).all())


def _release(row: Delivery, batch_id: str) -> None:
    if row.batch_id == batch_id:
        row.batch_id = None


def _waits(uow: UnitOfWork, row: Delivery) -> bool:
    """Whether it is too early for one that left a batch."""
    later = row.next_try_at is not None and row.next_try_at > uow.now
    return later and row.status == DeliveryStatus.RETRYING and row.batch_id is not None


def _come_back(uow: UnitOfWork, row: Delivery) -> None:
    """Have a batch attempt it again at its time. It keeps its `batch_id`: its own workflow would wait for that, too."""
    uow.session.add(row)
    sync = uow.session.get_one(Sync, row.sync_id)
    reference = f"batch-{uow.new_id()}"
    enqueue_delivery(uow, sync, row, reference, in_bulk=True, due_at=row.next_try_at)


def _hand_over(uow: UnitOfWork, row: Delivery) -> None:
    """Start the own workflow of a delivery, or signal it."""
    sync = uow.session.get_one(Sync, row.sync_id)
    enqueue_delivery(uow, sync, row, f"batch-{uow.new_id()}")
