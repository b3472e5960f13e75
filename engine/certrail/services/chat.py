"""Answers that come back from chat: verified by the plugin, recorded here, answered only then."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, select

from certrail.domain.errors import BadInput, CertrailError, Conflict, Forbidden, NotFound
from certrail.persistence.tables import (
    ApprovalRequest,
    Channel,
    ChatIdentity,
    Principal,
    QuestionCopy,
    QuestionToken,
    SeenCallback,
    TokenUse,
)
from certrail.services.actor import SYSTEM, Actor
from certrail.services.approval_flow import tally
from certrail.services.approvals import Approvals, Bound, VoteRefused, cast
from certrail.services.kernel import Kernel
from certrail.services.membership import actor_of
from certrail.services.plugin_config import notifier_of
from certrail.services.questions import token_hash
from certrail_sdk import (
    CallbackRequest,
    CallbackResponse,
    Context,
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


class Chat:
    """The way of an answer from a button to a vote."""

    def __init__(self, kernel: Kernel, approvals: Approvals) -> None:
        self._kernel = kernel
        self._approvals = approvals

    async def callback(self, channel_id: str, request: CallbackRequest) -> CallbackResponse:
        """Serve one inbound callback of a channel.

        Raises:
            NotFound: no such channel, or its notifier takes no answers.
            Forbidden: forged. BadInput: unreadable. Both are on record.
        """
        channel, notifier = await asyncio.to_thread(self.open, channel_id)
        if not isinstance(notifier, Interactive):
            raise NotFound("interactive channel")
        try:
            read = await notifier.receive(request)
        except Forged as err:
            await asyncio.to_thread(self._refused, channel, "forged", str(err))
            raise Forbidden("The callback's signature or timestamp does not hold.", kind="forged") from None
        except Malformed as err:
            await asyncio.to_thread(self._refused, channel, "malformed", str(err))
            raise BadInput("The callback cannot be read.") from None
        if isinstance(read, CallbackResponse):
            return read
        return await notifier.acknowledge(read, await self.answer(channel, notifier, read))

    async def answer(self, channel: Channel, notifier: Notifier[Any], interaction: Interaction) -> Outcome:
        """Record an interaction; whatever prevents that is told to the person, never swallowed."""
        try:
            voter = await asyncio.to_thread(self._known, channel, interaction)
            if voter is None and isinstance(notifier, Interactive):
                email = await notifier.email_of(interaction)
                voter = await asyncio.to_thread(self._learn, channel, interaction, email)
            return await asyncio.to_thread(self._record, channel, interaction, voter)
        except (VoteRefused, CertrailError) as err:
            detail = err.error.detail if isinstance(err, VoteRefused) else err.detail
            return Outcome(state="refused", message=detail)
        except PluginError as err:
            log.warning("the sender of an answer in channel %s is unknown: %s", channel.slug, err)
            return NOT_RECORDED
        except Exception:
            log.exception("an answer in channel %s was not recorded", channel.slug)
            return NOT_RECORDED

    def open(self, channel_id: str) -> tuple[Channel, Notifier[Any]]:
        """A channel and its plugin object. Raises NotFound."""
        with self._kernel.db.read() as session:
            channel = session.get(Channel, channel_id)
            if channel is None:
                raise NotFound("channel")
            return channel, notifier_of(self._kernel, session, channel, Context())

    def listeners(self) -> Sequence[Channel]:
        """Channels whose plugin opens a connection of its own for answers."""
        with self._kernel.db.read() as session:
            channels = session.exec(select(Channel)).all()
        return [channel for channel in channels if self._wants_listener(channel)]

    def _wants_listener(self, channel: Channel) -> bool:
        try:
            _, notifier = self.open(channel.id)
        except CertrailError as err:
            log.error("channel %s cannot listen: %s", channel.slug, err.detail)
            return False
        return isinstance(notifier, Listens) and notifier.wants_listener()

    def _known(self, channel: Channel, interaction: Interaction) -> Actor | None:
        with self._kernel.db.read() as session:
            query = select(ChatIdentity).where(
                ChatIdentity.notifier == channel.notifier,
                ChatIdentity.workspace == interaction.workspace,
                ChatIdentity.sender == interaction.sender,
            )
            identity = session.exec(query).first()
            return actor_of(session.get_one(Principal, identity.principal_id)) if identity else None

    def _learn(self, channel: Channel, interaction: Interaction, email: str | None) -> Actor | None:
        """Remember which member a sender is, found once by the verified e-mail address."""
        if not email:
            return None
        with self._kernel.change(SYSTEM) as change:
            person = change.session.exec(select(Principal).where(Principal.email == email.lower())).first()
            if person is None or person.kind != "user":
                return None
            change.session.add(
                ChatIdentity(
                    id=change.new_id(),
                    created_at=change.now,
                    notifier=channel.notifier,
                    workspace=interaction.workspace,
                    sender=interaction.sender,
                    principal_id=person.id,
                )
            )
            change.event(
                "chat_identity.linked",
                "principal",
                person.id,
                None,
                notifier=channel.notifier,
                sender=interaction.sender,
            )
            return actor_of(person)

    def _record(self, channel: Channel, interaction: Interaction, voter: Actor | None) -> Outcome:
        if voter is None:
            self._refused(
                channel, "unknown-sender", "no member has the sender's e-mail address", interaction.sender
            )
            return NOT_A_MEMBER
        try:
            return self._vote(channel, interaction, voter)
        except VoteRefused as refusal:
            self._approvals.record_refusal(voter, refusal, channel.notifier)
            if isinstance(refusal.error, NotFound):
                # The question stands before this person's eyes; to say that there is none would be odd.
                return NOT_A_MEMBER
            raise

    def _vote(self, channel: Channel, interaction: Interaction, voter: Actor) -> Outcome:
        with self._kernel.change(voter) as change:
            session = change.session
            token = session.get(QuestionToken, token_hash(interaction.token.get_secret_value()))
            copy = session.get(QuestionCopy, token.copy_id) if token else None
            approval = session.get(ApprovalRequest, copy.approval_request_id) if copy else None
            if token is None or copy is None or approval is None:
                raise VoteRefused(Conflict("This button is not known.", kind="bad-token"), None)
            if copy.reference is None:
                return NOT_RECORDED
            if copy.channel_id != channel.id or copy.reference != interaction.message:
                raise VoteRefused(
                    Conflict("This button belongs to another message.", kind="other-message"), approval
                )
            if session.get(SeenCallback, interaction.replay_key):
                raise VoteRefused(Conflict("This answer was received before.", kind="replayed"), approval)
            if session.get(TokenUse, (token.token_hash, interaction.sender)):
                raise VoteRefused(Conflict("You used this button already.", kind="token-used"), approval)
            bound = Bound(copy.round, copy.step, token.digest)
            cast(change, approval.id, token.answer, interaction.comment, channel.notifier, bound)
            session.add(SeenCallback(id=interaction.replay_key, created_at=change.now))
            session.add(TokenUse(token_hash=token.token_hash, sender=interaction.sender))
            return Outcome(state="recorded", message=_said(session, approval, token.answer))

    def _refused(self, channel: Channel, reason: str, detail: str, sender: str | None = None) -> None:
        with self._kernel.change(SYSTEM) as change:
            change.event(
                "callback.refused",
                "channel",
                channel.id,
                channel.application_id,
                reason=reason,
                detail=detail,
                sender=sender,
            )


def _said(session: Session, approval: ApprovalRequest, answer: str) -> str:
    if approval.status != "open":
        return f"Recorded. The request is {approval.status}."
    given, needed = tally(session, approval)
    return f"Your {answer} is recorded: {given} of {needed}."
