"""What a look means: the certificate that is presented, compared with those that belong there."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from certrail.domain.endpoints.probes import LONGEST_REASON, ProbeVerdict
from certrail.network.handshake import Presented
from certrail.persistence.tables import Certificate
from certrail.services.delivery.probes.presented import chain_fault
from certrail.services.delivery.stable_names import holder_of

ACTIONS = {
    ProbeVerdict.OLDER: "Reload the service, and see that it reads what is delivered.",
    ProbeVerdict.OTHER: "See which certificate the service is configured with for this name.",
    ProbeVerdict.CHAIN_BROKEN: "Configure the service with the certificate and all of its chain.",
    ProbeVerdict.UNREACHABLE: "See whether the service runs, and whether it can be reached from where it is looked at.",
}
"""What to do when it stays so after the grace."""


@dataclass(frozen=True)
class Finding:
    """What a look found.

    Attributes:
        certificate: the one that belongs there: of several, the one that was found.
        found: SHA-256 of what is presented, hex.
        reason: why it is not served, for a person.
    """

    verdict: ProbeVerdict
    certificate: Certificate
    found: str | None
    reason: str = ""


def verdict_of(session: Session, belonging: Sequence[Certificate], seen: Presented, now: datetime) -> Finding:
    """Judge a handshake.

    Args:
        belonging: certificates of one lineage: the delivered one, and the one that is being delivered perhaps.
    """
    if not seen.certificates:
        return unreachable(belonging[0], seen.reason)
    finding = verdict_of_leaf(session, belonging, hashlib.sha256(seen.certificates[0]).hexdigest())
    if finding.verdict is ProbeVerdict.SERVED:
        fault = chain_fault(seen.certificates[1:], finding.certificate.chain, now)
        if fault:
            return Finding(ProbeVerdict.CHAIN_BROKEN, finding.certificate, finding.found, _cut(fault))
    return finding


def verdict_of_leaf(session: Session, belonging: Sequence[Certificate], found: str) -> Finding:
    """Judge by the fingerprint alone."""
    for certificate in belonging:
        if certificate.fingerprint == found:
            return Finding(ProbeVerdict.SERVED, certificate, found)
    expected = belonging[0]
    known = session.exec(select(Certificate).where(Certificate.fingerprint == found)).first()
    # Of another lineage, too, whose object was taken over: it has a stable name.
    if known is not None and (known.application_id, holder_of(known)) == (
        expected.application_id,
        holder_of(expected),
    ):
        reason = f"It presents the certificate of serial number {known.serial}, for the same names."
        return Finding(ProbeVerdict.OLDER, expected, found, reason)
    return Finding(ProbeVerdict.OTHER, expected, found, f"It presents another certificate, SHA-256 {found}.")


def unreachable(expected: Certificate, reason: str) -> Finding:
    """No handshake."""
    return Finding(ProbeVerdict.UNREACHABLE, expected, None, _cut(reason))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"
