"""Channels: notifier plugins with their configuration, and when they may disturb."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from certrail.domain.access import ProductRole
from certrail.domain.errors import BadInput, Conflict, Forbidden
from certrail.domain.events.alerting import ChannelCreated, ChannelDeleted, ChannelUpdated
from certrail.domain.states import ApprovalStatus
from certrail.domain.windows import Window, never_end
from certrail.persistence import cascades
from certrail.persistence.tables import (
    Alert,
    AlertChannel,
    ApprovalMessage,
    ApprovalPolicy,
    ApprovalRequest,
    Channel,
    NotificationRow,
)
from certrail.services.access.reach import Scopes, in_scopes
from certrail.services.alerting.posting import UNSENT, withdraw
from certrail.services.core.actor import Actor
from certrail.services.core.changes import UNCHANGED, Unchanged
from certrail.services.core.lookup import find, patch
from certrail.services.core.paging import PAGE
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.integrations.plugin_config import (
    built,
    find_connection,
    installed,
    notifier_class,
    notifier_of,
    plugin_settings,
    reconfigure,
    validated,
)
from certrail.services.integrations.stored_config import channel_purpose, shown
from certrail_sdk import Notifier

SHORTEST_DIGEST, LONGEST_DIGEST = timedelta(minutes=1), timedelta(days=1)


class Channels:
    """Channels of Applications, and global ones."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create(
        self,
        actor: Actor,
        application_id: str | None,
        *,
        slug: str,
        name: str,
        notifier: str,
        config: Mapping[str, Any],
        connection: str | None = None,
        quiet_hours: Sequence[Window] = (),
        digest: timedelta | None = None,
        fallback: str | None = None,
        product_wide: bool = False,
    ) -> Channel:
        """Make a channel. Raises BadInput naming the wrong field, Conflict for a taken slug.

        Args:
            quiet_hours: in which only what is critical is sent; the rest waits for their end.
            digest: send what is not critical together, so often.
            fallback: the channel that says what this one fails to say.
            product_wide: for alerts about all Applications; it belongs to none of them itself.
        """
        require_global_scope(product_wide, application_id)
        plugin = notifier_class(self._context, notifier)
        with self._context.unit_of_work(actor) as uow:
            session = uow.session
            if session.exec(
                select(Channel).where(Channel.application_id == application_id, Channel.slug == slug)
            ).first():
                raise Conflict(f"A channel {slug!r} exists already in this Application.")
            ident = uow.new_id()
            purpose = channel_purpose(ident)
            settings = plugin_settings(self._context, session, plugin, purpose, config, connection)
            row = Channel(
                id=ident,
                created_at=uow.now,
                application_id=application_id,
                slug=slug,
                name=name,
                notifier=notifier,
                **settings,
                product_wide=product_wide,
            )
            _set_delivery_preferences(uow, row, plugin, quiet_hours, digest, fallback)
            session.add(row)
            uow.record(ChannelCreated(row.id, application_id, slug=slug, notifier=notifier))
            return row

    def delete(self, actor: Actor, application_id: str | None, reference: str) -> None:
        """Remove a channel that nothing uses. The log of what it sent stays; what it has not sent yet, it never will.

        Raises:
            Conflict: naming what uses it.
        """
        with self._context.unit_of_work(actor) as uow:
            session = uow.session
            row = find_channel(session, application_id, reference)
            require_product_admin(actor, row.product_wide)
            if users := _users(session, row):
                raise Conflict(f"The channel is used by {', '.join(users)}.", users=users)
            unsent = session.exec(
                select(NotificationRow).where(
                    NotificationRow.channel_id == row.id, col(NotificationRow.status).in_(UNSENT)
                )
            ).all()
            for notification in unsent:
                withdraw(uow, notification)
            copies = select(ApprovalMessage.id).where(ApprovalMessage.channel_id == row.id)
            for table, condition in cascades.approval_messages(copies):
                session.execute(delete(table).where(condition))
            session.delete(row)
            uow.record(ChannelDeleted(row.id, application_id, slug=row.slug, withdrawn=len(unsent)))

    def update(
        self,
        actor: Actor,
        application_id: str | None,
        reference: str,
        *,
        name: str | Unchanged = UNCHANGED,
        config: Mapping[str, Any] | Unchanged = UNCHANGED,
        connection: str | Unchanged | None = UNCHANGED,
        quiet_hours: Sequence[Window] | Unchanged = UNCHANGED,
        digest: timedelta | Unchanged | None = UNCHANGED,
        fallback: str | Unchanged | None = UNCHANGED,
    ) -> Channel:
        """Change what is given; the configuration is replaced as a whole, a masked value stays as it was.

        ``None`` takes connection, digest or fallback away.

        Raises:
            BadInput: naming the wrong field.
            Forbidden: it is about all Applications, and not for members of the older project to change.
        """
        with self._context.unit_of_work(actor) as uow:
            row = find_channel(uow.session, application_id, reference)
            require_product_admin(actor, row.product_wide)
            plugin = notifier_class(self._context, row.notifier)
            before = _facts(row)
            patch(uow.session, row, name=name)
            reconfigure(self._context, uow.session, plugin, row, config, connection)
            _set_delivery_preferences(uow, row, plugin, quiet_hours, digest, fallback)
            after = _facts(row)
            fields = [] if config is UNCHANGED else ["config"]
            uow.record(
                ChannelUpdated(row.id, application_id, before=before, after=after, secret_fields=fields)
            )
            return row

    def list(self, application_id: str | None) -> Sequence[Channel]:
        """The channels of an Application."""
        with self._context.db.read() as session:
            query = select(Channel).where(Channel.application_id == application_id)
            return session.exec(query.order_by(Channel.slug)).all()

    def failing_in(self, scopes: Scopes, limit: int = PAGE) -> Sequence[Channel]:
        """The channels of several Applications to which nothing gets through, the longest first."""
        with self._context.db.read() as session:
            query = select(Channel).where(
                in_scopes(col(Channel.application_id), scopes), col(Channel.failing_since).is_not(None)
            )
            return session.exec(
                query.order_by(col(Channel.failing_since), col(Channel.id)).limit(limit)
            ).all()

    def get(self, application_id: str | None, reference: str) -> Channel:
        """One channel by slug or id. Raises NotFound."""
        with self._context.db.read() as session:
            return find_channel(session, application_id, reference)

    def shown(self, channel: Channel) -> dict[str, Any]:
        """The configuration with its secrets masked."""
        return shown(self._context, channel, installed(self._context.plugins.notifier, channel.notifier))

    def trial(self, notifier: str, config: Mapping[str, Any], connection: str | None) -> Notifier[Any]:
        """A plugin object of a configuration that is not saved yet, to check it."""
        plugin = notifier_class(self._context, notifier)
        with self._context.db.read() as session:
            link = find_connection(session, connection) if connection else None
            return built(self._context, plugin, validated(self._context, plugin, config, link), "a trial")

    def build(self, application_id: str | None, reference: str) -> Notifier[Any]:
        """The plugin object of a channel, to check it."""
        with self._context.db.read() as session:
            channel = find_channel(session, application_id, reference)
            return notifier_of(self._context, session, channel, f"channel {channel.slug}")


def require_global_scope(product_wide: bool, application_id: str | None) -> None:
    """Raises BadInput for something about all Applications that is to belong to one of them."""
    if product_wide and application_id is not None:
        raise BadInput(
            "What is about all Applications belongs to none: make it outside of them.", "product_wide"
        )


def require_product_admin(actor: Actor, product_wide: bool) -> None:
    """Raises Forbidden for members of the older project, where something is about all Applications."""
    if product_wide and actor.product_role != ProductRole.ADMIN:
        raise Forbidden("What is about all Applications is changed by Product Admins.")


def find_channel(session: Session, application_id: str | None, reference: str) -> Channel:
    """By slug or id, inside one Application. Raises NotFound."""
    return find(session, Channel, reference, "channel", scope=application_id)


def _users(session: Session, channel: Channel) -> list[str]:
    """What would be left without this channel."""
    here = channel.application_id
    alerts = session.exec(
        select(Alert.slug)
        .join(AlertChannel, col(AlertChannel.alert_id) == col(Alert.id))
        .where(AlertChannel.channel_id == channel.id)
    ).all()
    others = session.exec(select(Channel.slug).where(Channel.fallback_id == channel.id)).all()
    escalating = session.exec(select(Alert).where(Alert.application_id == here)).all()
    policies = session.exec(select(ApprovalPolicy).where(ApprovalPolicy.application_id == here)).all()
    running = session.exec(
        select(ApprovalRequest).where(
            ApprovalRequest.application_id == here, ApprovalRequest.status == ApprovalStatus.OPEN
        )
    ).all()
    users = [*alerts, *others]
    users += [alert.slug for alert in escalating if channel.id in str(alert.escalation)]
    users += [policy.slug for policy in policies if channel.id in str(policy.steps)]
    return users + [f"the open approval {row.id}" for row in running if channel.id in str(row.policy)]


def _set_delivery_preferences(
    uow: UnitOfWork,
    row: Channel,
    plugin: type[Notifier[Any]],
    quiet_hours: Sequence[Window] | Unchanged,
    digest: timedelta | Unchanged | None,
    fallback: str | Unchanged | None,
) -> None:
    """Quiet hours, digest interval and fallback; `UNCHANGED` keeps each."""
    if quiet_hours is not UNCHANGED:
        if never_end(quiet_hours, uow.now):
            raise BadInput("These hours never end, so nothing that can wait would be sent.", "quiet_hours")
        row.quiet_hours = [window.model_dump(mode="json") for window in quiet_hours]
    if digest is not UNCHANGED:
        if digest is not None and not SHORTEST_DIGEST <= digest <= LONGEST_DIGEST:
            raise BadInput("Send digests every minute to every day, or none with null.", "digest")
        row.digest_seconds = None if digest is None else int(digest.total_seconds())
    if plugin.keeps_incidents and (row.quiet_hours or row.digest_seconds):
        raise BadInput(
            f"{plugin.title} keeps incidents and decides itself whom to wake: leave quiet hours and digests to it.",
            "digest" if row.digest_seconds else "quiet_hours",
        )
    if fallback is not UNCHANGED:
        row.fallback_id = None
        if fallback is not None:
            row.fallback_id = find_channel(uow.session, row.application_id, fallback).id
        if row.fallback_id == row.id:
            raise BadInput("A channel cannot be its own fallback.", "fallback")


def _facts(row: Channel) -> dict[str, Any]:
    names = {"name", "connection_id", "quiet_hours", "digest_seconds", "fallback_id"}
    return row.model_dump(mode="json", include=names)
