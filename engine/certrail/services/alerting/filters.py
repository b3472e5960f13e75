"""Alerts about some certificates only: by profile, by name and by metadata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sqlmodel import Session, col, or_, select

from certrail.domain.content import RequestContent
from certrail.domain.errors import BadInput, NotFound
from certrail.domain.patterns import like_ignoring_case
from certrail.persistence.database import cached
from certrail.persistence.tables import (
    ApprovalRequest,
    Certificate,
    CertificateProfile,
    CertificateRequest,
    EventRow,
    Lineage,
    RevocationRequest,
)
from certrail.services.catalog.profiles import find_profile
from certrail.services.inventory.selectors import names_of


@dataclass(frozen=True)
class AlertFilter:
    """Which certificates an alert is about; empty: all of its Application.

    Attributes:
        names: patterns, of which one fits the common name or a name in the SAN.
        attributes: metadata that the certificate has.
    """

    profiles: Sequence[str] = ()
    names: Sequence[str] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)

    def stored(self, session: Session) -> dict[str, Any]:
        """As it is kept: profiles by their ids, so that a new name changes nothing. Raises BadInput."""
        parts = {
            "profiles": sorted({_profile_id(session, profile) for profile in self.profiles}),
            "names": list(self.names),
            "metadata": dict(self.attributes),
        }
        return {name: part for name, part in parts.items() if part}


@dataclass(frozen=True)
class _About:
    """What an alert may ask of a certificate; `attributes` are empty where nobody can tell."""

    profile_id: str | None
    names: Sequence[str]
    attributes: Mapping[str, Any] | None


def passes(session: Session, stored: Mapping[str, Any], event: EventRow) -> bool:
    """Whether an event is about a certificate that fits; one that is about none always passes."""
    if not stored:
        return True
    about = cached(session, ("about", event.id), lambda: _about(session, event))
    if about is None:
        return True
    profiles, names = stored.get("profiles"), stored.get("names")
    return (
        (not profiles or about.profile_id in profiles)
        and (not names or any(like_ignoring_case(name, names) for name in about.names))
        and _has(about, stored.get("metadata", {}))
    )


def _about(session: Session, event: EventRow) -> _About | None:
    """The certificate that an event is about, or the one that is asked for."""
    if event.subject_type == "certificate":
        return _of_certificate(session, event.subject_id)
    if lineage := event.data.get("lineage_id"):
        present = select(Lineage.current_certificate_id).where(Lineage.id == lineage)
        return _of_certificate(session, session.exec(present).first())
    if event.subject_type == "request":
        return _of_request(session, event.subject_id)
    if event.subject_type == "approval":
        about = select(ApprovalRequest.subject_id).where(ApprovalRequest.id == event.subject_id)
        ident = session.exec(about).first()
        return _of_request(session, ident) or _of_revocation(session, ident)
    if profile := event.data.get("profile"):
        return _of_refusal(session, event, profile)
    return None


def _of_certificate(session: Session, ident: str | None) -> _About | None:
    row = session.exec(select(Certificate).where(Certificate.id == ident)).first()
    if row is None:
        return None
    return _About(row.profile_id, names_of(row), row.attributes)


def _of_revocation(session: Session, ident: str | None) -> _About | None:
    query = select(RevocationRequest.certificate_id).where(RevocationRequest.id == ident)
    return _of_certificate(session, session.exec(query).first())


def _of_request(session: Session, ident: str | None) -> _About | None:
    row = session.exec(select(CertificateRequest).where(CertificateRequest.id == ident)).first()
    if row is None:
        return None
    content = RequestContent.model_validate(row.content)
    names = chain.from_iterable(content.sans.model_dump(mode="json").values())
    return _About(row.profile_id, (content.subject.common_name or "", *names), row.attributes)


def _of_refusal(session: Session, event: EventRow, profile: str) -> _About:
    """What was refused has left no request behind: the event says all that is known."""
    named = or_(col(CertificateProfile.slug) == profile, col(CertificateProfile.id) == profile)
    ident = session.exec(select(CertificateProfile.id).where(named)).first()
    return _About(ident, (event.data.get("common_name") or "", *event.data.get("dns_names", ())), None)


def _has(about: _About, wanted: Mapping[str, str]) -> bool:
    if about.attributes is None:
        return True
    return all(about.attributes.get(name) == value for name, value in wanted.items())


def _profile_id(session: Session, reference: str) -> str:
    try:
        return find_profile(session, reference).id
    except NotFound as unknown:
        raise BadInput(f"There is no profile {reference!r}.", "filters.profiles") from unknown
