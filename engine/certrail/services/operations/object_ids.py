"""Which objects have an id that begins with some digits, so that people need not write 32 of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlmodel import Session, col, select

from certrail.domain.access import Permission, allows
from certrail.persistence.tables import (
    ApprovalRequest,
    Certificate,
    CertificateRequest,
    Delivery,
    Incident,
    NotificationRow,
    Retirement,
    RevocationRequest,
    Sync,
)
from certrail.services.access.membership import role_in
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext

SHORTEST = 4
LISTED = 20
"""Of each kind: who gets more gives more digits."""
AFTER_HEX = "g"
"""Sorts behind every hexadecimal digit, in every collation."""


@dataclass(frozen=True)
class ObjectId:
    """An object's kind, id, and Application; ``None`` in the legacy scope."""

    kind: str
    id: str
    application_id: str | None


class ObjectIds:
    """Looks in the tables whose objects are named by id only."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def beginning(self, actor: Actor, prefix: str) -> Sequence[ObjectId]:
        """The objects that the actor may read, at most 20 of a kind; `prefix` is 4 to 32 lower-case hex digits."""
        with self._context.db.read() as session:

            @cache
            def may(permission: Permission, application_id: str | None) -> bool:
                role = role_in(session, actor.principal_id, application_id)
                return allows(permission, product_role=actor.product_role, role=role, scopes=actor.scopes)

            return [
                found
                for permission, found in _beginning(session, prefix)
                if may(permission, found.application_id)
            ]


def _beginning(session: Session, prefix: str) -> Iterator[tuple[Permission, ObjectId]]:
    for kind, permission, table, query in _QUERIES:
        # A range, not LIKE: it reads the primary key's index in any collation.
        bounded = query.where(col(table.id) >= prefix, col(table.id) < prefix + AFTER_HEX)
        for ident, application_id in session.exec(bounded.order_by(col(table.id)).limit(LISTED)):
            yield permission, ObjectId(kind, ident, application_id)


def _own(table: Any) -> Any:
    return select(table.id, table.application_id)


_QUERIES: Sequence[tuple[str, Permission, Any, Any]] = (
    ("certificate", Permission.CERTIFICATE_READ, Certificate, _own(Certificate)),
    ("certificate-request", Permission.REQUEST_READ, CertificateRequest, _own(CertificateRequest)),
    ("revocation-request", Permission.CERTIFICATE_READ, RevocationRequest, _own(RevocationRequest)),
    ("approval", Permission.APPROVAL_READ, ApprovalRequest, _own(ApprovalRequest)),
    (
        "delivery",
        Permission.SYNC_READ,
        Delivery,
        select(Delivery.id, Sync.application_id).join(Sync, col(Sync.id) == Delivery.sync_id),
    ),
    (
        "retirement",
        Permission.SYNC_READ,
        Retirement,
        select(Retirement.id, Sync.application_id)
        .join(Delivery, col(Delivery.id) == Retirement.delivery_id)
        .join(Sync, col(Sync.id) == Delivery.sync_id),
    ),
    ("incident", Permission.ALERT_READ, Incident, _own(Incident)),
    ("notification", Permission.ALERT_READ, NotificationRow, _own(NotificationRow)),
)
