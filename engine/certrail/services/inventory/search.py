"""Certificates as they are read: searched page by page, one by one, and the key once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, literal, tuple_, union_all
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.crypto.purposes import CERTIFICATE_KEY_PURPOSE, of_row
from certrail.domain.errors import Conflict, Forbidden, NotFound
from certrail.domain.events.inventory import CertificateKeyShown
from certrail.domain.search import CertificateFilter, CertificateSearchStatus, Position
from certrail.domain.states import CertificateStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    Application,
    CaCertificate,
    Certificate,
    CertificateAuthority,
    CertificateRequest,
    CertificateSearchTerm,
    Lineage,
)
from certrail.services.access.reach import Scopes, in_scopes
from certrail.services.authorities.signing import find_authority
from certrail.services.catalog.profiles import find_profile
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext

Query = SelectOfScalar[Certificate]
EVERYTHING = CertificateFilter()
FEW = 1000
"""Certificates that are looked up one by one, then sorted; with more the list is read until a page is full."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A present certificate that ends, and when its automatic renewal is planned.

    Attributes:
        application: slug; ``None`` in the legacy scope.
        authority: slug; ``None`` where it was issued elsewhere.
    """

    not_after: datetime
    renew_at: datetime | None
    application: str | None = None
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A certificate by its id and its common name, or else its first other name."""

    id: str
    name: str


class Inventory:
    """What there is. Every search is answered from an index, so its cost follows the page, not the inventory."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def get(self, certificate_id: str) -> Certificate:
        """One certificate. Raises NotFound."""
        with self._context.db.read() as session:
            row = session.get(Certificate, certificate_id)
            if row is None:
                raise NotFound("certificate")
            return row

    def requester_of(self, certificate_id: str) -> str | None:
        """Id of the principal that requested a certificate; ``None`` for an imported one. Raises NotFound."""
        with self._context.db.read() as session:
            row = session.get(Certificate, certificate_id)
            if row is None:
                raise NotFound("certificate")
            if row.request_id is None:
                return None
            return session.get_one(CertificateRequest, row.request_id).requester_id

    def search(
        self,
        application_id: str | None,
        wanted: CertificateFilter = EVERYTHING,
        *,
        after: Position | None = None,
        limit: int = 50,
        outside: bool = False,
    ) -> Sequence[Certificate]:
        """One page of an Application's certificates, or of all for ``None``; `after` is where the last one ended.

        Args:
            outside: of the legacy scope only, not of every Application.

        Raises:
            NotFound: the profile or the authority asked for does not exist.
        """
        with self._context.db.read() as session:
            query = page_query(session, application_id, wanted, self._context.clock(), after, outside=outside)
            return session.exec(query.limit(limit)).all()

    def search_in(self, scopes: Scopes, wanted: CertificateFilter, limit: int) -> Sequence[Certificate]:
        """The first certificates of several Applications that are found. Raises NotFound as `search` does."""
        with self._context.db.read() as session:
            query = page_query(session, None, wanted, self._context.clock(), None)
            query = query.where(in_scopes(col(Certificate.application_id), scopes))
            return session.exec(query.limit(limit)).all()

    def ending_in(
        self, scopes: Scopes, until: datetime, limit: int, authority: str | None = None
    ) -> Sequence[Ending]:
        """What ends next in several Applications before a time: present certificates, the first to end first.

        Args:
            authority: slug; of one authority only.
        """
        with self._context.db.read() as session:
            ends, planned = col(Certificate.not_after), col(Lineage.renew_at)
            query = (
                select(
                    ends,
                    func.coalesce(planned, col(Lineage.renewal_wakes_at)),
                    Application.slug,
                    CertificateAuthority.slug,
                )
                .join(Lineage, col(Lineage.current_certificate_id) == col(Certificate.id))
                .join(Application, col(Application.id) == col(Certificate.application_id), isouter=True)
                .join(
                    CaCertificate, col(CaCertificate.id) == col(Certificate.ca_certificate_id), isouter=True
                )
                .join(
                    CertificateAuthority,
                    col(CertificateAuthority.id) == col(CaCertificate.ca_id),
                    isouter=True,
                )
                .where(
                    in_scopes(col(Certificate.application_id), scopes),
                    Certificate.status == CertificateStatus.ACTIVE,
                    ends > self._context.clock(),
                    ends < until,
                )
            )
            if authority is not None:
                query = query.where(CertificateAuthority.slug == authority)
            rows = session.exec(query.order_by(ends, col(Certificate.id)).limit(limit)).all()
            return [Ending(*row) for row in rows]

    def renewing_in(
        self, scopes: Scopes, until: datetime, limit: int, authority: str | None = None
    ) -> Sequence[datetime]:
        """When renewals are planned in several Applications before a time, the next one first; some may be due.

        Args:
            authority: slug; of present certificates of one authority only.
        """
        with self._context.db.read() as session:
            planned = col(Lineage.renew_at)
            query = select(planned).where(
                in_scopes(col(Lineage.application_id), scopes), planned.is_not(None), planned < until
            )
            if authority is not None:
                query = (
                    query.join(Certificate, col(Certificate.id) == col(Lineage.current_certificate_id))
                    .join(CaCertificate, col(CaCertificate.id) == col(Certificate.ca_certificate_id))
                    .join(CertificateAuthority, col(CertificateAuthority.id) == col(CaCertificate.ca_id))
                    .where(CertificateAuthority.slug == authority)
                )
            found = session.exec(query.order_by(planned, col(Lineage.id)).limit(limit)).all()
            return [at for at in found if at is not None]

    def current_of(self, lineage_ids: Collection[str]) -> Mapping[str, Named]:
        """The present certificates of some lineages, by the id of each, as far as there are any."""
        with self._context.db.read() as session:
            query = (
                select(Lineage.id, Certificate.id, Certificate.common_name, Certificate.names)
                .join(Certificate, col(Certificate.id) == col(Lineage.current_certificate_id))
                .where(col(Lineage.id).in_(lineage_ids))
            )
            rows = session.exec(query).all() if lineage_ids else []
        return {lineage: Named(ident, common or _first_name(names)) for lineage, ident, common, names in rows}

    def issued_by(self, ca_ids: Sequence[str], most: int) -> Mapping[str, int]:
        """How many certificates each authority has signed, by its id; no further than to `most`."""
        counts = []
        for ca_id in ca_ids:
            versions = select(CaCertificate.id).where(CaCertificate.ca_id == ca_id)
            signed = select(Certificate.id).where(col(Certificate.ca_certificate_id).in_(versions))
            first = signed.limit(most).subquery()
            counts.append(select(literal(ca_id), func.count()).select_from(first))
        with self._context.db.read() as session:
            found = session.execute(union_all(*counts)).all() if counts else []
        return {str(row[0]): int(row[1]) for row in found}

    def show_key(self, actor: Actor, certificate_id: str) -> str:
        """The private key, PKCS#8 PEM, to its requester, once.

        Raises:
            Forbidden: the caller did not request it.
            Conflict: it was shown before, or certrail does not hold it.
        """
        with self._context.unit_of_work(actor) as uow:
            row = uow.session.exec(
                locked(select(Certificate).where(Certificate.id == certificate_id))
            ).first()
            if row is None:
                raise NotFound("certificate")
            request = uow.session.get(CertificateRequest, row.request_id) if row.request_id else None
            if request is None or request.requester_id != actor.principal_id:
                raise Forbidden("Only the requester is shown the private key.", kind="not-requester")
            if row.key_sealed is None:
                raise Conflict("certrail does not hold this key: the request came with a CSR.", kind="no-key")
            if row.key_shown_at is not None:
                raise Conflict(
                    f"The key was shown already, at {row.key_shown_at.isoformat()}.", kind="key-shown"
                )
            row.key_shown_at = uow.now
            uow.session.add(row)
            uow.record(CertificateKeyShown(row.id, row.application_id))
            return self._context.keyring.open(
                row.key_sealed, of_row(CERTIFICATE_KEY_PURPOSE, row.id)
            ).decode()


def _first_name(names: Mapping[str, Sequence[str]]) -> str:
    return next((name for group in names.values() for name in group), "")


def position_of(row: Certificate, wanted: CertificateFilter) -> Position:
    """Where a page that ends with this row ends."""
    return (row.not_after if wanted.by_expiry else row.created_at, row.id)


def page_query(
    session: Session,
    application_id: str | None,
    wanted: CertificateFilter,
    now: datetime,
    after: Position | None,
    *,
    outside: bool = False,
) -> Query:
    """The statement behind a page, without its limit.

    What few certificates have decides where the search begins: a serial or fingerprint, a part of a name that is rare,
    else a name or metadata entry, else the order of the list. Conditions that would lead the planner elsewhere are kept
    from its indexes.
    """
    parts = [_in_names(session, part, application_id, outside=outside) for part in _parts(wanted)]
    few = bool(wanted.serial or wanted.fingerprint) or any(part.is_rare for part in parts)
    query = select(Certificate).where(*(part.condition for part in parts))
    term = None if few else _leading_term(wanted)
    created: Any = col(Certificate.created_at)
    ident: Any = col(Certificate.id)
    if term is not None:
        query = query.join(CertificateSearchTerm, col(CertificateSearchTerm.certificate_id) == ident)
        query = query.where(
            col(CertificateSearchTerm.kind) == term[0], col(CertificateSearchTerm.value) == term[1]
        )
        created, ident = col(CertificateSearchTerm.created_at), col(CertificateSearchTerm.certificate_id)
    if application_id is not None or outside:
        owner = col(Certificate.application_id) if term is None else col(CertificateSearchTerm.application_id)
        here = func.coalesce(owner, "") == (application_id or "") if few else owner == application_id
        query = query.where(here)
    query = _conditions(session, query, wanted, now, term)
    ends: Any = col(Certificate.not_after)
    if few:
        created, ends = func.coalesce(created, None), func.coalesce(ends, None)
    if wanted.by_expiry:
        query = query.where(tuple_(ends, col(Certificate.id)) > after) if after else query
        return query.order_by(ends, col(Certificate.id))
    query = query.where(tuple_(created, ident) < after) if after else query
    return query.order_by(created.desc(), ident.desc())


@dataclass(frozen=True, slots=True)
class _InNames:
    """Certificates with a name that begins or ends so."""

    condition: ColumnElement[bool]
    is_rare: bool


def _in_names(session: Session, part: Any, application_id: str | None, *, outside: bool) -> _InNames:
    """How many have it decides how they are found: no plan is good for both, and SQLite's planner knows no numbers."""
    if application_id is not None or outside:
        # Kept from the index of an Application's terms, all of which would be read for the end of a name.
        here = func.coalesce(CertificateSearchTerm.application_id, "")
        part = part.where(here == (application_id or ""))
    ids = session.exec(part.limit(FEW + 1)).all()
    if len(ids) <= FEW:
        return _InNames(col(Certificate.id).in_(ids), is_rare=True)
    # Looked up for each certificate of the list: as IN, SQLite would collect all of them first.
    return _InNames(
        part.where(CertificateSearchTerm.certificate_id == Certificate.id).exists(), is_rare=False
    )


def _leading_term(wanted: CertificateFilter) -> tuple[str, str] | None:
    if wanted.name:
        return "name", wanted.name.lower()
    return ("metadata", wanted.metadata[0]) if wanted.metadata else None


def _conditions(
    session: Session, query: Query, wanted: CertificateFilter, now: datetime, leading: tuple[str, str] | None
) -> Query:
    if wanted.serial:
        query = query.where(Certificate.serial == wanted.serial)
    if wanted.fingerprint:
        query = query.where(Certificate.fingerprint == wanted.fingerprint)
    if wanted.lineage:
        query = query.where(Certificate.lineage_id == wanted.lineage)
    if wanted.profile:
        query = query.where(Certificate.profile_id == find_profile(session, wanted.profile).id)
    if wanted.issuer:
        ca = find_authority(session, wanted.issuer)
        versions = select(CaCertificate.id).where(CaCertificate.ca_id == ca.id)
        query = query.where(col(Certificate.ca_certificate_id).in_(versions))
    if wanted.expires_after:
        query = query.where(col(Certificate.not_after) >= wanted.expires_after)
    if wanted.expires_before:
        query = query.where(col(Certificate.not_after) < wanted.expires_before)
    query = _status(query, wanted.status, now) if wanted.status else query
    for kind, value in _other_terms(wanted, leading):
        query = query.where(col(Certificate.id).in_(_having(kind, CertificateSearchTerm.value, value)))
    return query


def _parts(wanted: CertificateFilter) -> list[Any]:
    """The certificates with each part of a name, as queries of their ids."""
    parts = [
        _beginning(CertificateSearchTerm.value, wanted.name_begins) if wanted.name_begins else None,
        _beginning(CertificateSearchTerm.reversed, wanted.name_ends[::-1]) if wanted.name_ends else None,
    ]
    return [part for part in parts if part is not None]


def _status(query: Query, status: CertificateSearchStatus, now: datetime) -> Query:
    if status is CertificateSearchStatus.EXPIRED:
        return query.where(Certificate.status == CertificateStatus.ACTIVE, col(Certificate.not_after) <= now)
    if status is CertificateSearchStatus.ACTIVE:
        return query.where(Certificate.status == CertificateStatus.ACTIVE, col(Certificate.not_after) > now)
    return query.where(Certificate.status == status)


def _other_terms(wanted: CertificateFilter, leading: tuple[str, str] | None) -> list[tuple[str, str]]:
    terms = [*([("name", wanted.name.lower())] if wanted.name else [])]
    terms += [("metadata", pair) for pair in wanted.metadata]
    return [term for term in terms if term != leading]


def _having(kind: str, column: Any, value: str) -> Any:
    return select(CertificateSearchTerm.certificate_id).where(
        CertificateSearchTerm.kind == kind, column == value
    )


def _beginning(column: Any, prefix: str) -> Any:
    """Certificates with a name that begins with this, by the range of an index: after U+10FFFF nothing comes."""
    return select(CertificateSearchTerm.certificate_id).where(
        CertificateSearchTerm.kind == "name", column >= prefix, column < prefix + "\U0010ffff"
    )
