"""Alerts: every event is matched in its own transaction, so that what was decided to be told is told."""

from typing import Any

from sqlmodel import col, select

from certrail.checkpoints import checkpoint
from certrail.persistence.database import recall
from certrail.persistence.tables import (
    Alert,
    AlertChannel,
    Application,
    Channel,
    EventRow,
    NotificationRow,
)
from certrail.services.actor import SYSTEM
from certrail.services.expiry import EXPIRING
from certrail.services.failure import Failure
from certrail.services.kernel import Change, Kernel
from certrail.services.messages import KNOWN, compose
from certrail.services.notify_work import NotifyWork
from certrail.services.plugin_config import notifier_of
from certrail_sdk import Context, Notification, Sent


def fan_out(change: Change, event: EventRow) -> None:
    """Make one notification per channel for every alert that wants this event."""
    if event.type not in KNOWN:
        return
    query = (
        select(Alert, Channel)
        .join(AlertChannel, col(AlertChannel.alert_id) == col(Alert.id))
        .join(Channel, col(Channel.id) == col(AlertChannel.channel_id))
        .where(Alert.application_id == event.application_id, col(Alert.enabled).is_(True))
    )
    session = change.session
    pairs = recall(session, ("alerts", event.application_id), lambda: session.exec(query).all())
    told: set[str] = set()
    # One that watches the clock has found this certificate by itself, and for itself only.
    meant = event.data.get("alert_id") if event.type == EXPIRING else None
    for alert, channel in pairs:
        if meant is not None and alert.id != meant:
            continue
        if event.type in alert.events and _passes(alert, event) and channel.id not in told:
            told.add(channel.id)
            _notify(change, event, channel)


class Notifications:
    """Every step may run twice and lands on the same message."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def begin(self, notification_id: str, attempt: int) -> NotifyWork | None:
        """Record the intent to send, then hand out the work; ``None`` when it was sent, or deleted."""
        with self._kernel.change(SYSTEM) as change:
            row = change.session.get(NotificationRow, notification_id)
            if row is None or row.status == "sent":
                return None
            channel = change.session.get_one(Channel, row.channel_id)
            notification = Notification.model_validate(row.content)
            work = NotifyWork(
                notification_id=row.id,
                notifier=notifier_of(self._kernel, change.session, channel, Context()),
                notification=notification.model_copy(update={"may_exist": row.intent_at is not None}),
                plugin=f"{channel.notifier} {self._kernel.plugins.info('notifier', channel.notifier).version}",
            )
            row.intent_at = row.intent_at or change.now
            row.attempts, row.next_try_at = attempt, None
            change.session.add(row)
        checkpoint("notification.intended")
        return work

    def sent(self, notification_id: str, sent: Sent) -> None:
        """Record that the outside system took the message."""
        checkpoint("notification.sent")
        with self._kernel.change(SYSTEM) as change:
            row = change.session.get(NotificationRow, notification_id)
            if row is None or row.status == "sent":
                return
            row.status, row.sent_at, row.last_error = "sent", change.now, None
            row.reference = sent.reference
            row.recipients = [recipient.model_dump() for recipient in sent.recipients]
            change.session.add(row)
            refused = [r.address for r in sent.recipients if not r.accepted]
            change.event(
                "notification.sent",
                "notification",
                row.id,
                row.application_id,
                channel_id=row.channel_id,
                refused_recipients=refused,
            )
        checkpoint("notification.recorded")

    def failed(self, notification_id: str, failure: Failure) -> None:
        """Record a failed try."""
        with self._kernel.change(SYSTEM) as change:
            row = change.session.get(NotificationRow, notification_id)
            if row is None:
                return
            first = row.last_error is None
            row.status = "failed" if failure.permanent else "retrying"
            row.last_error = failure.stored(change.now)
            row.next_try_at = failure.next_try_at
            change.session.add(row)
            if first or failure.permanent:
                change.event(
                    "channel.failed",
                    "channel",
                    row.channel_id,
                    row.application_id,
                    notification_id=row.id,
                    kind=failure.kind,
                    message=failure.message,
                    action=failure.action,
                    permanent=failure.permanent,
                )


def _passes(alert: Alert, event: EventRow) -> bool:
    wanted: dict[str, Any] = alert.filters
    profiles = wanted.get("profiles")
    return not profiles or event.data.get("profile") in profiles


def _dedupe_key(event: EventRow) -> str:
    """Once per channel: an event, and of what the clock tells a threshold of a certificate."""
    if event.type != EXPIRING:
        return event.id
    return f"{event.data['alert_id']}-{event.data['threshold_seconds']}-{event.subject_id}"


def _notify(change: Change, event: EventRow, channel: Channel) -> None:
    # A failing channel must not be told of its own failure: that would never end.
    if event.type == "channel.failed" and event.subject_id == channel.id:
        return
    owner = change.session.get(Application, event.application_id) if event.application_id else None
    notification_id, key = change.new_id(), _dedupe_key(event)
    notification = compose(event, owner, notification_id, change.kernel.public_url)
    change.session.add(
        NotificationRow(
            id=notification_id,
            created_at=change.now,
            channel_id=channel.id,
            dedupe_key=key,
            application_id=event.application_id,
            content=notification.model_dump(mode="json", exclude={"may_exist"}),
        )
    )
    change.session.flush()
    change.enqueue(
        "notification",
        f"notification-{channel.id}-{key}",
        notification_id,
        plugin=f"notifier-{channel.notifier}",
    )
