"""Which deliveries and removals need a workflow, for the reconciliation."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, col, select

from certrail.domain.states import DeliveryStatus
from certrail.persistence.tables import Certificate, Delivery, Retirement, Sync
from certrail.persistence.tables.base import where
from certrail.persistence.tables.delivery import DUE, PENDING
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.outbox import OpenObjects
from certrail.services.delivery.desired_state import workflow_of

VERIFIED_WITHIN = timedelta(hours=1)
"""How long a read-back is tried for after a delivery (`policies.VERIFY`)."""


def _of_deliveries(session: Session, rows: Sequence[Delivery]) -> Mapping[str, WorkflowStart]:
    return _starts(session, {row.id for row in rows})


def _of_removals(session: Session, rows: Sequence[Retirement]) -> Mapping[str, WorkflowStart]:
    starts = _starts(session, {row.delivery_id for row in rows})
    return {row.id: starts[row.delivery_id] for row in rows}


def _starts(session: Session, deliveries: Collection[str]) -> Mapping[str, WorkflowStart]:
    query = (
        select(Delivery, Sync, Certificate)
        .join(Sync, col(Sync.id) == col(Delivery.sync_id))
        .join(Certificate, col(Certificate.id) == col(Delivery.desired_certificate_id))
        .where(col(Delivery.id).in_(deliveries))
    )
    return {row.id: workflow_of(sync, row, desired) for row, sync, desired in session.exec(query).all()}


def _unverified(lost_after: datetime) -> ColumnElement[bool]:
    """What was delivered shortly before may not have been read back; nothing in the row says whether it can be."""
    return and_(
        col(Delivery.status) == DeliveryStatus.DELIVERED,
        col(Delivery.verified_at).is_(None),
        col(Delivery.delivered_at) > lost_after - VERIFIED_WITHIN,
    )


def _deliveries_to(destinations: Collection[str]) -> ColumnElement[bool]:
    return col(Delivery.sync_id).in_(select(Sync.id).where(col(Sync.destination).in_(destinations)))


def _removals_from(destinations: Collection[str]) -> ColumnElement[bool]:
    return col(Retirement.delivery_id).in_(select(Delivery.id).where(_deliveries_to(destinations)))


DELIVERIES = OpenObjects(
    name="deliveries",
    flow="delivery",
    table=Delivery,
    condition=where(PENDING),
    starts=_of_deliveries,
    also_when_lost=_unverified,
    plugin_kind="destination",
    of_plugins=_deliveries_to,
)
"""Deliveries that are not at their desired generation."""

REMOVALS = OpenObjects(
    name="removals",
    flow="delivery",
    table=Retirement,
    condition=where(DUE),
    starts=_of_removals,
    plugin_kind="destination",
    of_plugins=_removals_from,
)
"""Removals that are due; the workflow of their delivery makes them."""
