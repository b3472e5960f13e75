"""Which revocation requests and renewal rounds need a workflow, for the reconciliation."""

from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, select

from certrail.persistence.tables import Certificate, Lineage, RevocationRequest
from certrail.persistence.tables.base import where
from certrail.persistence.tables.inventory import WAITING
from certrail.persistence.tables.lifecycle import OPEN
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.outbox import OpenObjects
from certrail.services.inventory.renewal_rounds import workflow_of
from certrail.services.lifecycle.revocation_subject import RevocationSubject


def _of_revocations(session: Session, rows: Sequence[RevocationRequest]) -> Mapping[str, WorkflowStart]:
    known = _certificates(session, [row.certificate_id for row in rows])
    return {row.id: RevocationSubject(row, known[row.certificate_id]).workflow() for row in rows}


def _of_rounds(session: Session, rows: Sequence[Lineage]) -> Mapping[str, WorkflowStart]:
    known = _certificates(session, [row.current_certificate_id for row in rows])
    present = ((row, known.get(row.current_certificate_id or "")) for row in rows)
    return {row.id: workflow_of(row, certificate) for row, certificate in present if certificate}


def _certificates(session: Session, ids: Sequence[str | None]) -> Mapping[str, Certificate]:
    rows = session.exec(select(Certificate).where(col(Certificate.id).in_(ids))).all()
    return {row.id: row for row in rows}


REVOCATIONS = OpenObjects(
    name="revocation requests",
    flow="revocation",
    table=RevocationRequest,
    condition=where(OPEN),
    starts=_of_revocations,
)

RENEWALS = OpenObjects(
    name="renewals",
    flow="renewal",
    table=Lineage,
    condition=where(WAITING),
    starts=_of_rounds,
)
"""Lineages whose renewal waits in a round."""
