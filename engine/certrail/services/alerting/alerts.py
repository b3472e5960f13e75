"""Alerts: which channels are notified of which events, configured by Application Admins; and the notification log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from sqlmodel import Session, col, or_, select

from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.domain.events.alerting import AlertCreated, AlertDeleted, AlertUpdated, NotificationReplayed
from certrail.persistence.tables import (
    Alert,
    AlertChannel,
    AlertCursor,
    Channel,
    Incident,
    NotificationRow,
)
from certrail.services.alerting.channels import find_channel, require_global_scope, require_product_admin
from certrail.services.alerting.expiry import EXPIRING, set_cursors
from certrail.services.alerting.messages import KNOWN
from certrail.services.alerting.posting import post
from certrail.services.core.actor import Actor
from certrail.services.core.changes import UNCHANGED, Unchanged
from certrail.services.core.lookup import find, gathered, patch, require_room
from certrail.services.core.paging import PAGE, Position, newest_first
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.inventory.selectors import CertificateSelector
from certrail_sdk import Notification

MOST_ALERTS = 200
"""Of one Application: all are matched in the transaction that records an event, which holds up other writers."""
MOST_CHANNELS, MOST_THRESHOLDS, MOST_STEPS = 10, 20, 5
SHORTEST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(days=7)
SHORTEST_THRESHOLD, LONGEST_THRESHOLD = timedelta(hours=1), timedelta(days=365)


@dataclass(frozen=True)
class Escalation:
    """Channels to notify when nobody has acknowledged for so long, counted from the first message."""

    after: timedelta
    channels: Sequence[str]


class Alerts:
    """Alerts and the log of their notifications."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create_alert(
        self,
        actor: Actor,
        application_id: str | None,
        *,
        slug: str,
        name: str,
        events: Sequence[str],
        channels: Sequence[str],
        filters: CertificateSelector | None = None,
        thresholds: Sequence[timedelta] = (),
        daily_reminder: bool = False,
        escalation: Sequence[Escalation] = (),
        product_wide: bool = False,
        enabled: bool = True,
    ) -> Alert:
        """Create an alert. Raises BadInput for unknown events or too many channels.

        Args:
            thresholds: how long before its expiry `certificate.expiring` is recorded, once for each. A threshold longer
                than a certificate's whole life is ignored for it.
            daily_reminder: from the longest threshold on, once a day until it is renewed.
            escalation: further channels, notified step by step until somebody acknowledges; the shortest wait first.
            product_wide: match events of all Applications and of what they share; the alert belongs to none.
        """
        require_global_scope(product_wide, application_id)
        seconds = _seconds(thresholds)
        _check(events, channels, seconds)
        with self._context.unit_of_work(actor) as uow:
            session = uow.session
            if session.exec(
                select(Alert).where(Alert.application_id == application_id, Alert.slug == slug)
            ).first():
                raise Conflict(f"An alert {slug!r} exists already in this Application.")
            require_room(session, Alert, application_id, MOST_ALERTS, "alerts")
            ident = uow.new_id()
            row = Alert(
                id=ident,
                created_at=uow.now,
                application_id=application_id,
                slug=slug,
                name=name,
                events=sorted(set(events)),
                filters=(filters or CertificateSelector()).stored_for(session, Alert, ident, application_id),
                thresholds=seconds,
                daily_reminder=daily_reminder,
                escalation=_steps(session, application_id, escalation),
                product_wide=product_wide,
                enabled=enabled,
            )
            session.add(row)
            _link(session, row, channels)
            set_cursors(uow, row)
            uow.record(AlertCreated(row.id, application_id, slug=slug, events=row.events))
            return row

    def update_alert(
        self,
        actor: Actor,
        application_id: str | None,
        reference: str,
        *,
        name: str | Unchanged = UNCHANGED,
        events: Sequence[str] | Unchanged = UNCHANGED,
        channels: Sequence[str] | Unchanged = UNCHANGED,
        filters: CertificateSelector | Unchanged = UNCHANGED,
        enabled: bool | Unchanged = UNCHANGED,
        thresholds: Sequence[timedelta] | Unchanged = UNCHANGED,
        daily_reminder: bool | Unchanged = UNCHANGED,
        escalation: Sequence[Escalation] | Unchanged = UNCHANGED,
    ) -> Alert:
        """Change what is given. Raises BadInput for unknown events or too many channels."""
        with self._context.unit_of_work(actor) as uow:
            session = uow.session
            row = find_alert(session, application_id, reference)
            require_product_admin(actor, row.product_wide)
            before = _facts(session, row)
            if filters is not UNCHANGED:
                row.filters = filters.stored_for(session, Alert, row.id, application_id)
            if escalation is not UNCHANGED:
                row.escalation = _steps(session, application_id, escalation)
            patch(
                session,
                row,
                name=name,
                events=UNCHANGED if events is UNCHANGED else sorted(set(events)),
                enabled=enabled,
                thresholds=UNCHANGED if thresholds is UNCHANGED else _seconds(thresholds),
                daily_reminder=daily_reminder,
            )
            wanted = _channels_of(session, row.id) if channels is UNCHANGED else channels
            _check(row.events, wanted, row.thresholds)
            if channels is not UNCHANGED:
                for link in session.exec(select(AlertChannel).where(AlertChannel.alert_id == row.id)).all():
                    session.delete(link)
                session.flush()
                _link(session, row, channels)
            session.flush()
            after = _facts(session, row)
            others = any(before[part] != after[part] for part in ("filters", "channels"))
            set_cursors(uow, row, anew=others)
            uow.record(AlertUpdated(row.id, application_id, before=before, after=after))
            return row

    def delete_alert(self, actor: Actor, application_id: str | None, reference: str) -> None:
        """Remove an alert. Raises NotFound."""
        with self._context.unit_of_work(actor) as uow:
            session = uow.session
            row = find_alert(session, application_id, reference)
            require_product_admin(actor, row.product_wide)
            for table in (AlertChannel, AlertCursor, Incident):
                for link in session.exec(select(table).where(table.alert_id == row.id)).all():
                    session.delete(link)
            session.delete(row)
            uow.record(AlertDeleted(row.id, application_id, slug=row.slug))

    def list(self, application_id: str | None) -> Sequence[tuple[Alert, list[str]]]:
        """The alerts of an Application with the ids of their channels."""
        with self._context.db.read() as session:
            query = (
                select(Alert, AlertChannel.channel_id)
                .join(AlertChannel, col(AlertChannel.alert_id) == col(Alert.id), isouter=True)
                .where(Alert.application_id == application_id)
            )
            return gathered(session.exec(query.order_by(Alert.slug, AlertChannel.channel_id)).all())

    def get(self, application_id: str | None, reference: str) -> tuple[Alert, Sequence[str]]:
        """One alert by slug or id, with the ids of its channels. Raises NotFound."""
        with self._context.db.read() as session:
            named = or_(Alert.id == reference, Alert.slug == reference)
            query = (
                select(Alert, AlertChannel.channel_id)
                .join(AlertChannel, col(AlertChannel.alert_id) == col(Alert.id), isouter=True)
                .where(Alert.application_id == application_id, named)
            )
            rows = session.exec(query).all()
            if not rows:
                raise NotFound("alert", reference)
            alert = rows[0][0]
            return alert, [channel for row, channel in rows if row is alert and channel is not None]

    def notifications(
        self,
        application_id: str | None,
        status: str | None = None,
        *,
        after: Position | None = None,
        limit: int = PAGE,
    ) -> Sequence[NotificationRow]:
        """One page of the delivery log, newest first."""
        with self._context.db.read() as session:
            query = select(NotificationRow).where(NotificationRow.application_id == application_id)
            if status:
                query = query.where(NotificationRow.status == status)
            return session.exec(newest_first(query, NotificationRow, after, limit)).all()

    def notification(self, notification_id: str) -> NotificationRow:
        """One entry of the delivery log. Raises NotFound."""
        with self._context.db.read() as session:
            if (row := session.get(NotificationRow, notification_id)) is None:
                raise NotFound("notification")
            return row

    def replay(self, actor: Actor, notification_id: str) -> NotificationRow:
        """Send a message once more, as a new entry of the log; what was sent stays as it was.

        Raises:
            NotFound: no such message.
            Conflict: its channel was deleted.
        """
        with self._context.unit_of_work(actor) as uow:
            if (row := uow.session.get(NotificationRow, notification_id)) is None:
                raise NotFound("notification")
            if (channel := uow.session.get(Channel, row.channel_id)) is None:
                raise Conflict("The channel of this message was deleted, so it cannot be sent again.")
            ident = uow.new_id()
            again = Notification.model_validate({**row.content, "id": ident})
            sent = post(uow, channel, again, f"replay-{ident}")
            uow.record(
                NotificationReplayed(ident, row.application_id, replayed=row.id, channel_id=channel.id)
            )
            return sent


def _channels_of(session: Session, alert_id: str) -> list[str]:
    return list(session.exec(select(AlertChannel.channel_id).where(AlertChannel.alert_id == alert_id)).all())


def find_alert(session: Session, application_id: str | None, reference: str) -> Alert:
    """By slug or id, inside one Application. Raises NotFound."""
    return find(session, Alert, reference, "alert", scope=application_id)


def _seconds(thresholds: Sequence[timedelta]) -> list[int]:
    if len(thresholds) > MOST_THRESHOLDS or any(
        not SHORTEST_THRESHOLD <= threshold <= LONGEST_THRESHOLD for threshold in thresholds
    ):
        raise BadInput(
            f"Give at most {MOST_THRESHOLDS} thresholds, each from one hour to 365 days.", "thresholds"
        )
    return sorted({int(threshold.total_seconds()) for threshold in thresholds}, reverse=True)


def _check(events: Sequence[str], channels: Sequence[str], thresholds: Sequence[int]) -> None:
    if (EXPIRING in events) != bool(thresholds):
        raise BadInput(
            f"{EXPIRING} needs thresholds, such as 30d and 7d, and only it has them.", "thresholds"
        )
    if unknown := sorted(set(events) - KNOWN.keys()):
        raise BadInput(f"Unknown events: {', '.join(unknown)}. Known: {', '.join(sorted(KNOWN))}.", "events")
    if not events or not channels or len(channels) > MOST_CHANNELS:
        raise BadInput(f"Name at least one event and 1 to {MOST_CHANNELS} channels.", "channels")


def _steps(
    session: Session, application_id: str | None, escalation: Sequence[Escalation]
) -> list[dict[str, Any]]:
    waits = [step.after for step in escalation]
    rising = all(first < second for first, second in pairwise(waits))
    if len(waits) > MOST_STEPS or not rising or any(not SHORTEST_WAIT <= w <= LONGEST_WAIT for w in waits):
        raise BadInput(
            f"Give at most {MOST_STEPS} steps, the shortest wait first, each from one minute to 7 days.",
            "escalation",
        )
    return [
        {
            "after_seconds": int(step.after.total_seconds()),
            "channels": [find_channel(session, application_id, c).id for c in step.channels],
        }
        for step in escalation
    ]


def _link(session: Session, alert: Alert, channels: Sequence[str]) -> None:
    for channel_id in {find_channel(session, alert.application_id, c).id for c in channels}:
        session.add(AlertChannel(alert_id=alert.id, channel_id=channel_id))


def _facts(session: Session, alert: Alert) -> dict[str, Any]:
    values = alert.model_dump(mode="json", exclude={"id", "created_at", "application_id", "slug"})
    return {**values, "channels": sorted(_channels_of(session, alert.id))}
