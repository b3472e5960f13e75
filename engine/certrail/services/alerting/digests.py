"""Digests: held messages are sent together as one, when there are several."""

from collections.abc import Sequence

from sqlmodel import col, select

from certrail.domain.states import NotificationStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import Application, Channel, NotificationRow
from certrail.services.alerting.posting import post, quiet_now, send
from certrail.services.core.actor import SYSTEM
from certrail.services.core.sweeps import SweepItems
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail_sdk import Fact, Notification, Severity

MOST, CHANNELS = 200, 50
ORDER = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)


class DigestSweep:
    """Any number may run at once: a channel is emptied by one at a time."""

    def __init__(self, context: ServiceContext) -> None:
        self._context, self._items = context, SweepItems(context, "digests")

    def run(self) -> int:
        """Send messages whose hold has ended, channel by channel; returns how many."""
        with self._context.db.read() as session:
            due = select(NotificationRow.channel_id).where(
                col(NotificationRow.held_until) <= self._context.clock()
            )
            channels = session.exec(due.distinct().limit(CHANNELS)).all()
        return self._items.run_each(channels, self._empty)

    def _empty(self, channel_id: str) -> int:
        with self._context.unit_of_work(SYSTEM) as uow:
            query = select(Channel).where(Channel.id == channel_id)
            channel = uow.session.exec(locked(query, skip_locked=True)).first()
            if channel is None:
                return 0
            waiting = select(NotificationRow).where(
                NotificationRow.channel_id == channel_id, col(NotificationRow.held_until) <= uow.now
            )
            order = (col(NotificationRow.created_at), col(NotificationRow.id))
            rows = uow.session.exec(locked(waiting.order_by(*order).limit(MOST))).all()
            quiet = quiet_now(channel, uow.now)
            for row in rows:
                row.held_until = quiet
                row.status = NotificationStatus.HELD if quiet else NotificationStatus.PENDING
                uow.session.add(row)
            if quiet or not rows:
                return 0
            if len(rows) == 1:
                send(uow, channel, rows[0])
            else:
                _together(uow, channel, rows)
            return len(rows)


def _together(uow: UnitOfWork, channel: Channel, rows: Sequence[NotificationRow]) -> None:
    owner = uow.session.get(Application, channel.application_id) if channel.application_id else None
    messages = [Notification.model_validate(row.content) for row in rows]
    since = f"{messages[0].occurred_at:%Y-%m-%d %H:%M} UTC"
    where = f" in {owner.name}" if owner else ""
    ident = uow.new_id()
    digest = Notification(
        id=ident,
        event_type="notification.digest",
        occurred_at=uow.now,
        severity=max((one.severity for one in messages), key=ORDER.index),
        title=f"{len(messages)} messages{where} since {since}",
        summary="They waited to be sent together.",
        facts=tuple(Fact(label=f"{one.occurred_at:%m-%d %H:%M}", value=one.title) for one in messages),
        source=messages[0].source,
        application=owner.slug if owner else "",
        link=messages[0].link,
        data={"notifications": [one.id for one in messages]},
    )
    for row in rows:
        row.status, row.digest_id = NotificationStatus.DIGESTED, ident
        uow.session.add(row)
    row = post(uow, channel, digest, f"digest-{ident}")
    # `post` may have held the digest for the next interval, although it ends this one.
    if row.held_until is not None:
        row.held_until, row.status = None, NotificationStatus.PENDING
        uow.session.add(row)
        send(uow, channel, row)
