"""Alerts: every event is matched in its own transaction, so that what was decided to be told is told."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from certrail.checkpoints import checkpoint
from certrail.domain.events import Event
from certrail.domain.events.alerting import ChannelFailed, NotificationSent
from certrail.domain.events.approvals import ApprovalReminder
from certrail.domain.events.inventory import CertificateExpiring
from certrail.persistence.database import cached, locked
from certrail.persistence.tables import (
    Alert,
    AlertChannel,
    Application,
    Channel,
    EventRow,
    NotificationRow,
)
from certrail.services.alerting.expiry import hears
from certrail.services.alerting.filters import passes
from certrail.services.alerting.incidents import is_late, open_incident, resolve_incidents
from certrail.services.alerting.messages import compose
from certrail.services.alerting.notify_work import NotifyWork
from certrail.services.alerting.posting import fails, post, withdraw, works
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import Failure
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.integrations.plugin_config import notifier_of
from certrail_sdk import Context, Fact, Notification, Sent, Stage

FALLBACK = "fallback-"


def fan_out(uow: UnitOfWork, event: Event, row: EventRow) -> None:
    """Make one notification per channel for every alert that names this event, and for whom it closes an incident."""
    # A failure to notify of a failing channel is recorded, but notified to nobody: that would never end.
    if not event.alertable or (isinstance(event, ChannelFailed) and event.of_a_failure):
        return
    session, scope = uow.session, event.application_id
    pairs = cached(session, ("alerts", scope), lambda: _alerts(session, scope))
    # The expiry sweep records this event for one alert, whose threshold was passed.
    meant = event.alert_id if isinstance(event, CertificateExpiring) else None
    wanting = [
        (alert, channel)
        for alert, channel in pairs
        if meant in (None, alert.id) and row.type in alert.events and passes(session, alert.filters, row)
    ]
    key = event.incident_key()
    ended: Sequence[Channel] = ()
    if key is None or event.stage in (None, Stage.OPEN):
        for alert in {alert.id: alert for alert, _ in wanting if alert.escalation}.values():
            open_incident(uow, alert, _composed(uow, event, row))
    else:
        ended = resolve_incidents(uow, event, key)
    told = (*(channel for _, channel in wanting), *ended, *_addressed(session, event))
    for channel in {channel.id: channel for channel in told}.values():
        # A failing channel must not be told of its own failure.
        if not isinstance(event, ChannelFailed) or event.subject_id != channel.id:
            post(uow, channel, _composed(uow, event, row), _dedupe_key(event, row))


def _addressed(session: Session, event: Event) -> Sequence[Channel]:
    """The channels that an event names itself: they are notified whatever alerts there are."""
    if not isinstance(event, ApprovalReminder) or not event.channels:
        return []
    return session.exec(select(Channel).where(col(Channel.id).in_(event.channels)).order_by(Channel.id)).all()


def _alerts(session: Session, application_id: str | None) -> Sequence[tuple[Alert, Channel]]:
    query = (
        select(Alert, Channel)
        .join(AlertChannel, col(AlertChannel.alert_id) == col(Alert.id))
        .join(Channel, col(Channel.id) == col(AlertChannel.channel_id))
        .where(hears(application_id), col(Alert.enabled).is_(True))
    )
    return session.exec(query).all()


def _composed(uow: UnitOfWork, event: Event, row: EventRow) -> Notification:
    owner = uow.session.get(Application, event.application_id) if event.application_id else None
    return compose(event, row, owner, uow.new_id(), uow.context.public_url)


class Notifications:
    """Every step may run twice and lands on the same message."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def begin(self, notification_id: str, attempt: int) -> NotifyWork | None:
        """Record the intent to send, then hand out the work; ``None`` when it was sent, withdrawn or deleted."""
        with self._context.unit_of_work(SYSTEM) as uow:
            row = _message(uow, notification_id)
            if row is None or row.status in ("sent", "withdrawn"):
                return None
            channel = uow.session.get(Channel, row.channel_id)
            if channel is None or is_late(uow, channel, row):
                withdraw(uow, row)
                return None
            notification = Notification.model_validate(row.content)
            work = NotifyWork(
                notification_id=row.id,
                notifier=notifier_of(self._context, uow.session, channel, Context()),
                notification=notification.model_copy(update={"may_exist": row.intent_at is not None}),
                plugin=f"{channel.notifier} {self._context.plugins.info('notifier', channel.notifier).version}",
            )
            row.intent_at = row.intent_at or uow.now
            row.attempts, row.next_try_at = attempt, None
            uow.session.add(row)
        checkpoint("notification.intended")
        return work

    def sent(self, notification_id: str, sent: Sent) -> None:
        """Record that the outside system took the message."""
        checkpoint("notification.sent")
        with self._context.unit_of_work(SYSTEM) as uow:
            row = _message(uow, notification_id)
            if row is None or row.status == "sent":
                return
            row.status, row.sent_at, row.last_error = "sent", uow.now, None
            row.reference = sent.reference
            row.recipients = [recipient.model_dump() for recipient in sent.recipients]
            uow.session.add(row)
            refused = [r.address for r in sent.recipients if not r.accepted]
            uow.record(
                NotificationSent(
                    row.id, row.application_id, channel_id=row.channel_id, refused_recipients=refused
                )
            )
            works(uow, row.channel_id, row.application_id)
        checkpoint("notification.recorded")

    def failed(self, notification_id: str, failure: Failure) -> None:
        """Record a failed try."""
        with self._context.unit_of_work(SYSTEM) as uow:
            row = _message(uow, notification_id)
            # A step that runs twice gives up once; and another try may have sent it, or it is over.
            if row is None or row.status in ("sent", "withdrawn"):
                return
            if row.status == "failed" and failure.permanent:
                return
            first = row.last_error is None
            row.status = "failed" if failure.permanent else "retrying"
            row.last_error = failure.stored(uow.now)
            row.next_try_at = failure.next_try_at
            uow.session.add(row)
            if first or failure.permanent:
                fails(
                    uow,
                    row.channel_id,
                    row.application_id,
                    notification_id=row.id,
                    kind=failure.kind,
                    message=failure.message,
                    action=failure.action,
                    permanent=failure.permanent,
                    of_a_failure=row.content["event_type"] == "channel.failed",
                )
            if failure.permanent:
                _fall_back(uow, row, failure)


def _message(uow: UnitOfWork, notification_id: str) -> NotificationRow | None:
    """Held: two tries may be at it, and what it is about may be over at this moment."""
    query = select(NotificationRow).where(NotificationRow.id == notification_id)
    return uow.session.exec(locked(query)).first()


def _dedupe_key(event: Event, row: EventRow) -> str:
    """Once per channel: an event, or a certificate's passing of one threshold of an alert."""
    if isinstance(event, CertificateExpiring):
        return f"{event.alert_id}-{event.threshold_seconds}-{event.subject_id}"
    return row.id


def _fall_back(uow: UnitOfWork, row: NotificationRow, failure: Failure) -> None:
    """Say it through the channel that stands in; what that fails to say goes no further."""
    channel = uow.session.get(Channel, row.channel_id)
    if channel is None or channel.fallback_id is None or row.dedupe_key.startswith(FALLBACK):
        return
    told = Notification.model_validate(row.content)
    note = Fact(label="Not sent by", value=f"{channel.name}: {failure.message}")
    instead = told.model_copy(update={"id": uow.new_id(), "facts": (*told.facts, note)})
    post(uow, uow.session.get_one(Channel, channel.fallback_id), instead, f"{FALLBACK}{row.id}")
