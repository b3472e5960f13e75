"""Callbacks that prove nothing: each is refused and on record, and yet nobody can make the record grow with them.

The first of a kind is recorded at once. What follows within a minute is counted, and then one event stands for all.
"""

from contextlib import suppress
from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from certrail.domain.events.approvals import CallbackRefused
from certrail.persistence.database import locked
from certrail.persistence.tables import Channel, RefusedCallback
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

FOLDED = timedelta(minutes=1)
LONGEST_DETAIL = 500
CHUNK = 100


class CallbackRefusals:
    """Anybody can cause these without a credential, so they are kept per channel and reason, not per callback."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def count(self, channel: Channel, reason: str, detail: str) -> None:
        """Count one, and record what was counted if the last record is old enough."""
        with self._context.unit_of_work(SYSTEM) as uow:
            row = _counted(uow, channel.id, reason)
            row.waiting += 1
            row.detail = detail[:LONGEST_DETAIL]
            uow.session.add(row)
            if row.recorded_at is None or row.recorded_at <= uow.now - FOLDED:
                _record(uow, row)

    def catch_up(self) -> int:
        """Record what was counted and followed by no other, then forget the counter; returns how many were seen to."""
        with self._context.unit_of_work(SYSTEM) as uow:
            due = select(RefusedCallback).where(col(RefusedCallback.recorded_at) <= uow.now - FOLDED)
            rows = uow.session.exec(locked(due.limit(CHUNK), skip_locked=True)).all()
            for row in rows:
                if row.waiting:
                    _record(uow, row)
                else:
                    uow.session.delete(row)
            return len(rows)


def _counted(uow: UnitOfWork, channel_id: str, reason: str) -> RefusedCallback:
    query = locked(
        select(RefusedCallback).where(
            RefusedCallback.channel_id == channel_id, RefusedCallback.reason == reason
        )
    )
    if (row := uow.session.exec(query).first()) is None:
        # Many may be the first at once: one of them makes the row, and the others wait for it.
        with suppress(IntegrityError), uow.attempt():
            uow.session.add(RefusedCallback(channel_id=channel_id, reason=reason))
        row = uow.session.exec(query).one()
    return row


def _record(uow: UnitOfWork, row: RefusedCallback) -> None:
    channel = uow.session.get(Channel, row.channel_id)
    uow.record(
        CallbackRefused(
            row.channel_id,
            channel.application_id if channel else None,
            reason=row.reason,
            detail=row.detail,
            repeats=row.waiting - 1,
        )
    )
    row.waiting, row.recorded_at = 0, uow.now
    uow.session.add(row)
