"""Votes by chat: a callback is verified by the plugin, recorded here, and only then answered."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, and_, col, select

from certrail.domain.errors import BadInput, CertrailError, Conflict, Forbidden, NotFound, PluginFailed
from certrail.domain.events import Event
from certrail.domain.events.access import ChatIdentityLinked
from certrail.domain.events.approvals import CallbackRefused
from certrail.persistence.database import session_cache
from certrail.persistence.tables import (
    ActionToken,
    ActionTokenUse,
    ApprovalMessage,
    ApprovalRequest,
    Channel,
    ChatIdentity,
    Connection,
    Principal,
    SeenCallback,
)
from certrail.services.access.membership import actor_of
from certrail.services.approvals.messages import token_hash
from certrail.services.approvals.votes import Approvals, Bound, VoteRefused, cast
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.refusal_counter import RefusalCounter
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.integrations.plugin_config import notifier_class, notifier_of
from certrail.services.integrations.plugin_threads import PluginThreads
from certrail_sdk import (
    CallbackRequest,
    CallbackResponse,
    Forged,
    Interaction,
    Interactive,
    Listens,
    Malformed,
    Notifier,
    Outcome,
    PluginError,
)

log = logging.getLogger(__name__)

NOT_RECORDED = Outcome(state="not_recorded", message="Your answer was not recorded. Please try again.")
NOT_A_MEMBER = Outcome(state="refused", message="You are not a member here, so your answer does not count.")
LONGEST_DETAIL = 500
RECEIVE_LIMIT = timedelta(seconds=10)
"""The other side waits: Slack takes three seconds for no answer, and calls again."""
NO_ANSWER = Outcome(state="refused", message="This is no answer that counts.")


class Chat:
    """From a pressed button to a recorded vote."""

    def __init__(
        self,
        context: ServiceContext,
        approvals: Approvals,
        refusals: RefusalCounter,
        threads: PluginThreads,
    ) -> None:
        self._context = context
        self._approvals = approvals
        self._refusals = refusals
        self._threads = threads

    async def callback(self, channel_id: str, request: CallbackRequest) -> CallbackResponse:
        """Serve one inbound callback of a channel.

        Raises:
            NotFound: no such channel, or its notifier has no buttons.
            Forbidden: forged. BadInput: unreadable. Both are on record.
        """
        opened: list[Channel] = []

        def build() -> Notifier[Any]:
            channel, notifier = self.open(channel_id)
            opened.append(channel)
            return notifier

        async with self._threads.built(channel_id, build) as held:
            notifier, channel = held.plugin, opened[0]
            if not isinstance(notifier, Interactive):
                raise NotFound("interactive channel")
            try:
                read = await held.call("receive", lambda: notifier.receive(request), RECEIVE_LIMIT)
            except Forged as err:
                await asyncio.to_thread(self._count_refusal, channel, "forged", str(err))
                raise Forbidden(
                    "The callback's signature or timestamp does not hold.", kind="forged"
                ) from None
            except Malformed as err:
                await asyncio.to_thread(self._count_refusal, channel, "malformed", str(err))
                raise BadInput("The callback cannot be read.") from None
            if isinstance(read, CallbackResponse):
                return read
            interaction = read

            async def email_of() -> str | None:
                return await held.call("email_of", lambda: notifier.email_of(interaction))

            outcome = await self.answer(channel, interaction, email_of)
            return await held.call("acknowledge", lambda: notifier.acknowledge(interaction, outcome))

    async def received(
        self, channel: Channel, notifier: Notifier[Any], said: Interaction | Forged | Malformed
    ) -> Outcome:
        """Record what a listener received, such as Slack's Socket Mode; forged and malformed messages are counted."""
        if isinstance(said, Interaction):

            async def email_of() -> str | None:
                return await notifier.email_of(said) if isinstance(notifier, Interactive) else None

            return await self.answer(channel, said, email_of)
        try:
            reason = "forged" if isinstance(said, Forged) else "malformed"
            await asyncio.to_thread(self._count_refusal, channel, reason, str(said))
        except Exception:
            log.exception("a refusal in channel %s was not recorded", channel.slug)
            return NOT_RECORDED
        return NO_ANSWER

    async def answer(
        self, channel: Channel, interaction: Interaction, email_of: Callable[[], Awaitable[str | None]]
    ) -> Outcome:
        """Record an interaction as a vote; the outcome says why if it is not.

        Args:
            email_of: looks up the sender's address, for somebody who is not known yet.
        """
        try:
            channel, voter = await asyncio.to_thread(self._origin, channel, interaction)
            if voter is None:
                email = await email_of()
                voter = await asyncio.to_thread(self._learn, channel, interaction, email)
            return await asyncio.to_thread(self._record, channel, interaction, voter)
        except PluginFailed as err:  # it did not say who voted, so nobody was refused
            log.warning("the sender of a vote in channel %s is unknown: %s", channel.slug, err.detail)
            return NOT_RECORDED
        except (VoteRefused, CertrailError) as err:
            detail = err.error.detail if isinstance(err, VoteRefused) else err.detail
            return Outcome(state="refused", message=detail)
        except PluginError as err:
            log.warning("the sender of a vote in channel %s is unknown: %s", channel.slug, err)
            return NOT_RECORDED
        except Exception:
            log.exception("a vote in channel %s was not recorded", channel.slug)
            return NOT_RECORDED

    def open(self, channel_id: str) -> tuple[Channel, Notifier[Any]]:
        """A channel and its plugin object. Raises NotFound."""
        with self._context.db.read() as session:
            # The connection comes along, so that building the plugin finds it in the session.
            query = (
                select(Channel, Connection)
                .join(Connection, col(Connection.id) == col(Channel.connection_id), isouter=True)
                .where(Channel.id == channel_id)
            )
            found = session.exec(query).first()
            if found is None:
                raise NotFound("channel")
            channel = found[0]
            return channel, notifier_of(self._context, session, channel, f"channel {channel.slug}")

    def listeners(
        self,
        plugins: Collection[str],
        opening: Callable[[str], AbstractContextManager[object]] = nullcontext,
    ) -> Mapping[str, Channel]:
        """One channel for each connection that a plugin opens to listen, however many channels it serves.

        The key changes with everything that the connection is opened with, and holds only a hash of it.

        Args:
            plugins: kinds and names of those that are looked at.
            opening: entered with the key of a plugin while its code is called.
        """
        with self._context.db.read() as session:
            channels = session.exec(select(Channel).order_by(col(Channel.id))).all()
            sealed = dict(session.exec(select(Connection.id, Connection.config_sealed)).all())
        chosen: dict[str, Channel] = {}
        looked_at = set[str]()
        for channel in channels:
            source = self._source(channel)
            if source in looked_at or not self._may_listen(channel, plugins):
                continue
            with opening(f"notifier-{channel.notifier}"):
                wants = self._wants_listener(channel)
            if wants is not None:
                # The other channels of one source are opened only where this one could not be.
                looked_at.add(source)
            if wants:
                chosen[source] = channel
        return {_opened_with(channel, sealed): channel for channel in chosen.values()}

    def _source(self, channel: Channel) -> str:
        """Where a channel's interactions come from: its connection's app if its notifier shares it, else itself."""
        try:
            shared = notifier_class(self._context, channel.notifier).shares_answers
        except BadInput:
            shared = False
        return (
            f"{channel.notifier} {channel.connection_id}" if shared and channel.connection_id else channel.id
        )

    def _origin(self, channel: Channel, interaction: Interaction) -> tuple[Channel, Actor | None]:
        """The channel of the pressed message, if `channel` shares its source, else `channel`; and the known sender."""
        same_sender = (
            col(ChatIdentity.notifier) == channel.notifier,
            col(ChatIdentity.workspace) == interaction.workspace,
            col(ChatIdentity.sender) == interaction.sender,
        )
        sender = select(Principal).join(ChatIdentity, col(ChatIdentity.principal_id) == col(Principal.id))
        with self._context.db.read() as session:
            query = (
                select(Channel, Principal)
                .join(ApprovalMessage, col(ApprovalMessage.channel_id) == col(Channel.id))
                .join(ActionToken, col(ActionToken.message_id) == col(ApprovalMessage.id))
                .join(ChatIdentity, and_(*same_sender), isouter=True)
                .join(Principal, col(Principal.id) == col(ChatIdentity.principal_id), isouter=True)
                .where(ActionToken.token_hash == token_hash(interaction.token.get_secret_value()))
            )
            posted_in, person = session.exec(query).first() or (None, None)
            if posted_in is None or self._source(posted_in) != self._source(channel):
                posted_in, person = channel, session.exec(sender.where(*same_sender)).first()
            return posted_in, actor_of(person) if person else None

    def _may_listen(self, channel: Channel, plugins: Collection[str]) -> bool:
        """By the class alone: no code of a plugin is called for a channel that never listens."""
        try:
            plugin: type[Any] = notifier_class(self._context, channel.notifier)
        except BadInput:
            return False
        return f"notifier-{channel.notifier}" in plugins and hasattr(plugin, "listen")

    def _wants_listener(self, channel: Channel) -> bool | None:
        """``None`` where the plugin object cannot be built."""
        try:
            _, notifier = self.open(channel.id)
        except CertrailError as err:
            log.error("channel %s cannot listen: %s", channel.slug, err.detail)
            return None
        return isinstance(notifier, Listens) and notifier.wants_listener()

    def _learn(self, channel: Channel, interaction: Interaction, email: str | None) -> Actor | None:
        """Store which user a sender is, found once by the verified e-mail address."""
        if not email:
            return None
        with self._context.unit_of_work(SYSTEM) as uow:
            person = uow.session.exec(select(Principal).where(Principal.email == email.lower())).first()
            if person is None or person.kind != "user":
                return None
            uow.session.add(
                ChatIdentity(
                    id=uow.new_id(),
                    created_at=uow.now,
                    notifier=channel.notifier,
                    workspace=interaction.workspace,
                    sender=interaction.sender,
                    principal_id=person.id,
                )
            )
            uow.record(
                ChatIdentityLinked(person.id, None, notifier=channel.notifier, sender=interaction.sender)
            )
            return actor_of(person)

    def _record(self, channel: Channel, interaction: Interaction, voter: Actor | None) -> Outcome:
        if voter is None:
            self._refuse_unknown_sender(channel, interaction)
            return NOT_A_MEMBER
        try:
            return self._vote(channel, interaction, voter)
        except VoteRefused as refusal:
            seen = partial(_is_new, interaction=interaction)
            self._approvals.record_refusal(voter, refusal, channel.notifier, seen)
            if isinstance(refusal.error, NotFound):
                # This person sees the message: "not found" would contradict it.
                return NOT_A_MEMBER
            raise

    def _vote(self, channel: Channel, interaction: Interaction, voter: Actor) -> Outcome:
        with self._context.unit_of_work(voter) as uow, session_cache(uow.session):
            session = uow.session
            token, message, approval, used = _button(session, interaction)
            if message is not None and message.reference is None:
                return NOT_RECORDED
            if not _is_new(uow, interaction):
                raise VoteRefused(Conflict("This vote was received before.", kind="replayed"), approval)
            if token is None or message is None or approval is None:
                raise VoteRefused(Conflict("This button is not known.", kind="bad-token"), None)
            if message.channel_id != channel.id or message.reference != interaction.message:
                raise VoteRefused(
                    Conflict("This button belongs to another message.", kind="other-message"), approval
                )
            if used is not None:
                raise VoteRefused(Conflict("You used this button already.", kind="token-used"), approval)
            bound = Bound(token.digest, (message.round, message.step))
            _, outcome = cast(uow, approval.id, token.answer, interaction.comment, channel.notifier, bound)
            session.add(ActionTokenUse(token_hash=token.token_hash, sender=interaction.sender))
            return Outcome(state="recorded", message=outcome)

    def _count_refusal(self, channel: Channel, reason: str, detail: str) -> None:
        """Count a callback without a valid signature or form, which anybody can send."""

        def describe(channel_id: str, repeats: int) -> Event:
            application = channel.application_id if channel_id == channel.id else None
            return CallbackRefused(
                channel_id, application, reason=reason, detail=detail[:LONGEST_DETAIL], repeats=repeats
            )

        self._refusals.count(f"callback-{reason}", channel.id, describe)

    def _refuse_unknown_sender(self, channel: Channel, interaction: Interaction) -> None:
        with self._context.unit_of_work(SYSTEM) as uow:
            new = _is_new(uow, interaction)
            uow.record(
                CallbackRefused(
                    channel.id,
                    channel.application_id,
                    reason="unknown-sender" if new else "replayed",
                    detail="no member has the sender's e-mail address" if new else "this was received before",
                    sender=interaction.sender,
                )
            )


def _is_new(uow: UnitOfWork, interaction: Interaction) -> bool:
    """Whether an interaction is received for the first time; its replay key is stored with this transaction."""
    try:
        with uow.attempt():
            uow.session.add(SeenCallback(id=interaction.replay_key, created_at=uow.now))
    except IntegrityError:
        return False
    return True


Button = tuple[ActionToken | None, ApprovalMessage | None, ApprovalRequest | None, ActionTokenUse | None]


def _button(session: Session, interaction: Interaction) -> Button:
    """The button that was pressed, its message and approval, and whether this sender pressed it before."""
    hashed = token_hash(interaction.token.get_secret_value())
    pressed = and_(
        col(ActionTokenUse.token_hash) == col(ActionToken.token_hash),
        col(ActionTokenUse.sender) == interaction.sender,
    )
    query = (
        select(ActionToken, ApprovalMessage, ApprovalRequest, ActionTokenUse)
        .join(ApprovalMessage, col(ApprovalMessage.id) == col(ActionToken.message_id))
        .join(ApprovalRequest, col(ApprovalRequest.id) == col(ApprovalMessage.approval_request_id))
        .join(ActionTokenUse, pressed, isouter=True)
        .where(ActionToken.token_hash == hashed)
    )
    return session.exec(query).first() or (None, None, None, None)


def _opened_with(channel: Channel, sealed: Mapping[str, str]) -> str:
    own = channel.model_dump(mode="json", include={"id", "notifier", "connection_id", "config_sealed"})
    shared = sealed.get(channel.connection_id or "")
    return hashlib.sha256(json.dumps([own, shared], sort_keys=True).encode()).hexdigest()
