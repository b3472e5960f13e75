"""Callbacks that prove nothing: each is refused and on record, and yet nobody can make the record grow with them.

The first of a kind is recorded at once. What follows within a minute is counted, and then one event stands for all.
"""

from contextlib import suppress
from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from certrail.persistence.database import locked
from certrail.persistence.tables import Channel, RefusedCallback
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import Change, Kernel

FOLDED = timedelta(minutes=1)
LONGEST_DETAIL = 500
CHUNK = 100


class CallbackRefusals:
    """Anybody can cause these without a credential, so they are kept per channel and reason, not per callback."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def count(self, channel: Channel, reason: str, detail: str) -> None:
        """Count one, and record what was counted if the last record is old enough."""
        with self._kernel.change(SYSTEM) as change:
            row = _counted(change, channel.id, reason)
            row.waiting += 1
            row.detail = detail[:LONGEST_DETAIL]
            change.session.add(row)
            if row.recorded_at is None or row.recorded_at <= change.now - FOLDED:
                _record(change, row)

    def catch_up(self) -> int:
        """Record what was counted and followed by no other, then forget the counter; returns how many were seen to."""
        with self._kernel.change(SYSTEM) as change:
            due = select(RefusedCallback).where(col(RefusedCallback.recorded_at) <= change.now - FOLDED)
            rows = change.session.exec(locked(due.limit(CHUNK), skip_locked=True)).all()
            for row in rows:
                if row.waiting:
                    _record(change, row)
                else:
                    change.session.delete(row)
            return len(rows)


def _counted(change: Change, channel_id: str, reason: str) -> RefusedCallback:
    query = locked(
        select(RefusedCallback).where(
            RefusedCallback.channel_id == channel_id, RefusedCallback.reason == reason
        )
    )
    if (row := change.session.exec(query).first()) is None:
        # Many may be the first at once: one of them makes the row, and the others wait for it.
        with suppress(IntegrityError), change.attempt():
            change.session.add(RefusedCallback(channel_id=channel_id, reason=reason))
        row = change.session.exec(query).one()
    return row


def _record(change: Change, row: RefusedCallback) -> None:
    channel = change.session.get(Channel, row.channel_id)
    change.event(
        "callback.refused",
        "channel",
        row.channel_id,
        channel.application_id if channel else None,
        reason=row.reason,
        detail=row.detail,
        repeats=row.waiting - 1,
    )
    row.waiting, row.recorded_at = 0, change.now
    change.session.add(row)
