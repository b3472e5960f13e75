"""Which certificates of an Application a sync carries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sqlmodel import Session, col, select

from certrail.domain.errors import BadInput, NotFound
from certrail.domain.patterns import like_ignoring_case
from certrail.domain.states import CertificateStatus
from certrail.persistence.tables import Certificate, Lineage
from certrail.services.catalog.profiles import find_profile


@dataclass(frozen=True)
class Selection:
    """Named lineages, or all that pass the filter. Empty: all of the Application.

    Attributes:
        names: patterns, of which one fits the common name or a name in the SAN.
        attributes: metadata that the certificate has.
    """

    lineages: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)

    def stored(self, session: Session, application_id: str | None) -> dict[str, Any]:
        """As it is kept: profiles by their ids, so that a new name changes nothing. Raises BadInput."""
        for ident in self.lineages:
            lineage = session.get(Lineage, ident)
            if lineage is None or lineage.application_id != application_id:
                raise BadInput(f"There is no lineage {ident!r}.", "selection.lineages")
        return {
            "lineages": list(self.lineages),
            "profiles": [_profile_id(session, profile) for profile in self.profiles],
            "names": list(self.names),
            "attributes": dict(self.attributes),
        }


def names_of(certificate: Certificate) -> Sequence[str]:
    """The common name, if there is one, and every name in the SAN."""
    names = chain.from_iterable(certificate.names.values())
    return [*filter(None, (certificate.common_name,)), *names]


def selects(chosen: Mapping[str, Any], certificate: Certificate) -> bool:
    """Whether a certificate is among those that a stored selection chooses."""
    if chosen.get("lineages"):
        return certificate.lineage_id in chosen["lineages"]
    if chosen.get("profiles") and certificate.profile_id not in chosen["profiles"]:
        return False
    patterns = chosen.get("names")
    if patterns and not any(like_ignoring_case(name, patterns) for name in names_of(certificate)):
        return False
    wanted = chosen.get("attributes", {})
    return all(certificate.attributes.get(name) == value for name, value in wanted.items())


def selected(
    session: Session, application_id: str | None, chosen: Mapping[str, Any]
) -> Iterator[Certificate]:
    """The present certificates that a stored selection chooses, by name."""
    query = (
        select(Certificate)
        .join(Lineage, col(Lineage.current_certificate_id) == col(Certificate.id))
        .where(Lineage.application_id == application_id, Certificate.status == CertificateStatus.ACTIVE)
        .order_by(col(Certificate.common_name), col(Certificate.id))
    )
    if lineages := chosen.get("lineages"):
        query = query.where(col(Lineage.id).in_(lineages))
    rows = session.exec(query).all()
    return (certificate for certificate in rows if selects(chosen, certificate))


def _profile_id(session: Session, reference: str) -> str:
    try:
        return find_profile(session, reference).id
    except NotFound as unknown:
        raise BadInput(f"There is no profile {reference!r}.", "selection.profiles") from unknown
