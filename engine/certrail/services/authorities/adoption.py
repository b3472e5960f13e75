"""The revocation lists that an authority brings along: what they name, and how far they have counted."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from certrail.persistence.tables import CaCertificate, Crl, RevocationTombstone
from certrail.pki.revocation import Reason
from certrail.services.authorities.signing import spki_of
from certrail.services.core.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class RevokedEntry:
    """An entry of a list. Without an end it is listed as long as the authority's certificate lasts."""

    serial: str
    revoked_at: datetime
    reason: Reason = Reason.UNSPECIFIED
    not_after: datetime | None = None


def import_revoked(uow: UnitOfWork, issuer: CaCertificate, entries: Iterable[RevokedEntry]) -> None:
    """Go on telling of these, whether or not their certificates come later."""
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
    """Have the next list follow this number; it is due at once."""
    uow.session.add(
        Crl(
            id=uow.new_id(),
            created_at=uow.now,
            ca_id=issuer.ca_id,
            spki=spki_of(issuer),
            number=last,
            this_update=uow.now,
            next_update=uow.now,
            refresh_at=uow.now,
            entries=0,
            pem="",
        )
    )
