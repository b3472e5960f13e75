"""Sweeps handle things one by one: what cannot be handled is told of, and keeps nothing else from its turn."""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar

from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.domain.errors import CertrailError
from certrail.persistence.database import locked
from certrail.persistence.tables import SweepTrouble
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import Kernel

log = logging.getLogger(__name__)
T = TypeVar("T")

TELL_AGAIN = timedelta(days=1)
LONGEST_SUBJECT = 80


class Isolation:
    """Of one sweep. What was told of is written down, so that a trouble that lasts is told of once a day."""

    def __init__(self, kernel: Kernel, sweep: str) -> None:
        self._kernel, self._sweep = kernel, sweep

    def each(self, items: Iterable[T], handle: Callable[[T], int]) -> int:
        """Handle every item; returns the sum of what `handle` returns for those that it could handle."""
        pending, handled = list(items), 0
        troubles = self._known() if pending else set[str]()
        for item in pending:
            try:
                handled += handle(item)
            except Exception as trouble:
                self._failed(str(item), trouble)
            else:
                if self._key(item) in troubles:
                    self._recovered(self._key(item))
        return handled

    def _known(self) -> set[str]:
        with self._kernel.db.read() as session:
            return set(session.exec(select(SweepTrouble.key).where(SweepTrouble.sweep == self._sweep)).all())

    def _failed(self, item: str, trouble: Exception) -> None:
        log.exception("the sweep %s could not handle %s", self._sweep, item)
        # Only our own errors are written to be read by anybody; others may quote what they stumbled over.
        reason = trouble.detail if isinstance(trouble, CertrailError) else type(trouble).__name__
        key = self._key(item)
        with self._kernel.change(SYSTEM) as change:
            row = change.session.exec(_held(key)).first()
            if row is not None and change.now < row.told_at + TELL_AGAIN:
                return
            row = row or SweepTrouble(key=key, sweep=self._sweep, told_at=change.now)
            row.told_at = change.now
            change.session.add(row)
            change.event(
                "sweep.failed",
                "sweep",
                key,
                slug=self._sweep,
                message=f"{item} could not be handled: {reason}",
                action="The worker's log says where it failed. Everything else was handled; this is tried again.",
            )

    def _recovered(self, key: str) -> None:
        with self._kernel.change(SYSTEM) as change:
            if (row := change.session.exec(_held(key)).first()) is not None:
                change.session.delete(row)
                change.event("sweep.recovered", "sweep", key, slug=self._sweep)

    def _key(self, item: object) -> str:
        return f"{self._sweep}-{item}"[:LONGEST_SUBJECT]


def _held(key: str) -> SelectOfScalar[SweepTrouble]:
    return locked(select(SweepTrouble).where(SweepTrouble.key == key))
