"""Retirement: what is not wanted at a destination any more leaves it, after a while and only when nothing uses it."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.checkpoints import checkpoint
from certrail.domain.errors import Conflict, NotFound
from certrail.domain.events.delivery import DeliveryRemovalFailed, DeliveryRemoved, RemovalFacts
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, Delivery, Retirement, Sync
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.failure import Failure, place
from certrail.services.core.paging import PAGE, Position, newest_first
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery.desired_state import REMOVED, bump_generation, facts_of
from certrail.services.delivery.rate_limits import RateSlot, acquire_slot, lock_rate_limit
from certrail.services.delivery.retirement_planner import (
    DUE,
    FAILED,
    KEPT,
    PLANNED,
    WAITING,
    RetirementReason,
    delete_if_drained,
    lock_sync_of,
    mark_due,
)
from certrail.services.integrations.plugin_config import destination_of
from certrail.services.inventory.selectors import selects
from certrail_sdk import Context, Destination, Receipt, Removal, Target

log = logging.getLogger(__name__)

CHUNK = 100
LATER = timedelta(hours=1)


@dataclass(frozen=True)
class RemovalWork:
    """One try to take an object away."""

    retirement_id: str
    destination: Destination[Any]
    target: Target
    plugin: str


class Retirements:
    """Planned beside a delivery, carried out by its workflow, so that nobody puts there what another takes away."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def list(
        self, application_id: str | None, *, after: Position | None = None, limit: int = PAGE
    ) -> Sequence[tuple[Retirement, Delivery, Sync]]:
        """One page of what is to leave the destinations of an Application, and what has left; newest first."""
        with self._context.db.read() as session:
            query = (
                select(Retirement, Delivery, Sync)
                .join(Delivery, col(Delivery.id) == col(Retirement.delivery_id))
                .join(Sync, col(Sync.id) == col(Delivery.sync_id))
                .where(Sync.application_id == application_id)
            )
            return session.exec(newest_first(query, Retirement, after, limit)).all()

    def get(self, retirement_id: str) -> tuple[Retirement, Delivery, Sync]:
        """One retirement with what it is of. Raises NotFound."""
        with self._context.db.read() as session:
            if (row := session.get(Retirement, retirement_id)) is None:
                raise NotFound("retirement")
            delivery = session.get_one(Delivery, row.delivery_id)
            return row, delivery, session.get_one(Sync, delivery.sync_id)

    def retry(self, actor: Actor, retirement_id: str) -> Retirement:
        """Try again now, by hand.

        Raises:
            NotFound: unknown.
            Conflict: it is over.
        """
        with self._context.unit_of_work(actor) as uow:
            row = _locked(uow.session, retirement_id)
            if row is None:
                raise NotFound("retirement")
            if row.status not in PLANNED:
                raise Conflict(f"The object is {row.status}; there is nothing to try.")
            mark_due(uow, row)
            return row

    def start_due(self, limit: int = CHUNK) -> int:
        """Hand what is due over to its workflows; returns how many."""
        with self._context.unit_of_work(SYSTEM) as uow:
            due = select(Retirement).where(
                col(Retirement.status) == WAITING, col(Retirement.remove_at) <= uow.now
            )
            query = due.order_by(col(Retirement.remove_at), col(Retirement.id)).limit(limit)
            rows = uow.session.exec(locked(query, skip_locked=True)).all()
            for row in rows:
                self._release_alone(uow, row)
            return len(rows)

    def _release_alone(self, uow: UnitOfWork, row: Retirement) -> None:
        """One that cannot be handed over does not hold up the others: it is left alone for a while."""
        ident = row.id
        try:
            with uow.attempt():
                mark_due(uow, row)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.error("retirement %s: %s at %s", ident, type(error).__name__, place(error))
            row.remove_at = uow.now + LATER
            uow.session.add(row)

    def begin(
        self,
        delivery_id: str,
        attempt: int,
        *,
        tried: Collection[str] = (),
    ) -> RemovalWork | RateSlot | None:
        """The next object to take away; ``None`` when there is none. What is wanted again by now is kept.

        Where the connection has a rate, what has to wait is told its turn, as deliveries are.

        Args:
            tried: those that were tried.
        """
        with self._context.unit_of_work(SYSTEM) as uow:
            rated = lock_rate_limit(uow.session, delivery_id)
            _lock_delivery(uow.session, delivery_id)
            for row in _due(uow.session, delivery_id):
                if row.id in tried:
                    continue
                delivery = uow.session.get_one(Delivery, row.delivery_id)
                sync = uow.session.get_one(Sync, delivery.sync_id)
                uow.session.add(row)
                if not _is_unwanted(uow, row, delivery, sync):
                    row.attempts, row.status = attempt, KEPT
                    continue
                if rated is not None and (turn := acquire_slot(uow, rated, delivery)):
                    row.next_try_at = turn.at
                    return turn
                row.attempts = attempt
                receipt = Receipt.model_validate(row.receipt)
                return RemovalWork(
                    retirement_id=row.id,
                    destination=destination_of(
                        self._context, uow.session, sync, Context(), row.previous_target_id
                    ),
                    target=Target(delivery=delivery.id, name=delivery.object_name, receipt=receipt),
                    plugin=f"{sync.destination} "
                    f"{self._context.plugins.info('destination', sync.destination).version}",
                )
        return None

    def removed(self, retirement_id: str, removal: Removal) -> None:
        """Record that the object is gone."""
        checkpoint("retirement.removed")
        with self._context.unit_of_work(SYSTEM) as uow:
            row = _held_with_all_above(uow.session, retirement_id)
            if row is None or row.status == REMOVED:
                return
            row.status, row.removed_at, row.last_error = REMOVED, uow.now, None
            uow.session.add(row)
            delivery = uow.session.get_one(Delivery, row.delivery_id)
            sync = uow.session.get_one(Sync, delivery.sync_id)
            if delivery.receipt and delivery.receipt["reference"] == row.reference:
                _left(uow, row, delivery, sync)
            uow.record(DeliveryRemoved(**_facts_of(uow, row, delivery), changed=removal.changed))
            if sync.deletion_requested:
                delete_if_drained(uow, sync)

    def failed_to_begin(self, delivery_id: str, failure: Failure) -> None:
        """Record that nothing of a delivery can be taken away, because the destination cannot be asked."""
        with self._context.db.read() as session:
            due = [row.id for row in session.exec(_due_of(delivery_id)).all()]
        for ident in due:
            self.failed(ident, failure)

    def failed(self, retirement_id: str, failure: Failure) -> None:
        """Record a failed try; the first of a series, and the final one, become events."""
        with self._context.unit_of_work(SYSTEM) as uow:
            row = _locked(uow.session, retirement_id)
            if row is None or row.status != DUE:
                return
            first = row.last_error is None
            row.status = FAILED if failure.permanent else DUE
            row.last_error, row.next_try_at = failure.stored(uow.now), failure.next_try_at
            uow.session.add(row)
            if first or failure.permanent:
                delivery = uow.session.get_one(Delivery, row.delivery_id)
                uow.record(
                    DeliveryRemovalFailed(
                        **_facts_of(uow, row, delivery),
                        kind=failure.kind,
                        message=failure.message,
                        action=failure.action,
                        permanent=failure.permanent,
                    )
                )


def _left(uow: UnitOfWork, row: Retirement, delivery: Delivery, sync: Sync) -> None:
    """Nothing is there any more; what was wished or is wanted again since the removal began, comes back."""
    unwanted = _is_unwanted(uow, row, delivery, sync)
    delivery.receipt = delivery.delivered_certificate_id = delivery.observed = None
    delivery.verified_at = None
    uow.session.add(delivery)
    if delivery.observed_generation != delivery.generation:
        return
    if unwanted:
        delivery.status, delivery.last_transition_at = REMOVED, uow.now
    else:
        bump_generation(uow, sync, delivery)


def _is_unwanted(uow: UnitOfWork, row: Retirement, delivery: Delivery, sync: Sync) -> bool:
    present = delivery.receipt["reference"] if delivery.receipt else None
    if sync.deletion_requested:
        return True
    if not sync.prune:
        return False
    if present != row.reference:
        return True
    if row.reason == RetirementReason.SUPERSEDED or _awaits_successor(uow, row, delivery):
        return False
    certificate = uow.session.get_one(Certificate, row.certificate_id)
    if row.reason == RetirementReason.UNSELECTED:
        return not selects(sync.selection, certificate)
    return (
        certificate.status == "revoked"
        if row.reason == RetirementReason.REVOKED
        else certificate.not_after <= uow.now
    )


def _awaits_successor(uow: UnitOfWork, row: Retirement, delivery: Delivery) -> bool:
    """Whether another certificate is on its way to the place of this one."""
    wanted = delivery.desired_certificate_id
    if wanted == row.certificate_id or delivery.status == REMOVED:
        return False
    return uow.session.get_one(Certificate, wanted).status != "revoked"


def _due(session: Session, delivery_id: str) -> Sequence[Retirement]:
    return session.exec(locked(_due_of(delivery_id))).all()


def _due_of(delivery_id: str) -> SelectOfScalar[Retirement]:
    query = select(Retirement).where(Retirement.delivery_id == delivery_id, Retirement.status == DUE)
    return query.order_by(col(Retirement.remove_at), col(Retirement.id))


def _lock_delivery(session: Session, delivery_id: str) -> None:
    """Whoever changes a delivery and what is to leave of it takes them in this order."""
    session.exec(locked(select(Delivery).where(Delivery.id == delivery_id))).first()


def _held_with_all_above(session: Session, retirement_id: str) -> Retirement | None:
    """Its sync first, then its delivery."""
    if (known := session.get(Retirement, retirement_id)) is None:
        return None
    lock_sync_of(session, known.delivery_id)
    _lock_delivery(session, known.delivery_id)
    return _locked(session, retirement_id)


def _locked(session: Session, retirement_id: str) -> Retirement | None:
    return session.exec(locked(select(Retirement).where(Retirement.id == retirement_id))).first()


def _facts_of(uow: UnitOfWork, row: Retirement, delivery: Delivery) -> RemovalFacts:
    return RemovalFacts(
        **facts_of(uow, delivery), retirement_id=row.id, reference=row.reference, reason=row.reason
    )
