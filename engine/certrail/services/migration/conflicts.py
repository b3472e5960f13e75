"""Conflicts between an export and the installation, found before anything is loaded."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from certrail.domain.errors import Conflict
from certrail.persistence import tables
from certrail.services.migration.document import NOUNS, ProjectExport

IN_CHUNK = 500
"""Fingerprints in one IN list; SQLite limits the variables of a statement."""


def refuse_conflicts(
    session: Session,
    export: ProjectExport,
    loaded_before: Collection[tuple[str, str]],
    fingerprints: Mapping[str, str],
) -> None:
    """Raise when the export would collide with objects that it did not create itself.

    Args:
        loaded_before: kind and slug of each object that an earlier run of this export created.
        fingerprints: of its certificates, SHA-256 by id.

    Raises:
        Conflict: slugs are taken (``name-taken``), or certificates belong to an Application (``imported``).
    """
    if taken := [*_taken_slugs(session, export, loaded_before), *_other_kinds(session, export)]:
        raise Conflict(
            f"These names are taken by others: {', '.join(taken)}. Rename them in the export, wherever it"
            " names them, and load it again.",
            kind="name-taken",
        )
    if owned := _owned_by_applications(session, fingerprints):
        raise Conflict(
            f"These certificates belong to Applications here: {', '.join(owned)}. Take them out of the export.",
            kind="imported",
        )


def existing(session: Session, table: type[SQLModel], slug: str, *, scoped: bool) -> Any:
    """The row with this slug, or None; `scoped` tables are searched in the legacy scope only."""
    named: Any = table
    query = select(table).where(col(named.slug) == slug)
    return session.exec(query.where(col(named.application_id).is_(None)) if scoped else query).first()


def _taken_slugs(
    session: Session, export: ProjectExport, loaded_before: Collection[tuple[str, str]]
) -> Iterable[str]:
    kinds: Sequence[tuple[str, type[SQLModel], Iterable[Any], bool]] = (
        ("ca", tables.CertificateAuthority, export.authorities, False),
        ("policy", tables.CertificatePolicy, export.policies, False),
        ("profile", tables.CertificateProfile, export.profiles, False),
        ("connection", tables.Connection, export.connections, False),
        ("channel", tables.Channel, export.channels, True),
        ("approval_policy", tables.ApprovalPolicy, export.approval_policies, True),
        ("sync", tables.Sync, export.syncs, True),
        ("alert", tables.Alert, export.alerts, True),
    )
    for kind, table, parts, scoped in kinds:
        for part in parts:
            if (kind, part.slug) not in loaded_before and existing(session, table, part.slug, scoped=scoped):
                yield f"{NOUNS.get(kind, kind)} {part.slug}"


def _other_kinds(session: Session, export: ProjectExport) -> Iterable[str]:
    """Members whose slug is that of a principal of another kind; one of the same kind is the same principal."""
    for member in export.members:
        known = existing(session, tables.Principal, member.slug, scoped=False)
        if known is not None and known.kind != member.kind:
            yield f"{member.kind} {member.slug} (a {known.kind} here)"


def _owned_by_applications(session: Session, fingerprints: Mapping[str, str]) -> list[str]:
    ids = {fingerprint: ident for ident, fingerprint in fingerprints.items()}
    wanted, found = list(ids), list[str]()
    for begin in range(0, len(wanted), IN_CHUNK):
        query = select(tables.Certificate.fingerprint).where(
            col(tables.Certificate.fingerprint).in_(wanted[begin : begin + IN_CHUNK]),
            col(tables.Certificate.application_id).is_not(None),
        )
        found += [ids[fingerprint] for fingerprint in session.exec(query)]
    return found
