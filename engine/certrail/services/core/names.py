"""What people call the objects that rows name by id."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlmodel import SQLModel, col, select

from certrail.persistence.tables import CaCertificate, Certificate, CertificateAuthority
from certrail.services.core.unit_of_work import ServiceContext


class Names:
    """Slugs, read for a whole page at once: one statement a table, whatever the page holds."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def slugs(self, table: type[SQLModel], idents: Iterable[str | None]) -> Mapping[str, str]:
        """The slug of every row of these ids that exists; what was deleted is left out."""
        wanted = {ident for ident in idents if ident is not None}
        if not wanted:
            return {}
        named: Any = table
        with self._context.db.read() as session:
            rows = session.exec(select(named.id, named.slug).where(col(named.id).in_(wanted))).all()
            return dict(rows)

    def issuers(self, ca_certificates: Iterable[str | None]) -> Mapping[str, str]:
        """The slug of the authority behind each CA version."""
        wanted = {ident for ident in ca_certificates if ident is not None}
        if not wanted:
            return {}
        query = (
            select(CaCertificate.id, CertificateAuthority.slug)
            .join(CertificateAuthority, col(CertificateAuthority.id) == col(CaCertificate.ca_id))
            .where(col(CaCertificate.id).in_(wanted))
        )
        with self._context.db.read() as session:
            return dict(session.exec(query).all())

    def certificates(self, idents: Iterable[str | None]) -> Mapping[str, str]:
        """The common name of each certificate, or else its first other name."""
        wanted = {ident for ident in idents if ident is not None}
        if not wanted:
            return {}
        query = select(Certificate.id, Certificate.common_name, Certificate.names)
        with self._context.db.read() as session:
            rows = session.exec(query.where(col(Certificate.id).in_(wanted))).all()
            return {ident: common or _first(names) for ident, common, names in rows}


def _first(names: Mapping[str, list[str]]) -> str:
    return next((name for group in names.values() for name in group), "")
