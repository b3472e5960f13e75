"""Which requests need a workflow, for the reconciliation."""

from collections.abc import Mapping, Sequence

from sqlalchemy import and_
from sqlmodel import Session, col, select

from certrail.persistence.tables import Certificate, CertificateRequest
from certrail.persistence.tables.base import where
from certrail.persistence.tables.issuance import RUNNING
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.outbox import OpenObjects
from certrail.services.issuance.state import workflow_of


def _starts(session: Session, rows: Sequence[CertificateRequest]) -> Mapping[str, WorkflowStart]:
    wanted = {row.renews_id for row in rows if row.renews_id}
    query = select(Certificate).where(col(Certificate.id).in_(wanted))
    renewed = {row.id: row for row in session.exec(query).all()} if wanted else {}
    return {row.id: workflow_of(row, renewed.get(row.renews_id or "")) for row in rows}


_IN_ROUND = and_(
    col(CertificateRequest.renews_id).is_not(None), col(CertificateRequest.renewal_round).is_not(None)
)

REQUESTS = OpenObjects(
    name="requests",
    flow="issuance",
    table=CertificateRequest,
    condition=and_(where(RUNNING), ~_IN_ROUND),
    starts=_starts,
)
"""Requests with a workflow of their own."""

REQUESTS_IN_ROUNDS = OpenObjects(
    name="renewal requests",
    flow="renewal",
    table=CertificateRequest,
    condition=and_(where(RUNNING), _IN_ROUND),
    starts=_starts,
)
"""Requests that the workflow of a renewal round carries; the lineage may be in another round by now."""
