"""Which approval messages are due: one for each channel of a step, refreshed at every change."""

from collections.abc import Sequence

from sqlmodel import col, select

from certrail.persistence.tables import ApprovalMessage, ApprovalRequest, Channel
from certrail.services.approvals.store import current_step
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.unit_of_work import UnitOfWork


def open_prompts(uow: UnitOfWork, approval: ApprovalRequest) -> None:
    """Create an approval message for every channel of the current step."""
    wanted = current_step(approval).get("channels", ())
    if not wanted:
        return
    query = select(Channel).where(col(Channel.id).in_(wanted))
    channels = {channel.id: channel for channel in uow.session.exec(query).all()}
    messages = [
        ApprovalMessage(
            id=uow.new_id(),
            created_at=uow.now,
            approval_request_id=approval.id,
            round=approval.round,
            step=approval.current_step,
            channel_id=channel_id,
        )
        for channel_id in wanted
    ]
    uow.session.add_all(messages)
    for message in messages:
        _enqueue(uow, message, channels[message.channel_id])


def refresh_messages(uow: UnitOfWork, approvals: Sequence[ApprovalRequest], *, closed: bool = False) -> None:
    """Bring every posted message of some approvals up to date.

    Args:
        closed: those of earlier steps and rounds as well, which then say how the approval ended.
    """
    query = (
        select(ApprovalMessage, Channel)
        .join(Channel, col(Channel.id) == col(ApprovalMessage.channel_id))
        .where(col(ApprovalMessage.approval_request_id).in_([row.id for row in approvals]))
    )
    if not closed:
        query = query.where(col(ApprovalMessage.closed_at).is_(None))
    for message, channel in uow.session.exec(query.order_by(col(ApprovalMessage.id))).all():
        if message.closed_at is not None and message.reference is None:
            continue
        message.closed_at = None
        uow.session.add(message)
        _enqueue(uow, message, channel)


def _enqueue(uow: UnitOfWork, message: ApprovalMessage, channel: Channel) -> None:
    """Start the workflow of a message, or signal it that its desired state changed."""
    uow.enqueue(workflow_of(message, channel), signal=uow.new_id())


def workflow_of(message: ApprovalMessage, channel: Channel) -> WorkflowStart:
    """The workflow that keeps a message up to date."""
    return WorkflowStart(
        flow="approval-message",
        workflow_id=f"approval-message-{message.id}",
        subject_id=message.id,
        summary=f"Show an approval in {channel.slug}",
        application_id=channel.application_id,
        plugin=f"notifier-{channel.notifier}",
    )
