"""Deletion of an Application: a preview first, then exactly what the preview showed."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert
from sqlmodel import Session, SQLModel, col, func, select

from certrail.domain.errors import Conflict
from certrail.domain.events.tenancy import ApplicationDeleted
from certrail.domain.states import CertificateStatus, RevocationStatus
from certrail.persistence import cascades
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    AcmeAccount,
    AcmeAuthorization,
    AcmeChallenge,
    AcmeOrder,
    AcmeOrderApproval,
    Alert,
    AlertChannel,
    AlertCursor,
    Application,
    ApprovalMessage,
    ApprovalPolicy,
    ApprovalPolicyProfile,
    ApprovalRequest,
    Certificate,
    CertificateRequest,
    CertificateSearchTerm,
    Channel,
    Delivery,
    Enrollment,
    ExternalAccountKey,
    Incident,
    Lineage,
    Membership,
    NotificationRow,
    PreviousTarget,
    Probe,
    RemoteOrder,
    Retirement,
    RevocationRequest,
    RevocationTombstone,
    SavedSearch,
    SavedView,
    Sync,
    Vote,
)
from certrail.services.alerting.posting import UNSENT
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.issuance.state import FINAL

COUNTED: Mapping[str, type[SQLModel]] = {
    "members": Membership,
    "certificate_requests": CertificateRequest,
    "certificates": Certificate,
    "syncs": Sync,
    "alerts": Alert,
    "channels": Channel,
    "approval_policies": ApprovalPolicy,
    "views": SavedSearch,
}
"""What a person knows an Application by; what hangs on it goes with it."""


@dataclass(frozen=True)
class Deletion:
    """What would go.

    Attributes:
        warnings: what should give one pause, for a person.
        confirm: to be given back; it changes with everything that is counted here, be it one put for another.
    """

    counts: dict[str, int]
    warnings: list[str]
    confirm: str


class Deletions:
    """Applications go whole, or not at all. The record of events stays."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def preview(self, application_id: str) -> Deletion:
        """What would go with an Application."""
        with self._context.db.read() as session:
            return self._look(session, application_id)

    def delete(self, actor: Actor, application_id: str, confirm: str) -> None:
        """Delete an Application with all that is in it.

        Raises:
            Conflict: requests are under way, or something else would go than what was confirmed.
        """
        with self._context.unit_of_work(actor) as uow:
            session = uow.session
            # Revocations and renewals hold lineages: what they are about to change is waited for, then counted. They
            # come to name the Application only then, so it is held after the lineages, as they do.
            lineages = select(Lineage.id).where(Lineage.application_id == application_id)
            session.exec(locked(lineages.order_by(col(Lineage.id)))).all()
            application = select(Application).where(Application.id == application_id)
            row = session.exec(locked(application, for_deletion=True)).one()
            running = select(CertificateRequest.id).where(
                CertificateRequest.application_id == application_id,
                col(CertificateRequest.status).not_in(FINAL),
            )
            open_revocations = select(RevocationRequest.id).where(
                RevocationRequest.application_id == application_id,
                col(RevocationRequest.status).not_in([status for status in RevocationStatus if status.final]),
            )
            if revoking := len(session.exec(open_revocations).all()):
                raise Conflict(
                    f"{revoking} revocation requests are under way; wait for them, or cancel them.",
                    kind="requests-under-way",
                )
            if under_way := len(session.exec(running).all()):
                raise Conflict(
                    f"{under_way} certificate requests are under way; wait for them, or cancel them.",
                    kind="requests-under-way",
                )
            look = self._look(session, application_id)
            if confirm != look.confirm:
                raise Conflict(
                    "Something else would go than what you confirmed. Look at the preview, then confirm it.",
                    kind="not-confirmed",
                    counts=look.counts,
                    warnings=look.warnings,
                )
            _keep_statuses(session, application_id)
            for table, condition in _in_order(application_id):
                session.execute(delete(table).where(condition))
            session.delete(row)
            uow.record(
                ApplicationDeleted(
                    application_id, application_id, slug=row.slug, name=row.name, counts=look.counts
                )
            )

    def _look(self, session: Session, application_id: str) -> Deletion:
        going = {
            what: session.exec(
                select(_any(table).id)
                .where(_any(table).application_id == application_id)
                .order_by(_any(table).id)
            ).all()
            for what, table in COUNTED.items()
        }
        warnings = [
            *_of_certificates(session, application_id, self._context.clock()),
            *_of_what_stays_elsewhere(session, application_id),
        ]
        counts = {what: len(ids) for what, ids in going.items()}
        return Deletion(counts, warnings, _digest([application_id, going, warnings]))


def _of_certificates(session: Session, application_id: str, now: datetime) -> Iterator[str]:
    def count(*conditions: Any) -> int:
        of_here = Certificate.application_id == application_id, col(Certificate.not_after) > now
        return session.exec(select(func.count()).select_from(Certificate).where(*of_here, *conditions)).one()

    from_here = col(Certificate.ca_certificate_id).is_not(None)
    if valid := count(Certificate.status == CertificateStatus.ACTIVE):
        yield f"{valid} certificates are valid; nobody will renew them or watch them."
    if good := count(from_here, col(Certificate.revoked_at).is_(None)):
        yield (
            f"{good} certificates stay good for everybody who asks, and nobody can revoke them unless they are"
            " imported again; revoke first what is not to be trusted any more."
        )
    if held := count(from_here, Certificate.status == CertificateStatus.HELD):
        yield f"{held} certificates stay on hold until they end; release or revoke them first."


def _of_what_stays_elsewhere(session: Session, application_id: str) -> Iterator[str]:
    delivered = session.exec(
        select(Sync.slug, func.count())
        .join(Delivery, col(Delivery.sync_id) == col(Sync.id))
        .where(Sync.application_id == application_id, col(Delivery.delivered_at).is_not(None))
        .group_by(Sync.slug)
        .order_by(Sync.slug)
    ).all()
    for slug, objects in delivered:
        yield f"The sync {slug} leaves {objects} objects at its destination."
    unsent = session.exec(
        select(func.count())
        .select_from(NotificationRow)
        .where(
            NotificationRow.application_id == application_id,
            col(NotificationRow.status).in_(UNSENT),
        )
    ).one()
    if unsent:
        yield f"{unsent} messages were not sent yet, and will not be."


def _keep_statuses(session: Session, application_id: str) -> None:
    """What was issued here stays revoked, on hold or good for whoever asks, whatever becomes of the inventory."""
    names = ("fingerprint", "ca_certificate_id", "serial", "not_after", "revoked_at", "revocation_reason")
    issued_here = (
        Certificate.application_id == application_id,
        col(Certificate.ca_certificate_id).is_not(None),
    )
    kept = select(*(getattr(Certificate, name) for name in names)).where(*issued_here)
    session.execute(insert(RevocationTombstone).from_select(names, kept))


def _any(table: Any) -> Any:
    return table


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _in_order(application_id: str) -> cascades.Cascade:
    """Every table with rows of an Application, those that point at others first."""

    def own(table: Any) -> Any:
        return select(table.id).where(table.application_id == application_id)

    approvals, channels, syncs = own(ApprovalRequest), own(Channel), own(Sync)
    copies = select(ApprovalMessage.id).where(col(ApprovalMessage.approval_request_id).in_(approvals))
    deliveries = select(Delivery.id).where(col(Delivery.sync_id).in_(syncs))
    authorizations = select(AcmeAuthorization.id).where(col(AcmeAuthorization.order_id).in_(own(AcmeOrder)))
    whole = (
        AcmeOrder,
        AcmeOrderApproval,
        AcmeAccount,
        ExternalAccountKey,
        Incident,
        NotificationRow,
        Alert,
        ApprovalRequest,
        ApprovalPolicy,
        Sync,
        Channel,
        SavedSearch,
        SavedView,
        CertificateSearchTerm,
        RevocationRequest,
        Certificate,
        CertificateRequest,
        Lineage,
        Enrollment,
        Membership,
    )
    return [
        *cascades.approval_messages(copies),
        *cascades.enrollments(own(Enrollment)),
        (Vote, col(Vote.approval_request_id).in_(approvals)),
        (ApprovalPolicyProfile, col(ApprovalPolicyProfile.policy_id).in_(own(ApprovalPolicy))),
        (AlertChannel, col(AlertChannel.alert_id).in_(own(Alert))),
        (AlertCursor, col(AlertCursor.alert_id).in_(own(Alert))),
        (NotificationRow, col(NotificationRow.channel_id).in_(channels)),
        (Retirement, col(Retirement.delivery_id).in_(deliveries)),
        (Probe, col(Probe.lineage_id).in_(own(Lineage))),
        (Delivery, col(Delivery.sync_id).in_(syncs)),
        (PreviousTarget, col(PreviousTarget.sync_id).in_(syncs)),
        (RemoteOrder, col(RemoteOrder.request_id).in_(own(CertificateRequest))),
        (AcmeChallenge, col(AcmeChallenge.authorization_id).in_(authorizations)),
        (AcmeAuthorization, col(AcmeAuthorization.order_id).in_(own(AcmeOrder))),
        *((table, _any(table).application_id == application_id) for table in whole),
    ]
