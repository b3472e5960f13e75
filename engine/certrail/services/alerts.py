"""Channels and alerts: who is told of what, configured by Application Admins."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, or_, select

from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.persistence.tables import (
    Alert,
    AlertChannel,
    AlertCursor,
    ApprovalPolicy,
    Channel,
    NotificationRow,
)
from certrail.services.actor import Actor
from certrail.services.expiry import EXPIRING, set_cursors
from certrail.services.kernel import Kernel
from certrail.services.messages import KNOWN
from certrail.services.plugin_config import (
    CHANNEL_PURPOSE,
    find_connection,
    masked,
    notifier_class,
    notifier_of,
    own_values,
    resealed,
    validated,
)
from certrail_sdk import Context, Notifier

MOST_CHANNELS, MOST_THRESHOLDS = 10, 20
SHORTEST_THRESHOLD, LONGEST_THRESHOLD = timedelta(hours=1), timedelta(days=365)


class Alerts:
    """Who is told of what."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def create_channel(
        self,
        actor: Actor,
        application_id: str | None,
        *,
        slug: str,
        name: str,
        notifier: str,
        config: Mapping[str, Any],
        connection: str | None = None,
    ) -> Channel:
        """Make a channel. Raises BadInput naming the wrong field, Conflict for a taken slug."""
        plugin = notifier_class(self._kernel, notifier)
        with self._kernel.change(actor) as change:
            session = change.session
            if session.exec(
                select(Channel).where(Channel.application_id == application_id, Channel.slug == slug)
            ).first():
                raise Conflict(f"A channel {slug!r} exists already in this Application.")
            link = find_connection(session, connection) if connection else None
            parsed = validated(self._kernel, plugin, config, link)
            row = Channel(
                id=change.new_id(),
                created_at=change.now,
                application_id=application_id,
                slug=slug,
                name=name,
                notifier=notifier,
                connection_id=link.id if link else None,
                config_sealed=self._kernel.keyring.seal_json(own_values(parsed, config), CHANNEL_PURPOSE),
                config_revision=plugin.config_type.revision,
            )
            session.add(row)
            change.event("channel.created", "channel", row.id, application_id, slug=slug, notifier=notifier)
            return row

    def delete_channel(self, actor: Actor, application_id: str | None, reference: str) -> None:
        """Remove a channel that nothing uses. Raises Conflict naming what uses it."""
        with self._kernel.change(actor) as change:
            row = find_channel(change.session, application_id, reference)
            used = change.session.exec(
                select(Alert.slug)
                .join(AlertChannel, col(AlertChannel.alert_id) == col(Alert.id))
                .where(AlertChannel.channel_id == row.id)
            ).all()
            policies = change.session.exec(
                select(ApprovalPolicy).where(ApprovalPolicy.application_id == application_id)
            ).all()
            users = [*used, *(p.slug for p in policies if row.id in str(p.steps))]
            sent = change.session.exec(
                select(NotificationRow).where(NotificationRow.channel_id == row.id)
            ).first()
            if users or sent:
                who = ", ".join(users) or "its delivery log"
                raise Conflict(f"The channel is used by {who}.", users=users)
            change.session.delete(row)
            change.event("channel.deleted", "channel", row.id, application_id, slug=row.slug)

    def update_channel(
        self,
        actor: Actor,
        application_id: str | None,
        reference: str,
        *,
        name: str | None = None,
        config: Mapping[str, Any] | None = None,
        connection: str | None = None,
    ) -> Channel:
        """Change what is given; the configuration is replaced as a whole, a masked value stays as it was.

        Raises:
            BadInput: naming the wrong field.
        """
        with self._kernel.change(actor) as change:
            row = find_channel(change.session, application_id, reference)
            plugin = notifier_class(self._kernel, row.notifier)
            before = {"name": row.name, "connection_id": row.connection_id}
            row.name = name if name is not None else row.name
            if connection is not None:
                row.connection_id = find_connection(change.session, connection).id
            if config is not None or connection is not None:
                row.config_sealed = resealed(
                    self._kernel, change.session, plugin, row, CHANNEL_PURPOSE, config
                )
                row.config_revision = plugin.config_type.revision
            change.session.add(row)
            after = {"name": row.name, "connection_id": row.connection_id}
            fields = ["config"] if config is not None else []
            change.event(
                "channel.updated",
                "channel",
                row.id,
                application_id,
                before=before,
                after=after,
                secret_fields=fields,
            )
            return row

    def channels(self, application_id: str | None) -> Sequence[Channel]:
        """The channels of an Application."""
        with self._kernel.db.read() as session:
            query = select(Channel).where(Channel.application_id == application_id)
            return session.exec(query.order_by(Channel.slug)).all()

    def shown(self, channel: Channel) -> dict[str, Any]:
        """The configuration with its secrets masked."""
        stored = self._kernel.keyring.open_json(channel.config_sealed, CHANNEL_PURPOSE)
        return masked(notifier_class(self._kernel, channel.notifier), stored)

    def trial(self, notifier: str, config: Mapping[str, Any], connection: str | None) -> Notifier[Any]:
        """A plugin object of a configuration that is not saved yet, to check it."""
        plugin = notifier_class(self._kernel, notifier)
        with self._kernel.db.read() as session:
            link = find_connection(session, connection) if connection else None
            return plugin(validated(self._kernel, plugin, config, link), Context())

    def build(self, application_id: str | None, reference: str) -> Notifier[Any]:
        """The plugin object of a channel, to check it."""
        with self._kernel.db.read() as session:
            channel = find_channel(session, application_id, reference)
            return notifier_of(self._kernel, session, channel, Context())

    def create_alert(
        self,
        actor: Actor,
        application_id: str | None,
        *,
        slug: str,
        name: str,
        events: Sequence[str],
        channels: Sequence[str],
        filters: Mapping[str, Any] | None = None,
        thresholds: Sequence[timedelta] = (),
        daily_reminder: bool = False,
    ) -> Alert:
        """Make an alert. Raises BadInput for unknown events or too many channels.

        Args:
            thresholds: how long before the end `certificate.expiring` is told of; each time once. One that is longer
                than a certificate's whole life does not count for it.
            daily_reminder: from the longest threshold on, tell every day until it is renewed.
        """
        seconds = _seconds(thresholds)
        _check(events, channels, filters, seconds)
        with self._kernel.change(actor) as change:
            session = change.session
            if session.exec(
                select(Alert).where(Alert.application_id == application_id, Alert.slug == slug)
            ).first():
                raise Conflict(f"An alert {slug!r} exists already in this Application.")
            row = Alert(
                id=change.new_id(),
                created_at=change.now,
                application_id=application_id,
                slug=slug,
                name=name,
                events=sorted(set(events)),
                filters=dict(filters or {}),
                thresholds=seconds,
                daily_reminder=daily_reminder,
            )
            session.add(row)
            session.flush()
            _link(session, row, channels)
            set_cursors(change, row)
            change.event("alert.created", "alert", row.id, application_id, slug=slug, events=row.events)
            return row

    def update_alert(
        self,
        actor: Actor,
        application_id: str | None,
        reference: str,
        *,
        name: str | None = None,
        events: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        filters: Mapping[str, Any] | None = None,
        enabled: bool | None = None,
        thresholds: Sequence[timedelta] | None = None,
        daily_reminder: bool | None = None,
    ) -> Alert:
        """Change what is given. Raises BadInput for unknown events or too many channels."""
        with self._kernel.change(actor) as change:
            session = change.session
            row = find_alert(session, application_id, reference)
            before = _facts(session, row)
            row.name = name if name is not None else row.name
            row.events = sorted(set(events)) if events is not None else row.events
            row.filters = dict(filters) if filters is not None else row.filters
            row.enabled = enabled if enabled is not None else row.enabled
            row.thresholds = _seconds(thresholds) if thresholds is not None else row.thresholds
            row.daily_reminder = daily_reminder if daily_reminder is not None else row.daily_reminder
            present = _channels_of(session, row.id)
            wanted = channels if channels is not None else present
            _check(row.events, wanted, row.filters, row.thresholds)
            if channels is not None:
                for link in session.exec(select(AlertChannel).where(AlertChannel.alert_id == row.id)).all():
                    session.delete(link)
                session.flush()
                _link(session, row, channels)
            session.add(row)
            session.flush()
            set_cursors(change, row)
            after = _facts(session, row)
            change.event("alert.updated", "alert", row.id, application_id, before=before, after=after)
            return row

    def delete_alert(self, actor: Actor, application_id: str | None, reference: str) -> None:
        """Remove an alert. Raises NotFound."""
        with self._kernel.change(actor) as change:
            session = change.session
            row = find_alert(session, application_id, reference)
            for table in (AlertChannel, AlertCursor):
                for link in session.exec(select(table).where(table.alert_id == row.id)).all():
                    session.delete(link)
            session.flush()
            session.delete(row)
            change.event("alert.deleted", "alert", row.id, application_id, slug=row.slug)

    def list(self, application_id: str | None) -> Sequence[tuple[Alert, list[str]]]:
        """The alerts of an Application with the ids of their channels."""
        with self._kernel.db.read() as session:
            alerts = session.exec(
                select(Alert).where(Alert.application_id == application_id).order_by(Alert.slug)
            )
            return [(alert, _channels_of(session, alert.id)) for alert in alerts.all()]

    def notifications(
        self, application_id: str | None, status: str | None = None
    ) -> Sequence[NotificationRow]:
        """The delivery log, newest first."""
        with self._kernel.db.read() as session:
            query = select(NotificationRow).where(NotificationRow.application_id == application_id)
            if status:
                query = query.where(NotificationRow.status == status)
            return session.exec(query.order_by(col(NotificationRow.created_at).desc()).limit(200)).all()


def find_channel(session: Session, application_id: str | None, reference: str) -> Channel:
    """By slug or id, inside one Application. Raises NotFound."""
    query = select(Channel).where(
        Channel.application_id == application_id, or_(Channel.id == reference, Channel.slug == reference)
    )
    if (found := session.exec(query).first()) is None:
        raise NotFound("channel")
    return found


def _channels_of(session: Session, alert_id: str) -> list[str]:
    return list(session.exec(select(AlertChannel.channel_id).where(AlertChannel.alert_id == alert_id)).all())


def find_alert(session: Session, application_id: str | None, reference: str) -> Alert:
    """By slug or id, inside one Application. Raises NotFound."""
    query = select(Alert).where(
        Alert.application_id == application_id, or_(Alert.id == reference, Alert.slug == reference)
    )
    if (found := session.exec(query).first()) is None:
        raise NotFound("alert")
    return found


def _seconds(thresholds: Sequence[timedelta]) -> list[int]:
    if len(thresholds) > MOST_THRESHOLDS or any(
        not SHORTEST_THRESHOLD <= threshold <= LONGEST_THRESHOLD for threshold in thresholds
    ):
        raise BadInput(
            f"Give at most {MOST_THRESHOLDS} thresholds, each from one hour to 365 days.", "thresholds"
        )
    return sorted({int(threshold.total_seconds()) for threshold in thresholds}, reverse=True)


def _check(
    events: Sequence[str],
    channels: Sequence[str],
    filters: Mapping[str, Any] | None,
    thresholds: Sequence[int],
) -> None:
    if (EXPIRING in events) != bool(thresholds):
        raise BadInput(
            f"{EXPIRING} needs thresholds, such as 30d and 7d, and only it has them.", "thresholds"
        )
    if unknown := sorted(set(events) - KNOWN.keys()):
        raise BadInput(f"Unknown events: {', '.join(unknown)}. Known: {', '.join(sorted(KNOWN))}.", "events")
    if not events or not channels or len(channels) > MOST_CHANNELS:
        raise BadInput(f"Name at least one event and 1 to {MOST_CHANNELS} channels.", "channels")
    if extra := sorted((filters or {}).keys() - {"profiles"}):
        raise BadInput(f"Unknown filters: {', '.join(extra)}. Known: profiles.", "filters")


def _link(session: Session, alert: Alert, channels: Sequence[str]) -> None:
    for channel_id in {find_channel(session, alert.application_id, c).id for c in channels}:
        session.add(AlertChannel(alert_id=alert.id, channel_id=channel_id))


def _facts(session: Session, alert: Alert) -> dict[str, Any]:
    values = alert.model_dump(mode="json", exclude={"id", "created_at", "application_id", "slug"})
    return {**values, "channels": sorted(_channels_of(session, alert.id))}
