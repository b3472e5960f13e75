"""The effect of a notification: a message is sent to a channel until its receipt is recorded."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select
from typing_extensions import override

from certrail.domain.events.alerting import NotificationSent
from certrail.domain.rate_limits import RateSlot
from certrail.domain.states import NotificationStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import Channel, Connection, NotificationRow
from certrail.services.alerting.incidents import is_late
from certrail.services.alerting.posting import fails, post, withdraw, works
from certrail.services.core.effects import Effect, PluginCall, checked
from certrail.services.core.failure import Failure
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.integrations.plugin_config import notifier_of, plugin_version
from certrail_sdk import Fact, Notification, Notifier, Sent

FALLBACK = "fallback-"
FINISHED = (NotificationStatus.SENT, NotificationStatus.WITHDRAWN)


@dataclass(frozen=True, kw_only=True)
class NotifyCall(PluginCall[Sent]):
    """One attempt to send a message."""

    notifier: Notifier[Any]
    notification: Notification

    @override
    async def perform(self) -> Sent:
        """Send, and return what the outside system answered."""
        return checked(await self.notifier.send(self.notification), Sent)


class NotifyEffect(Effect[NotificationRow, NotifyCall, Sent]):
    """Sends a message once."""

    verb, noun = "notify", "notification"

    @override
    def prepare(
        self, uow: UnitOfWork, subject_id: str, tried: Collection[str]
    ) -> tuple[NotificationRow, NotifyCall] | RateSlot | None:
        """The call; ``None`` when the message was sent or withdrawn, or its channel was deleted."""
        row = self.lock(uow, subject_id)
        if row is None or row.status in FINISHED:
            return None
        with_connection = (
            select(Channel, Connection)
            .select_from(Channel)
            .join(Connection, col(Connection.id) == col(Channel.connection_id), isouter=True)
        )
        channel, _ = uow.session.exec(with_connection.where(Channel.id == row.channel_id)).first() or (
            None,
            None,
        )
        if channel is None or is_late(uow, channel, row):
            withdraw(uow, row)
            return None
        notification = Notification.model_validate(row.content)
        call = NotifyCall(
            subject_id=row.id,
            notifier=notifier_of(self.context, uow.session, channel, f"notification {row.id}"),
            notification=notification.model_copy(update={"may_exist": row.intent_at is not None}),
            plugin=plugin_version(self.context, "notifier", channel.notifier),
        )
        return row, call

    @override
    def lock(self, uow: UnitOfWork, subject_id: str) -> NotificationRow | None:
        """The message under ``FOR NO KEY UPDATE``: an attempt may finish while its incident is resolved."""
        query = select(NotificationRow).where(NotificationRow.id == subject_id)
        return uow.session.exec(locked(query)).first()

    @override
    def lock_to_complete(self, uow: UnitOfWork, subject_id: str) -> NotificationRow | None:
        """With the channel loaded by the same statement; whoever changes that one locks it first."""
        query = (
            select(NotificationRow, Channel)
            .join(Channel, col(Channel.id) == col(NotificationRow.channel_id), isouter=True)
            .where(NotificationRow.id == subject_id)
        )
        found = uow.session.exec(locked(query, of=NotificationRow)).first()
        return found[0] if found else None

    @override
    def awaits(self, row: NotificationRow, call: NotifyCall) -> bool:
        """A message is recorded as sent once, also one that was withdrawn while it was sent."""
        return row.status != NotificationStatus.SENT

    @override
    def may_fail(self, row: NotificationRow, generation: int | None) -> bool:
        """A message that another attempt has sent has not failed."""
        return row.status not in FINISHED

    @override
    def received(
        self, uow: UnitOfWork, row: NotificationRow, call: NotifyCall, answer: Sent, *, recovered: bool
    ) -> None:
        """The outside system accepted the message."""
        row.status, row.sent_at = NotificationStatus.SENT, uow.now
        refused = [r.address for r in answer.recipients if not r.accepted]
        uow.record(
            NotificationSent(
                row.id, row.application_id, channel_id=row.channel_id, refused_recipients=refused
            )
        )
        works(uow, row.channel_id, row.application_id)

    @override
    def failed(self, uow: UnitOfWork, row: NotificationRow, failure: Failure, *, first: bool) -> None:
        """Mark the channel as failing; after the last attempt the message goes to the fallback channel."""
        if first or failure.permanent:
            fails(
                uow,
                row.channel_id,
                row.application_id,
                notification_id=row.id,
                of_a_failure=row.content["event_type"] == "channel.failed",
                **failure.facts(),
            )
        if failure.permanent:
            _fall_back(uow, row, failure)


def _fall_back(uow: UnitOfWork, row: NotificationRow, failure: Failure) -> None:
    """Post the message to the fallback channel. A fallback has no further fallback, so this ends."""
    channel = uow.session.get(Channel, row.channel_id)
    if channel is None or channel.fallback_id is None or row.dedupe_key.startswith(FALLBACK):
        return
    message = Notification.model_validate(row.content)
    note = Fact(label="Not sent by", value=f"{channel.name}: {failure.message}")
    instead = message.model_copy(update={"id": uow.new_id(), "facts": (*message.facts, note)})
    post(uow, uow.session.get_one(Channel, channel.fallback_id), instead, f"{FALLBACK}{row.id}")
