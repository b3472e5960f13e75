"""Selectors: which certificates a sync delivers and an alert is about.

Semantics, as in Kubernetes' label selectors: every field that is given must match, and an empty selector matches all
certificates of its scope. Within `lineages`, `profiles` and `names` one entry must match; of `metadata` every entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.domain.patterns import FoldedTexts
from certrail.domain.states import CertificateStatus
from certrail.persistence.tables import Alert, Certificate, CertificateSearchTerm, Lineage, Sync
from certrail.services.catalog.profiles import find_profile

MOST_PATTERNS = 1000
"""Of all alerts of an Application, and of all its syncs: they are compared within transactions."""
Stored = Mapping[str, Any]
"""A selector as JSON: ``lineages``, ``profiles``, ``names`` and ``metadata``, without what is empty; profiles by id."""


@dataclass(frozen=True)
class CertificateSelector:
    """What is given must match.

    Attributes:
        lineages: ids.
        profiles: slugs or ids.
        names: patterns such as ``*.example.com``, for the common name and the names in the SAN, whatever their case.
        metadata: entries that the certificate has.
    """

    lineages: Sequence[str] = ()
    profiles: Sequence[str] = ()
    names: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def stored(self, session: Session, application_id: str | None, where: str) -> dict[str, Any]:
        """As JSON; profiles by id, so that renaming one changes nothing.

        Args:
            where: the input field that errors name.

        Raises:
            BadInput: a lineage or a profile is unknown.
        """
        for ident in self.lineages:
            lineage = session.get(Lineage, ident)
            if lineage is None or lineage.application_id != application_id:
                raise BadInput(f"There is no lineage {ident!r}.", f"{where}.lineages")
        parts = {
            "lineages": list(self.lineages),
            "profiles": sorted({_profile_id(session, profile, where) for profile in self.profiles}),
            "names": list(self.names),
            "metadata": dict(self.metadata),
        }
        return {name: part for name, part in parts.items() if part}

    def stored_for(
        self, session: Session, table: type[Alert] | type[Sync], ident: str, application_id: str | None
    ) -> dict[str, Any]:
        """As JSON, for the alert or the sync with this id.

        Raises:
            BadInput: a lineage or a profile is unknown.
            Conflict: it has more patterns than those of the Application's other alerts or syncs leave.
        """
        column, where, what = (
            (Alert.filters, "filters", "alerts") if table is Alert else (Sync.selection, "selection", "syncs")
        )
        stored = self.stored(session, application_id, where)
        if not self.names:
            return stored
        of_others = select(column).where(table.application_id == application_id, table.id != ident)
        count = sum(len(one.get("names", ())) for one in (stored, *session.exec(of_others).all()))
        if count > MOST_PATTERNS:
            raise Conflict(
                f"All {what} of an Application have at most {MOST_PATTERNS} patterns for names together.",
                kind="too-many",
            )
        return stored


@dataclass(frozen=True)
class Selectable:
    """What a selector compares; `metadata` is ``None`` where it is not known, and then matches."""

    lineage_id: str | None
    profile_id: str | None
    names: Sequence[str]
    metadata: Mapping[str, Any] | None

    @cached_property
    def folded_names(self) -> FoldedTexts:
        """The names as patterns are compared with them, made once for all selectors."""
        return FoldedTexts(self.names)


def selectable(certificate: Certificate) -> Selectable:
    """A certificate, as selectors see it."""
    return Selectable(
        certificate.lineage_id, certificate.profile_id, names_of(certificate), certificate.attributes
    )


def names_of(certificate: Certificate) -> Sequence[str]:
    """The common name, if there is one, and every name in the SAN."""
    names = chain.from_iterable(certificate.names.values())
    return [*filter(None, (certificate.common_name,)), *names]


def matches(stored: Stored, what: Selectable) -> bool:
    """Whether every field that a stored selector gives matches."""
    lineages, profiles, names = (stored.get(name) for name in ("lineages", "profiles", "names"))
    return (
        (not lineages or what.lineage_id in lineages)
        and (not profiles or what.profile_id in profiles)
        and _has(what.metadata, stored.get("metadata", {}))
        and (not names or what.folded_names.fit_any(names))
    )


def selects(stored: Stored, certificate: Certificate) -> bool:
    """Whether a stored selector matches a certificate."""
    return matches(stored, selectable(certificate))


def selected(session: Session, application_id: str | None, stored: Stored) -> list[Certificate]:
    """The active current certificates that a stored selector matches, by name.

    Lineages, profiles and metadata are compared in SQL. Patterns are compared here, as SQL's LIKE folds case another
    way than patterns do; for them only the certificates that are left are read. PEM and keys are not loaded.
    """
    unread = (Certificate.pem, Certificate.chain, Certificate.root, Certificate.key_sealed)
    query = (
        select(Certificate)
        .options(*(defer(column) for column in unread))  # type: ignore[arg-type]
        .join(Lineage, col(Lineage.current_certificate_id) == col(Certificate.id))
        .where(Lineage.application_id == application_id, Certificate.status == CertificateStatus.ACTIVE)
        .order_by(col(Certificate.common_name), col(Certificate.id))
    )
    if lineages := stored.get("lineages"):
        query = query.where(col(Lineage.id).in_(lineages))
    if profiles := stored.get("profiles"):
        query = query.where(col(Certificate.profile_id).in_(profiles))
    for name, value in stored.get("metadata", {}).items():
        term = select(CertificateSearchTerm.certificate_id).where(
            CertificateSearchTerm.application_id == application_id,
            CertificateSearchTerm.kind == "metadata",
            CertificateSearchTerm.value == f"{name}={value}",
        )
        query = query.where(col(Certificate.id).in_(term))
    # A term does not tell `a=b` of the key `a` from that of the key `a=b`, so `selects` has the last word.
    return [certificate for certificate in session.exec(query).all() if selects(stored, certificate)]


def _has(metadata: Mapping[str, Any] | None, wanted: Mapping[str, str]) -> bool:
    return metadata is None or all(metadata.get(name) == value for name, value in wanted.items())


def _profile_id(session: Session, reference: str, where: str) -> str:
    try:
        return find_profile(session, reference).id
    except NotFound as unknown:
        raise BadInput(f"There is no profile {reference!r}.", f"{where}.profiles") from unknown
