"""Questions: the copies of an approval that are posted to chat channels, kept up to date by a workflow."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from sqlmodel import Session

from certrail.checkpoints import checkpoint
from certrail.persistence.tables import (
    ActionToken,
    Application,
    ApprovalMessage,
    ApprovalRequest,
    CertificateProfile,
    CertificateRequest,
    Channel,
    Principal,
)
from certrail.services.alerting.posting import fails, works
from certrail.services.approvals.lifecycle import APPROVE, REJECT, current_step, tally, votes_of
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import Failure
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.integrations.plugin_config import notifier_of
from certrail.services.issuance.state import display_name
from certrail_sdk import Choice, Context, Fact, Notifier, Question


@dataclass(frozen=True)
class QuestionWork:
    """One refresh of one copy.

    Attributes:
        reference: where the copy was posted; ``None`` to post it now.
        version: what the question said, to be handed back when it is shown.
    """

    message_id: str
    notifier: Notifier[Any]
    question: Question
    reference: str | None
    closed: bool
    version: str
    plugin: str


class Questions:
    """Every step may run twice and lands on the same copy."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def begin(self, message_id: str) -> QuestionWork | None:
        """The question as it should look now; ``None`` when there is nothing left to show.

        Tokens are made here and kept only as hashes, so every refresh carries new ones; those of the
        same copy that were shown before stay good until it closes.
        """
        with self._context.unit_of_work(SYSTEM) as uow:
            copy = uow.session.get(ApprovalMessage, message_id)
            if copy is None or copy.closed_at is not None:
                return None
            approval = uow.session.get_one(ApprovalRequest, copy.approval_request_id)
            closed = _is_over(copy, approval)
            if closed and copy.reference is None and copy.intent_at is None:
                copy.closed_at = uow.now
                uow.session.add(copy)
                return None
            channel = uow.session.get_one(Channel, copy.channel_id)
            question = self._question(uow, copy, approval, closed)
            version = _version(question, closed)
            if copy.shown == version and copy.reference is not None:
                return None
            if not closed:
                question = question.model_copy(update={"choices": _choices(uow, copy, approval)})
            work = QuestionWork(
                message_id=copy.id,
                notifier=notifier_of(self._context, uow.session, channel, Context()),
                question=question,
                reference=copy.reference,
                closed=closed,
                version=version,
                plugin=f"{channel.notifier} {self._context.plugins.info('notifier', channel.notifier).version}",
            )
            copy.intent_at = copy.intent_at or uow.now
            uow.session.add(copy)
        checkpoint("question.intended")
        return work

    def shown(self, message_id: str, version: str, reference: str, closed: bool) -> None:
        """Record that a copy stands in the channel as it should."""
        checkpoint("question.posted")
        with self._context.unit_of_work(SYSTEM) as uow:
            copy = uow.session.get(ApprovalMessage, message_id)
            if copy is None:
                return
            copy.reference, copy.shown, copy.last_error = reference, version, None
            if closed:
                copy.closed_at = uow.now
            uow.session.add(copy)
            approval = uow.session.get_one(ApprovalRequest, copy.approval_request_id)
            works(uow, copy.channel_id, approval.application_id)

    def is_closed(self, message_id: str) -> bool:
        """Whether the copy needs no more refreshing."""
        with self._context.db.read() as session:
            copy = session.get(ApprovalMessage, message_id)
            return copy is None or copy.closed_at is not None

    def failed(self, message_id: str, failure: Failure) -> None:
        """Record that a copy could not be shown; the first failure becomes an event."""
        with self._context.unit_of_work(SYSTEM) as uow:
            copy = uow.session.get(ApprovalMessage, message_id)
            if copy is None:
                return
            if copy.last_error is None or failure.permanent:
                approval = uow.session.get_one(ApprovalRequest, copy.approval_request_id)
                fails(
                    uow,
                    copy.channel_id,
                    approval.application_id,
                    message=failure.message,
                    action=failure.action,
                    approval_id=approval.id,
                )
            copy.last_error = failure.stored(uow.now)
            uow.session.add(copy)

    def _question(
        self, uow: UnitOfWork, copy: ApprovalMessage, approval: ApprovalRequest, closed: bool
    ) -> Question:
        session = uow.session
        request = session.get_one(CertificateRequest, approval.certificate_request_id)
        name = display_name(request) or "(no name)"
        public_url = self._context.public_url
        return Question(
            id=copy.id,
            title=f"Approve a certificate for {name}?",
            summary=f"Step {copy.step + 1} of {len(approval.policy['steps'])}: "
            f"{approval.policy['steps'][copy.step]['name']}",
            facts=_facts(session, approval, request),
            status=_status(session, copy, approval, closed),
            deadline=approval.expires_at,
            link=f"{public_url}/api/v1/approval-requests/{approval.id}" if public_url else None,
            may_exist=copy.intent_at is not None,
        )


def token_hash(token: str) -> str:
    """How a token is stored and looked up."""
    return hashlib.sha256(token.encode()).hexdigest()


def _is_over(copy: ApprovalMessage, approval: ApprovalRequest) -> bool:
    same = (copy.round, copy.step) == (approval.round, approval.current_step)
    return approval.status != "open" or not same


def _choices(uow: UnitOfWork, copy: ApprovalMessage, approval: ApprovalRequest) -> tuple[Choice, ...]:
    choices = []
    for answer, label, wants_comment in ((APPROVE, "Approve", False), (REJECT, "Reject", True)):
        token = secrets.token_urlsafe(24)
        uow.session.add(
            ActionToken(
                token_hash=token_hash(token), message_id=copy.id, answer=answer, digest=approval.digest
            )
        )
        choices.append(
            Choice(answer=answer, label=label, token=SecretStr(token), wants_comment=wants_comment)
        )
    return tuple(choices)


def _facts(session: Session, approval: ApprovalRequest, request: CertificateRequest) -> tuple[Fact, ...]:
    content = request.content
    profile = session.get_one(CertificateProfile, request.profile_id)
    application = session.get(Application, request.application_id) if request.application_id else None
    requester = session.get_one(Principal, request.requester_id)
    names = [name for group in content.get("sans", {}).values() for name in group or ()]
    hours = content["ttl_seconds"] / 3600
    pairs = (
        ("Application", application.name if application else "(none)"),
        ("Names", ", ".join(names) or "(none)"),
        ("Profile", profile.name),
        ("Key", str(content.get("key_algorithm"))),
        ("Lifetime", f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"),
        ("Requested by", requester.name),
        ("Content digest", approval.digest[:16]),
    )
    return tuple(Fact(label=label, value=value) for label, value in pairs)


def _status(session: Session, copy: ApprovalMessage, approval: ApprovalRequest, closed: bool) -> str:
    if not closed:
        given, needed = tally(session, approval)
        return f"{given} of {needed} approvals in {current_step(approval)['name']}"
    if approval.status == "open":
        over = "The content changed, so the question is asked anew." if copy.round != approval.round else ""
        return over or f"Step {copy.step + 1} is complete; the next step is being asked."
    when = approval.decided_at.strftime("%Y-%m-%d %H:%M UTC") if approval.decided_at else ""
    voters = [
        session.get_one(Principal, vote.principal_id).name
        for vote in votes_of(session, approval.id)
        if vote.round == approval.round
    ]
    decider = session.get(Principal, approval.decided_by) if approval.decided_by else None
    by = (
        ", ".join(dict.fromkeys(voters))
        if approval.status == "approved"
        else (decider.name if decider else "")
    )
    why = f": {approval.comment}" if approval.comment else ""
    return f"{approval.status.capitalize()}{f' by {by}' if by else ''} at {when}{why}"


def _version(question: Question, closed: bool) -> str:
    """Equal when the copy would look the same, whatever its tokens."""
    looks = question.model_dump_json(exclude={"choices", "may_exist"})
    return hashlib.sha256(f"{looks}{closed}".encode()).hexdigest()
