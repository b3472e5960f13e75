"""Sweeps handle things one by one: what cannot be handled is told of, and keeps nothing else from its turn."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from certrail.domain.errors import CertrailError
from certrail.services.actor import SYSTEM
from certrail.services.kernel import Kernel

log = logging.getLogger(__name__)
T = TypeVar("T")

TELL_AGAIN = timedelta(days=1)
LONGEST_SUBJECT = 80


class Isolation:
    """Of one sweep. It remembers what it told of, so that a trouble that lasts is told of once a day."""

    def __init__(self, kernel: Kernel, sweep: str) -> None:
        self._kernel, self._sweep = kernel, sweep
        self._told: dict[str, datetime] = {}

    def each(self, items: Iterable[T], handle: Callable[[T], int]) -> int:
        """Handle every item; returns the sum of what `handle` returns for those that it could handle."""
        handled = 0
        for item in items:
            try:
                handled += handle(item)
            except Exception as trouble:
                self._failed(str(item), trouble)
            else:
                if self._told.pop(str(item), None):
                    self._event("sweep.recovered", str(item))
        return handled

    def _failed(self, item: str, trouble: Exception) -> None:
        log.exception("the sweep %s could not handle %s", self._sweep, item)
        now = self._kernel.clock()
        if item in self._told and now < self._told[item] + TELL_AGAIN:
            return
        # Only our own errors are written to be read by anybody; others may quote what they stumbled over.
        reason = trouble.detail if isinstance(trouble, CertrailError) else type(trouble).__name__
        self._event(
            "sweep.failed",
            item,
            message=f"{item} could not be handled: {reason}",
            action="The worker's log says where it failed. Everything else was handled; this is tried again.",
        )
        self._told[item] = now

    def _event(self, type_: str, item: str, **data: str) -> None:
        with self._kernel.change(SYSTEM) as change:
            change.event(type_, "sweep", f"{self._sweep}-{item}"[:LONGEST_SUBJECT], slug=self._sweep, **data)
