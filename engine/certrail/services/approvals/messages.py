"""Approval messages: an approval as it is posted to chat channels, kept up to date by a workflow."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from sqlmodel import Session

from certrail.checkpoints import checkpoint
from certrail.domain.durations import format_duration
from certrail.domain.states import ApprovalStatus
from certrail.persistence.tables import (
    ActionToken,
    ApprovalMessage,
    ApprovalRequest,
    Channel,
    Principal,
)
from certrail.services.alerting.posting import fails, works
from certrail.services.approvals.ballot import Ballot, ballot_of, question_facts
from certrail.services.approvals.links import approval_link
from certrail.services.approvals.store import APPROVE, REJECT, current_step, max_sign_in_age, votes_of
from certrail.services.approvals.subject import subject_of
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import Failure
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.integrations.plugin_config import notifier_of
from certrail_sdk import Choice, Fact, Notifier, Question


@dataclass(frozen=True)
class MessageWork:
    """One refresh of one message.

    Attributes:
        reference: where the message was posted; ``None`` to post it now.
        version: a digest of what the message says, to be handed back when it is shown.
    """

    message_id: str
    notifier: Notifier[Any]
    question: Question
    reference: str | None
    closed: bool
    version: str
    plugin: str


class ApprovalMessages:
    """Each step may run twice: both post or update the same message."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def begin(self, message_id: str) -> MessageWork | None:
        """The message in its desired state; ``None`` when it is shown or closed.

        Action tokens are created here and stored as hashes only, so every refresh has new ones; those that the
        same message showed before stay valid until it closes.
        """
        with self._context.unit_of_work(SYSTEM) as uow:
            message = uow.session.get(ApprovalMessage, message_id)
            if message is None or message.closed_at is not None:
                return None
            approval = uow.session.get_one(ApprovalRequest, message.approval_request_id)
            closed = _is_closed(message, approval)
            if closed and message.reference is None and message.intent_at is None:
                message.closed_at = uow.now
                uow.session.add(message)
                return None
            channel = uow.session.get_one(Channel, message.channel_id)
            question = self._question(uow, message, approval, closed)
            version = _version(question, closed)
            if message.shown == version and message.reference is not None:
                return None
            # A button proves no sign-in: where a step needs one, the message leads to the page instead.
            if not closed and max_sign_in_age(current_step(approval)) is None:
                question = question.model_copy(update={"choices": _choices(uow, message, approval)})
            work = MessageWork(
                message_id=message.id,
                notifier=notifier_of(self._context, uow.session, channel, f"approval message {message.id}"),
                question=question,
                reference=message.reference,
                closed=closed,
                version=version,
                plugin=f"{channel.notifier} {self._context.plugins.info('notifier', channel.notifier).version}",
            )
            message.intent_at = message.intent_at or uow.now
            uow.session.add(message)
        checkpoint("approval_message.intended")
        return work

    def shown(self, message_id: str, version: str, reference: str, closed: bool) -> None:
        """Record the receipt: the channel shows this version of the message."""
        checkpoint("approval_message.posted")
        with self._context.unit_of_work(SYSTEM) as uow:
            message = uow.session.get(ApprovalMessage, message_id)
            if message is None:
                return
            message.reference, message.shown, message.last_error = reference, version, None
            if closed:
                message.closed_at = uow.now
            uow.session.add(message)
            approval = uow.session.get_one(ApprovalRequest, message.approval_request_id)
            works(uow, message.channel_id, approval.application_id)

    def is_closed(self, message_id: str) -> bool:
        """Whether the message needs no more refreshing."""
        with self._context.db.read() as session:
            message = session.get(ApprovalMessage, message_id)
            return message is None or message.closed_at is not None

    def failed(self, message_id: str, failure: Failure) -> None:
        """Record that a message could not be shown; the first failure becomes an event."""
        with self._context.unit_of_work(SYSTEM) as uow:
            message = uow.session.get(ApprovalMessage, message_id)
            if message is None:
                return
            if message.last_error is None or failure.permanent:
                approval = uow.session.get_one(ApprovalRequest, message.approval_request_id)
                fails(
                    uow,
                    message.channel_id,
                    approval.application_id,
                    message=failure.message,
                    action=failure.action,
                    approval_id=approval.id,
                )
            message.last_error = failure.stored(uow.now)
            uow.session.add(message)

    def _question(
        self, uow: UnitOfWork, message: ApprovalMessage, approval: ApprovalRequest, closed: bool
    ) -> Question:
        session = uow.session
        subject = subject_of(uow.context, session, approval)
        ballot = ballot_of(session, approval)
        voters = (
            [Fact(label="May vote", value=", ".join(ballot.named))] if ballot.voters and not closed else []
        )
        return Question(
            id=message.id,
            title=subject.title(),
            summary=f"Step {message.step + 1} of {len(approval.policy['steps'])}: "
            f"{approval.policy['steps'][message.step]['name']}",
            facts=(
                Fact(label="Approval", value=approval.id),
                *question_facts(session, approval, subject),
                *voters,
                *([] if closed else _where_to_vote(approval)),
            ),
            status=_status(session, message, approval, ballot, closed),
            deadline=approval.expires_at,
            link=approval_link(self._context, approval.id),
            may_exist=message.intent_at is not None,
        )


def token_hash(token: str) -> str:
    """SHA-256 of an action token, in hex, as it is stored and looked up."""
    return hashlib.sha256(token.encode()).hexdigest()


def _is_closed(message: ApprovalMessage, approval: ApprovalRequest) -> bool:
    same = (message.round, message.step) == (approval.round, approval.current_step)
    return approval.status != ApprovalStatus.OPEN or not same


def _where_to_vote(approval: ApprovalRequest) -> list[Fact]:
    age = max_sign_in_age(current_step(approval))
    if age is None:
        return []
    return [
        Fact(label="Vote", value=f"in certrail, with a sign-in that is at most {format_duration(age)} old")
    ]


def _choices(uow: UnitOfWork, message: ApprovalMessage, approval: ApprovalRequest) -> tuple[Choice, ...]:
    choices = []
    for answer, label, wants_comment in ((APPROVE, "Approve", False), (REJECT, "Reject", True)):
        token = secrets.token_urlsafe(24)
        uow.session.add(
            ActionToken(
                token_hash=token_hash(token), message_id=message.id, answer=answer, digest=approval.digest
            )
        )
        choices.append(
            Choice(answer=answer, label=label, token=SecretStr(token), wants_comment=wants_comment)
        )
    return tuple(choices)


def _status(
    session: Session, message: ApprovalMessage, approval: ApprovalRequest, ballot: Ballot, closed: bool
) -> str:
    if not closed:
        tally = f"{ballot.given} of {ballot.needed} approvals in {current_step(approval)['name']}"
        return f"{tally}; {ballot.missing} missing"
    if approval.status == ApprovalStatus.OPEN:
        reopened = (
            "The content changed, so approval is requested again." if message.round != approval.round else ""
        )
        return reopened or f"Step {message.step + 1} is complete; the next step waits for votes."
    when = approval.decided_at.strftime("%Y-%m-%d %H:%M UTC") if approval.decided_at else ""
    voters = [
        session.get_one(Principal, vote.principal_id).name
        for vote in votes_of(session, approval.id)
        if vote.round == approval.round
    ]
    decider = session.get(Principal, approval.decided_by) if approval.decided_by else None
    by = (
        ", ".join(dict.fromkeys(voters))
        if approval.status == ApprovalStatus.APPROVED
        else (decider.name if decider else "")
    )
    why = f": {approval.comment}" if approval.comment else ""
    return f"{approval.status.capitalize()}{f' by {by}' if by else ''} at {when}{why}"


def _version(question: Question, closed: bool) -> str:
    """Equal when the message would look the same, whatever its action tokens."""
    looks = question.model_dump_json(exclude={"choices", "may_exist"})
    return hashlib.sha256(f"{looks}{closed}".encode()).hexdigest()
