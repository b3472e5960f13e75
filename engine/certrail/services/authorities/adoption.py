"""Revocations of an adopted authority: the entries of its CRLs so far, and the number of the last one."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from certrail.persistence.tables import CaCertificate, Crl, RevocationTombstone
from certrail.pki.revocation import Reason
from certrail.services.core.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class RevokedEntry:
    """A CRL entry (RFC 5280 section 5.1.2.6); without `not_after` it is kept until the CA certificate expires."""

    serial: str
    revoked_at: datetime
    reason: Reason = Reason.UNSPECIFIED
    not_after: datetime | None = None


def import_revoked(uow: UnitOfWork, issuer: CaCertificate, entries: Iterable[RevokedEntry]) -> None:
    """Keep entries as tombstones, whether or not their certificates are imported later."""
    for entry in {entry.serial: entry for entry in entries}.values():
        uow.session.add(
            RevocationTombstone(
                fingerprint=hashlib.sha256(f"{issuer.id} {entry.serial}".encode()).hexdigest(),
                ca_certificate_id=issuer.id,
                serial=entry.serial,
                not_after=entry.not_after or issuer.not_after,
                revoked_at=entry.revoked_at.replace(microsecond=0),
                revocation_reason=str(entry.reason),
            )
        )


def continue_crl_number(uow: UnitOfWork, issuer: CaCertificate, last: int) -> None:
    """Continue the CRL number: the next list is due at once (RFC 5280 section 5.2.3: numbers only grow)."""
    uow.session.add(
        Crl(
            id=uow.new_id(),
            created_at=uow.now,
            ca_id=issuer.ca_id,
            spki=issuer.spki,
            number=last,
            this_update=uow.now,
            next_update=uow.now,
            refresh_at=uow.now,
            entries=0,
            pem="",
        )
    )
