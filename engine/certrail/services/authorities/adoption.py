"""The revocation lists that an authority brings along: what they name, and how far they have counted."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from certrail.persistence.tables import CaCertificate, Crl, DeletedCertificate
from certrail.pki.revocation import Reason
from certrail.services.authorities.signing import spki_of
from certrail.services.core.unit_of_work import Change


@dataclass(frozen=True)
class Listed:
    """An entry of a list. Without an end it is listed as long as the authority's certificate lasts."""

    serial: str
    revoked_at: datetime
    reason: Reason = Reason.UNSPECIFIED
    not_after: datetime | None = None


def keep_listed(change: Change, issuer: CaCertificate, entries: Iterable[Listed]) -> None:
    """Go on telling of these, whether or not their certificates come later."""
    for entry in {entry.serial: entry for entry in entries}.values():
        change.session.add(
            DeletedCertificate(
                fingerprint=hashlib.sha256(f"{issuer.id} {entry.serial}".encode()).hexdigest(),
                ca_certificate_id=issuer.id,
                serial=entry.serial,
                not_after=entry.not_after or issuer.not_after,
                revoked_at=entry.revoked_at.replace(microsecond=0),
                revocation_reason=str(entry.reason),
            )
        )


def count_on(change: Change, issuer: CaCertificate, last: int) -> None:
    """Have the next list follow this number; it is due at once."""
    change.session.add(
        Crl(
            id=change.new_id(),
            created_at=change.now,
            ca_id=issuer.ca_id,
            spki=spki_of(issuer),
            number=last,
            this_update=change.now,
            next_update=change.now,
            refresh_at=change.now,
            entries=0,
            pem="",
        )
    )
