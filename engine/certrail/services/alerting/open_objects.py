"""Which notifications need a workflow, for the reconciliation."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from certrail.persistence.tables import Channel, NotificationRow
from certrail.persistence.tables.alerting import UNSENT
from certrail.persistence.tables.base import where
from certrail.services.alerting.posting import workflow_of
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.outbox import OpenObjects


def _starts(session: Session, rows: Sequence[NotificationRow]) -> Mapping[str, WorkflowStart]:
    """Of those whose channel was not deleted: without it nothing is sent."""
    query = select(Channel).where(col(Channel.id).in_({row.channel_id for row in rows}))
    channels = {channel.id: channel for channel in session.exec(query).all()}
    return {row.id: workflow_of(channels[row.channel_id], row) for row in rows if row.channel_id in channels}


def _by(notifiers: Collection[str]) -> ColumnElement[bool]:
    return col(NotificationRow.channel_id).in_(select(Channel.id).where(col(Channel.notifier).in_(notifiers)))


NOTIFICATIONS = OpenObjects(
    name="notifications",
    flow="notification",
    table=NotificationRow,
    condition=where(UNSENT),
    starts=_starts,
    plugin_kind="notifier",
    of_plugins=_by,
)
"""Messages that are to be sent now, digests among them; one that is held is sent by a sweep later."""
