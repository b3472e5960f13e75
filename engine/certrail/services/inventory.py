"""Certificates as they are read: lists, one by one, and the key once."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, or_, select

from certrail.domain.errors import Conflict, Forbidden, NotFound
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, CertificateRequest
from certrail.services.actor import Actor
from certrail.services.deliveries import KEY_PURPOSE
from certrail.services.kernel import Kernel


class Inventory:
    """What there is."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def get(self, certificate_id: str) -> Certificate:
        """One certificate. Raises NotFound."""
        with self._kernel.db.read() as session:
            row = session.get(Certificate, certificate_id)
            if row is None:
                raise NotFound("certificate")
            return row

    def list(
        self,
        application_id: str,
        *,
        name: str | None = None,
        serial: str | None = None,
        after: tuple[datetime, str] | None = None,
        limit: int = 50,
    ) -> Sequence[Certificate]:
        """Newest first; `after` is (created_at, id) of the last row of the page before."""
        with self._kernel.db.read() as session:
            query = select(Certificate).where(Certificate.application_id == application_id)
            if name:
                query = query.where(Certificate.common_name == name)
            if serial:
                query = query.where(Certificate.serial == serial)
            if after:
                created, ident = col(Certificate.created_at), col(Certificate.id)
                query = query.where(or_(created < after[0], (created == after[0]) & (ident < after[1])))
            newest = (col(Certificate.created_at).desc(), col(Certificate.id).desc())
            return session.exec(query.order_by(*newest).limit(limit)).all()

    def show_key(self, actor: Actor, certificate_id: str) -> str:
        """The private key, PKCS#8 PEM, to its requester, once.

        Raises:
            Forbidden: the caller did not request it.
            Conflict: it was shown before, or certrail does not hold it.
        """
        with self._kernel.change(actor) as change:
            row = change.session.exec(
                locked(select(Certificate).where(Certificate.id == certificate_id))
            ).first()
            if row is None:
                raise NotFound("certificate")
            request = change.session.get(CertificateRequest, row.request_id) if row.request_id else None
            if request is None or request.requester_id != actor.principal_id:
                raise Forbidden("Only the requester is shown the private key.", kind="not-requester")
            if row.key_sealed is None:
                raise Conflict("certrail does not hold this key: the request came with a CSR.", kind="no-key")
            if row.key_shown_at is not None:
                raise Conflict(
                    f"The key was shown already, at {row.key_shown_at.isoformat()}.", kind="key-shown"
                )
            row.key_shown_at = change.now
            change.session.add(row)
            change.event("certificate.key_shown", "certificate", row.id, row.application_id)
            return self._kernel.keyring.open(row.key_sealed, KEY_PURPOSE).decode()
