"""What people call the objects that rows name by id."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, Text, cast, literal_column, null, select, union_all
from sqlmodel import SQLModel, col

from certrail.persistence.tables import ApprovalRequest, CaCertificate, Certificate, CertificateAuthority
from certrail.services.core.unit_of_work import ServiceContext

Wanted = Mapping[type[SQLModel], Iterable[str | None]]
Found = Mapping[type[SQLModel], Mapping[str, str]]


class Names:
    """Read for a whole page at once, by one statement for all tables that its rows point to."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def of(self, wanted: Wanted) -> Found:
        """The names of all rows with these ids, by table; what was deleted is left out.

        A name is the slug. That of a `CaCertificate` is the slug of its authority, that of a `Certificate` its common
        name or else its first other name, and that of an `ApprovalRequest` its own id, found by that of its subject.
        """
        tables = {table: {ident for ident in idents if ident is not None} for table, idents in wanted.items()}
        numbered = [table for table, idents in tables.items() if idents]
        found: dict[type[SQLModel], dict[str, str]] = {table: {} for table in tables}
        if not numbered:
            return found
        parts = [_part(number, table, tables[table]) for number, table in enumerate(numbered)]
        with self._context.db.read() as session:
            rows = session.execute(union_all(*parts) if len(parts) > 1 else parts[0])
            for number, ident, name, others in rows:
                found[numbered[number]][ident] = name or _first(others)
        return found


def _part(number: int, table: type[SQLModel], idents: set[str]) -> Select[Any]:
    """Number of the table, id, name, and the JSON of further names."""
    which: Any = literal_column(str(number))
    if table is CaCertificate:
        query = select(which, col(CaCertificate.id), col(CertificateAuthority.slug), null()).join(
            CertificateAuthority, col(CertificateAuthority.id) == col(CaCertificate.ca_id)
        )
        return query.where(col(CaCertificate.id).in_(idents))
    if table is Certificate:
        others = cast(col(Certificate.names), Text)
        query = select(which, col(Certificate.id), col(Certificate.common_name), others)
        return query.where(col(Certificate.id).in_(idents))
    if table is ApprovalRequest:
        query = select(which, col(ApprovalRequest.subject_id), col(ApprovalRequest.id), null())
        return query.where(col(ApprovalRequest.subject_id).in_(idents))
    named: Any = table
    return select(which, named.id, named.slug, null()).where(col(named.id).in_(idents))


def _first(others: str | None) -> str:
    names: Mapping[str, list[str]] = json.loads(others or "{}")
    return next((name for group in names.values() for name in group), "")
