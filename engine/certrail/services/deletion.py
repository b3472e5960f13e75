"""The end of an Application: what would go is said first, and only what was said goes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete
from sqlmodel import Session, SQLModel, col, func, select

from certrail.domain.errors import Conflict
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    Alert,
    AlertChannel,
    AlertCursor,
    Application,
    ApplicationProfile,
    ApprovalPolicy,
    ApprovalPolicyProfile,
    ApprovalRequest,
    Certificate,
    CertificateRequest,
    CertificateTerm,
    Channel,
    Delivery,
    Incident,
    InventoryView,
    Lineage,
    Membership,
    NotificationRow,
    QuestionCopy,
    QuestionToken,
    Retirement,
    Sync,
    TokenUse,
    Vote,
)
from certrail.services.actor import Actor
from certrail.services.kernel import Kernel
from certrail.services.posting import UNSENT
from certrail.services.request_state import FINAL

COUNTED: Mapping[str, type[SQLModel]] = {
    "members": Membership,
    "certificate_requests": CertificateRequest,
    "certificates": Certificate,
    "syncs": Sync,
    "alerts": Alert,
    "channels": Channel,
    "approval_policies": ApprovalPolicy,
    "views": InventoryView,
}
"""What a person knows an Application by; what hangs on it goes with it."""


@dataclass(frozen=True)
class Deletion:
    """What would go.

    Attributes:
        warnings: what should give one pause, for a person.
        confirm: to be given back; it changes with everything that is counted here.
    """

    counts: dict[str, int]
    warnings: list[str]
    confirm: str


class Deletions:
    """Applications go whole, or not at all. The record of events stays."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def preview(self, application_id: str) -> Deletion:
        """What would go with an Application."""
        with self._kernel.db.read() as session:
            return self._look(session, application_id)

    def delete(self, actor: Actor, application_id: str, confirm: str) -> None:
        """Delete an Application with all that is in it.

        Raises:
            Conflict: requests are under way, or something else would go than what was confirmed.
        """
        with self._kernel.change(actor) as change:
            session = change.session
            row = session.exec(locked(select(Application).where(Application.id == application_id))).one()
            running = select(CertificateRequest.id).where(
                CertificateRequest.application_id == application_id,
                col(CertificateRequest.status).not_in(FINAL),
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
            for table, condition in _in_order(application_id):
                session.execute(delete(table).where(condition))
            session.delete(row)
            change.event(
                "application.deleted",
                "application",
                application_id,
                application_id,
                slug=row.slug,
                name=row.name,
                counts=look.counts,
            )

    def _look(self, session: Session, application_id: str) -> Deletion:
        counts = {
            what: session.exec(
                select(func.count()).select_from(table).where(col(_owner(table)) == application_id)
            ).one()
            for what, table in COUNTED.items()
        }
        delivered = session.exec(
            select(Sync.slug, func.count())
            .join(Delivery, col(Delivery.sync_id) == col(Sync.id))
            .where(Sync.application_id == application_id, col(Delivery.delivered_at).is_not(None))
            .group_by(Sync.slug)
        ).all()
        valid = session.exec(
            select(func.count())
            .select_from(Certificate)
            .where(
                Certificate.application_id == application_id,
                Certificate.status == "active",
                col(Certificate.not_after) > self._kernel.clock(),
            )
        ).one()
        unsent = session.exec(
            select(func.count())
            .select_from(NotificationRow)
            .where(
                NotificationRow.application_id == application_id,
                col(NotificationRow.status).in_(UNSENT),
            )
        ).one()
        warnings = [
            f"The sync {slug} leaves {count} objects at its destination." for slug, count in delivered
        ]
        if unsent:
            warnings.append(f"{unsent} messages were not sent yet, and will not be.")
        if valid:
            warnings.insert(0, f"{valid} certificates are valid; nobody will renew them or watch them.")
        return Deletion(counts, warnings, _digest([application_id, counts, sorted(warnings)]))


def parts_of_questions(copies: Any) -> Sequence[tuple[type[SQLModel], ColumnElement[bool]]]:
    """The tables of these copies of questions, given as a statement of ids; those that point at others first."""
    tokens = select(QuestionToken.token_hash).where(col(QuestionToken.copy_id).in_(copies))
    return [
        (TokenUse, col(TokenUse.token_hash).in_(tokens)),
        (QuestionToken, col(QuestionToken.copy_id).in_(copies)),
        (QuestionCopy, col(QuestionCopy.id).in_(copies)),
    ]


def _owner(table: Any) -> Any:
    return table.application_id


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _in_order(application_id: str) -> Sequence[tuple[type[SQLModel], ColumnElement[bool]]]:
    """Every table with rows of an Application, those that point at others first."""

    def own(table: Any) -> Any:
        return select(table.id).where(table.application_id == application_id)

    approvals, channels, syncs = own(ApprovalRequest), own(Channel), own(Sync)
    copies = select(QuestionCopy.id).where(col(QuestionCopy.approval_request_id).in_(approvals))
    deliveries = select(Delivery.id).where(col(Delivery.sync_id).in_(syncs))
    whole = (
        Incident,
        NotificationRow,
        Alert,
        ApprovalRequest,
        ApprovalPolicy,
        Sync,
        Channel,
        InventoryView,
        CertificateTerm,
        Certificate,
        CertificateRequest,
        Lineage,
        ApplicationProfile,
        Membership,
    )
    return [
        *parts_of_questions(copies),
        (Vote, col(Vote.approval_request_id).in_(approvals)),
        (ApprovalPolicyProfile, col(ApprovalPolicyProfile.policy_id).in_(own(ApprovalPolicy))),
        (AlertChannel, col(AlertChannel.alert_id).in_(own(Alert))),
        (AlertCursor, col(AlertCursor.alert_id).in_(own(Alert))),
        (NotificationRow, col(NotificationRow.channel_id).in_(channels)),
        (Retirement, col(Retirement.delivery_id).in_(deliveries)),
        (Delivery, col(Delivery.sync_id).in_(syncs)),
        *((table, col(_owner(table)) == application_id) for table in whole),
    ]
