"""Sweeps handle items one by one: a failing item is reported, and does not block the others."""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar

from sqlmodel import Session, select

from certrail.domain.errors import CertrailError
from certrail.domain.events.operations import SweepFailed, SweepRecovered
from certrail.persistence.database import locked
from certrail.persistence.tables import SweepFailure
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import ServiceContext

log = logging.getLogger(__name__)
T = TypeVar("T")

REPORT_AGAIN = timedelta(days=1)
LONGEST_SUBJECT = 80


class SweepItems:
    """The items of one sweep. A reported failure is stored, so that a lasting one is reported once a day."""

    def __init__(self, context: ServiceContext, sweep: str) -> None:
        self._context, self._sweep = context, sweep

    def run_each(self, items: Iterable[T], handle: Callable[[T], int]) -> int:
        """Handle every item; returns the sum of what `handle` returns for those that it could handle."""
        pending, handled = list(items), 0
        failures = self._known() if pending else set[str]()
        for item in pending:
            try:
                handled += handle(item)
            except Exception as error:
                self._failed(str(item), error)
            else:
                if self._key(item) in failures:
                    self._recovered(self._key(item))
        return handled

    def _known(self) -> set[str]:
        with self._context.db.read() as session:
            return set(session.exec(select(SweepFailure.key).where(SweepFailure.sweep == self._sweep)).all())

    def _failed(self, item: str, error: Exception) -> None:
        log.exception("the sweep %s could not handle %s", self._sweep, item)
        # The messages of our own errors hold no secret; those of others may quote one.
        reason = error.detail if isinstance(error, CertrailError) else type(error).__name__
        key = self._key(item)
        with self._context.unit_of_work(SYSTEM) as uow:
            row = _lock_failure(uow.session, key)
            if row is not None and uow.now < row.reported_at + REPORT_AGAIN:
                return
            row = row or SweepFailure(key=key, sweep=self._sweep, reported_at=uow.now)
            row.reported_at = uow.now
            uow.session.add(row)
            uow.record(
                SweepFailed(
                    key,
                    slug=self._sweep,
                    message=f"{item} could not be handled: {reason}",
                    action="The worker's log says where it failed. Everything else was handled; this is tried again.",
                )
            )

    def _recovered(self, key: str) -> None:
        with self._context.unit_of_work(SYSTEM) as uow:
            if (row := _lock_failure(uow.session, key)) is not None:
                uow.session.delete(row)
                uow.record(SweepRecovered(key, slug=self._sweep))

    def _key(self, item: object) -> str:
        return f"{self._sweep}-{item}"[:LONGEST_SUBJECT]


def _lock_failure(session: Session, key: str) -> SweepFailure | None:
    return session.exec(locked(select(SweepFailure).where(SweepFailure.key == key))).first()
