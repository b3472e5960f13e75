"""Figures for monitoring, read from the database: the same whichever process is asked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import literal, union_all
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from certrail.domain.events.delivery import DeliveryDelivered, DeliveryFailed, DeliveryRecovered
from certrail.domain.events.issuance import RequestApproved, RequestCreated, RequestIssued
from certrail.domain.states import ApprovalStatus, CertificateStatus, RequestStatus, RevocationStatus
from certrail.persistence.tables import (
    Application,
    ApprovalRequest,
    Certificate,
    CertificateRequest,
    CrlCopy,
    Delivery,
    EventRow,
    Incident,
    Lineage,
    NotificationRow,
    OutboxRow,
    PluginFault,
    PluginHealthIssue,
    Probe,
    ProcessHeartbeat,
    Retirement,
    RevocationRequest,
)
from certrail.persistence.tables.alerting import UNSENT
from certrail.persistence.tables.authorities import UNPUBLISHED
from certrail.persistence.tables.base import where
from certrail.persistence.tables.delivery import DUE, PENDING
from certrail.persistence.tables.issuance import RUNNING
from certrail.persistence.tables.lifecycle import OPEN
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.operations.heartbeats import FORGOTTEN_AFTER

LOOK_BACK = 100_000
"""Events before the first look that are counted: in a large installation all of them would take minutes."""
EXPIRED_FOR = timedelta(days=7)
"""How long after its expiry a certificate counts as the soonest; else an alert about it would end with it."""
LEGACY = "-"
"""Of the legacy scope, as on the command line."""
DELIVERED = {
    DeliveryDelivered.event_type: "delivered",
    DeliveryRecovered.event_type: "delivered",
    DeliveryFailed.event_type: "failed",
}


@dataclass(frozen=True)
class QueueState:
    """What waits for a step; `oldest_at` is when the first of it began to wait."""

    name: str
    length: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class DeliveryOutcome:
    """One delivered generation or one reported failure; `seconds` since it was desired, of a delivered one."""

    destination: str
    outcome: str
    seconds: float | None


@dataclass(frozen=True)
class Increments:
    """What the audit log says of the time since a position in it.

    Attributes:
        position: number of the last event that is counted here; the next look goes on from it.
        events: how many by type.
        issued: of each issued request, the seconds since its approval, or since its creation if it needed none.
    """

    position: int
    events: Mapping[str, int]
    issued: Sequence[float]
    deliveries: Sequence[DeliveryOutcome]


@dataclass(frozen=True)
class Gauges:
    """How things are now.

    Attributes:
        soonest_expiry: of the active certificates of each Application, by slug; ``-`` is the legacy scope.
        unusable_plugins: that could not be loaded, or are missing and used.
        open_incidents: that nobody has acknowledged, and all.
    """

    now: datetime
    queues: Sequence[QueueState]
    soonest_expiry: Mapping[str, datetime]
    plugin_faults: Sequence[PluginFault]
    unusable_plugins: Sequence[str]
    processes: Sequence[ProcessHeartbeat]
    open_incidents: tuple[int, int]


class Metrics:
    """Reads figures in a fixed number of statements, each of which an index bounds."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def since(self, position: int | None) -> Increments:
        """What happened after a position in the audit log; ``None`` for the last hundred thousand events."""
        with self._context.db.read() as session:
            # Events commit in the order of their numbers: below the highest one nothing is added any more.
            head = session.exec(select(func.max(EventRow.seq))).one() or 0
            begin = max(0, head - LOOK_BACK) if position is None else position
            within = (col(EventRow.seq) > begin, col(EventRow.seq) <= head)
            counted = select(EventRow.type, func.count()).where(*within).group_by(col(EventRow.type))
            return Increments(
                position=head,
                events=Counter(dict(session.exec(counted).all())),
                issued=_issued(session, within),
                deliveries=_deliveries(session, within),
            )

    def gauges(self) -> Gauges:
        """How things are."""
        now = self._context.clock()
        with self._context.db.read() as session:
            return Gauges(
                now=now,
                queues=_queues(session, now),
                soonest_expiry=_soonest_expiry(session, now),
                plugin_faults=session.exec(select(PluginFault)).all(),
                unusable_plugins=session.exec(select(PluginHealthIssue.key)).all(),
                processes=session.exec(
                    select(ProcessHeartbeat).where(col(ProcessHeartbeat.seen_at) > now - FORGOTTEN_AFTER)
                ).all(),
                open_incidents=_open_incidents(session),
            )


def _issued(session: Session, within: tuple[Any, ...]) -> Sequence[float]:
    start = aliased(EventRow)
    began = func.max(start.created_at)
    starts = (RequestCreated.event_type, RequestApproved.event_type)
    query = (
        select(EventRow.created_at, began)
        .join(start, col(start.subject_id) == col(EventRow.subject_id))
        .where(*within, EventRow.type == RequestIssued.event_type, col(start.type).in_(starts))
        .group_by(col(EventRow.seq), col(EventRow.created_at))
    )
    return [_seconds(started, ended) for ended, started in session.exec(query).all()]


def _deliveries(session: Session, within: tuple[Any, ...]) -> Sequence[DeliveryOutcome]:
    data = col(EventRow.data)
    query = select(EventRow.type, data["destination"].as_string(), data["duration_ms"].as_integer()).where(
        *within, col(EventRow.type).in_(DELIVERED)
    )
    return [
        DeliveryOutcome(destination, DELIVERED[type_], None if duration is None else duration / 1000)
        for type_, destination, duration in session.exec(query).all()
    ]


def _seconds(started: datetime, ended: datetime) -> float:
    # Clocks of two hosts may differ.
    return max(0.0, (ended - started).total_seconds())


def _queues(session: Session, now: datetime) -> Sequence[QueueState]:
    request, revocation = CertificateRequest, RevocationRequest
    waiting = (
        (
            "outbox",
            OutboxRow.created_at,
            # Due or not: a failed attempt and a lease put a row off.
            [col(OutboxRow.dispatched_at).is_(None)],
        ),
        ("approvals", ApprovalRequest.created_at, [ApprovalRequest.status == ApprovalStatus.OPEN]),
        ("requests", request.updated_at, [where(RUNNING), request.status != RequestStatus.PENDING_APPROVAL]),
        ("revocations", revocation.updated_at, [where(OPEN), revocation.status == RevocationStatus.APPROVED]),
        ("renewals", Lineage.renew_at, [col(Lineage.renew_at).is_not(None), col(Lineage.renew_at) <= now]),
        ("deliveries", Delivery.desired_at, [where(PENDING)]),
        ("removals", Retirement.remove_at, [where(DUE)]),
        ("probes", Probe.due_at, [col(Probe.due_at).is_not(None), col(Probe.due_at) <= now]),
        ("notifications", NotificationRow.created_at, [where(UNSENT)]),
        ("revocation lists", CrlCopy.created_at, [where(UNPUBLISHED)]),
    )
    selects: list[Any] = [
        select(literal(name), func.count(), func.min(since)).where(*conditions)
        for name, since, conditions in waiting
    ]
    return [QueueState(*row) for row in session.connection().execute(union_all(*selects)).all()]


def _soonest_expiry(session: Session, now: datetime) -> Mapping[str, datetime]:
    # An ordered look at the index ends at its first match; an aggregate would read all certificates.
    def soonest(application: Any) -> Any:
        return (
            select(Certificate.not_after)
            .where(
                application,
                Certificate.status == CertificateStatus.ACTIVE,
                col(Certificate.not_after) > now - EXPIRED_FOR,
            )
            .order_by(col(Certificate.not_after))
            .limit(1)
            .scalar_subquery()
        )

    here = soonest(col(Certificate.application_id) == col(Application.id))
    legacy = soonest(col(Certificate.application_id).is_(None))
    query = union_all(select(col(Application.slug), here), select(literal(LEGACY), legacy))
    found = session.connection().execute(query).all()
    return {slug: expiry for slug, expiry in found if expiry is not None}


def _open_incidents(session: Session) -> tuple[int, int]:
    query = select(func.count() - func.count(col(Incident.acknowledged_at)), func.count()).where(
        col(Incident.closed_at).is_(None)
    )
    unacknowledged, every = session.exec(query).one()
    return unacknowledged, every
