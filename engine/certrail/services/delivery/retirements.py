"""Retirements: planned removals of objects; see `certrail.services.delivery.remove`."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import col, select

from certrail.domain.errors import Conflict, NotFound
from certrail.domain.states import RETIREMENT_PLANNED, RetirementStatus
from certrail.persistence.database import cached, locked
from certrail.persistence.tables import Delivery, Retirement, Sync
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.failure import place
from certrail.services.core.paging import PAGE, Position, newest_first
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery.remove import is_unwanted, lock_retirement
from certrail.services.delivery.retirement_planner import mark_due

log = logging.getLogger(__name__)

CHUNK = 100
POSTPONED_BY = timedelta(hours=1)


class Retirements:
    """Reading retirements, retrying one by hand, and the sweep that starts what is due."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def list(
        self, application_id: str | None, *, after: Position | None = None, limit: int = PAGE
    ) -> Sequence[tuple[Retirement, Delivery, Sync]]:
        """One page of the planned and finished removals of an Application, newest first."""
        with self._context.db.read() as session:
            query = (
                select(Retirement, Delivery, Sync)
                .join(Delivery, col(Delivery.id) == col(Retirement.delivery_id))
                .join(Sync, col(Sync.id) == col(Delivery.sync_id))
                .where(Sync.application_id == application_id)
            )
            return session.exec(newest_first(query, Retirement, after, limit)).all()

    def get(self, retirement_id: str) -> tuple[Retirement, Delivery, Sync]:
        """One retirement with its delivery and sync. Raises NotFound."""
        with self._context.db.read() as session:
            query = (
                select(Retirement, Delivery, Sync)
                .join(Delivery, col(Delivery.id) == col(Retirement.delivery_id))
                .join(Sync, col(Sync.id) == col(Delivery.sync_id))
                .where(Retirement.id == retirement_id)
            )
            key = ("retirement", retirement_id)
            if (found := cached(session, key, lambda: session.exec(query).first())) is None:
                raise NotFound("retirement")
            return found

    def retry(self, actor: Actor, retirement_id: str) -> Retirement:
        """Try again now, by hand, or remove before its grace is over what is not desired any more.

        What is desired until the removal is due stays planned for then.

        Raises:
            NotFound: unknown.
            Conflict: the object was removed or kept already.
        """
        with self._context.unit_of_work(actor) as uow:
            row = lock_retirement(uow.session, retirement_id)
            if row is None:
                raise NotFound("retirement")
            if row.status not in RETIREMENT_PLANNED:
                raise Conflict(f"The object is {row.status}; there is nothing to try.")
            delivery = uow.session.get_one(Delivery, row.delivery_id)
            sync = uow.session.get_one(Sync, delivery.sync_id)
            # What is desired until its end stays planned: an attempt would find nothing to remove.
            if row.remove_at <= uow.now or is_unwanted(uow, row, delivery, sync):
                mark_due(uow, row)
            return row

    def start_due(self, limit: int = CHUNK) -> int:
        """Hand due removals over to the workflows of their deliveries; returns how many."""
        with self._context.unit_of_work(SYSTEM) as uow:
            due = select(Retirement).where(
                col(Retirement.status) == RetirementStatus.WAITING, col(Retirement.remove_at) <= uow.now
            )
            query = due.order_by(col(Retirement.remove_at), col(Retirement.id)).limit(limit)
            # SKIP LOCKED: several sweeps share the work instead of waiting for each other.
            rows = uow.session.exec(locked(query, skip_locked=True)).all()
            for row in rows:
                self._start(uow, row)
            return len(rows)

    def _start(self, uow: UnitOfWork, row: Retirement) -> None:
        """Start one in a savepoint: one that cannot be started is postponed and does not hold up the others."""
        ident = row.id
        try:
            with uow.attempt():
                mark_due(uow, row)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.error("retirement %s: %s at %s", ident, type(error).__name__, place(error))
            row.remove_at = uow.now + POSTPONED_BY
            uow.session.add(row)
