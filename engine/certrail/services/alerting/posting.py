"""Posting: one message for one channel, sent now or held until its quiet hours or digest interval end."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from certrail.domain.events.alerting import ChannelFailed, ChannelRecovered
from certrail.domain.states import NotificationStatus
from certrail.domain.windows import Window, quiet_until
from certrail.persistence.database import forget, locked
from certrail.persistence.tables import Channel, NotificationRow
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.unit_of_work import UnitOfWork
from certrail_sdk import Notification, Severity

UNSENT = (NotificationStatus.PENDING, NotificationStatus.HELD, NotificationStatus.RETRYING)
INCIDENTS = "incidents"
"""Kind of the keys by which it is remembered within a transaction whether an Application has any."""


def post(uow: UnitOfWork, channel: Channel, notification: Notification, key: str) -> NotificationRow:
    """Add a message once per channel and dedupe key, and enqueue it unless it is held."""
    (row,) = post_each(uow, [channel], lambda: notification, key)
    return row


def post_each(
    uow: UnitOfWork,
    channels: Collection[Channel],
    compose: Callable[[], Notification],
    key: str,
    *,
    new: bool = False,
) -> list[NotificationRow]:
    """The same for several channels, with one look-up of the dedupe key. Returns their rows, old or new.

    Args:
        compose: makes the message of one channel, with an id of its own.
        new: nothing was posted under this key before, as it was made just now: there is nothing to look up.
    """
    if not channels:
        return []
    if new:
        return [_add(uow, channel, compose(), key) for channel in channels]
    idents = [channel.id for channel in channels]
    known = select(NotificationRow).where(
        col(NotificationRow.channel_id).in_(idents), NotificationRow.dedupe_key == key
    )
    posted = {row.channel_id: row for row in uow.session.exec(known).all()}
    return [posted.get(channel.id) or _add(uow, channel, compose(), key) for channel in channels]


def _add(uow: UnitOfWork, channel: Channel, notification: Notification, key: str) -> NotificationRow:
    row = NotificationRow(
        id=notification.id,
        created_at=uow.now,
        channel_id=channel.id,
        dedupe_key=key,
        application_id=channel.application_id,
        content=notification.model_dump(mode="json", exclude={"may_exist"}),
        incident=notification.incident or None,
    )
    if notification.severity is not Severity.CRITICAL:
        row.held_until = held_until(channel, uow.now)
    row.status = NotificationStatus.HELD if row.held_until else NotificationStatus.PENDING
    uow.session.add(row)
    if row.incident is not None:
        forget(uow.session, INCIDENTS)
    if row.held_until is None:
        send(uow, channel, row)
    return row


def send(uow: UnitOfWork, channel: Channel, row: NotificationRow) -> None:
    """Start the workflow that sends a message."""
    uow.enqueue(workflow_of(channel, row))


def workflow_of(channel: Channel, row: NotificationRow) -> WorkflowStart:
    """The workflow that sends a message."""
    return WorkflowStart(
        flow="notification",
        workflow_id=f"notification-{channel.id}-{row.dedupe_key}",
        subject_id=row.id,
        summary=f"Send {row.content['event_type']} to {channel.slug}",
        application_id=row.application_id,
        plugin=f"notifier-{channel.notifier}",
    )


def fails(uow: UnitOfWork, channel_id: str, application_id: str | None, **data: Any) -> None:
    """Record that a channel could not send a message."""
    if (channel := _lock_channel(uow, channel_id)) is not None:
        channel.failing_since = channel.failing_since or uow.now
        uow.session.add(channel)
    slug = channel.slug if channel else ""
    uow.record(ChannelFailed(channel_id, application_id, slug=slug, **data))


def works(uow: UnitOfWork, channel_id: str, application_id: str | None) -> None:
    """Record that a channel sent a message, if it failed before."""
    channel = uow.session.get(Channel, channel_id)
    if channel is None or channel.failing_since is None:
        return
    if (channel := _lock_channel(uow, channel_id)) is not None and channel.failing_since is not None:
        channel.failing_since = None
        uow.session.add(channel)
        uow.record(ChannelRecovered(channel_id, application_id, slug=channel.slug))


def _lock_channel(uow: UnitOfWork, channel_id: str) -> Channel | None:
    query = select(Channel).where(Channel.id == channel_id)
    return uow.session.exec(locked(query)).first()


def withdraw(uow: UnitOfWork, row: NotificationRow) -> None:
    """Cancel a message that was not sent yet."""
    row.status, row.held_until, row.next_try_at = NotificationStatus.WITHDRAWN, None, None
    uow.session.add(row)


def held_until(channel: Channel, now: datetime) -> datetime | None:
    """Until when a message that is not critical is held; ``None`` to send it now."""
    if quiet := quiet_now(channel, now):
        return quiet
    if channel.digest_seconds is None:
        return None
    passed = now.timestamp() % channel.digest_seconds
    return now + timedelta(seconds=channel.digest_seconds - passed)


def quiet_now(channel: Channel, now: datetime) -> datetime | None:
    """When the present quiet hours of a channel end; ``None`` outside of them."""
    return quiet_until((Window.model_validate(window) for window in channel.quiet_hours), now)
