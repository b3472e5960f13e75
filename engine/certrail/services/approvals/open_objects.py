"""Which approval messages need a workflow, for the reconciliation."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, col, or_, select

from certrail.domain.states import ApprovalStatus
from certrail.persistence.tables import ApprovalMessage, ApprovalRequest, Channel
from certrail.persistence.tables.approvals import OPEN_MESSAGE
from certrail.persistence.tables.base import where
from certrail.services.approvals.prompts import workflow_of
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.outbox import OpenObjects


def _starts(session: Session, rows: Sequence[ApprovalMessage]) -> Mapping[str, WorkflowStart]:
    query = select(Channel).where(col(Channel.id).in_({row.channel_id for row in rows}))
    channels = {channel.id: channel for channel in session.exec(query).all()}
    return {row.id: workflow_of(row, channels[row.channel_id]) for row in rows if row.channel_id in channels}


def _behind() -> ColumnElement[bool]:
    """Not posted, or posted and its approval decided. One that is shown rests until a signal starts its workflow."""
    decided = select(ApprovalRequest.id).where(ApprovalRequest.status != ApprovalStatus.OPEN)
    return and_(
        where(OPEN_MESSAGE),
        or_(
            col(ApprovalMessage.reference).is_(None),
            col(ApprovalMessage.approval_request_id).in_(decided),
        ),
    )


def _any_open(_lost_after: datetime) -> ColumnElement[bool]:
    """A refresh of any open one may have been lost."""
    return where(OPEN_MESSAGE)


def _by(notifiers: Collection[str]) -> ColumnElement[bool]:
    return col(ApprovalMessage.channel_id).in_(select(Channel.id).where(col(Channel.notifier).in_(notifiers)))


APPROVAL_MESSAGES = OpenObjects(
    name="approval messages",
    flow="approval-message",
    table=ApprovalMessage,
    condition=_behind(),
    starts=_starts,
    also_when_lost=_any_open,
    plugin_kind="notifier",
    of_plugins=_by,
)
