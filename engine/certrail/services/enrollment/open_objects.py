"""Which challenges need a workflow, for the reconciliation."""

from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, select

from certrail.persistence.tables import AcmeAuthorization, AcmeChallenge
from certrail.persistence.tables.acme import VALIDATED
from certrail.persistence.tables.base import where
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.outbox import OpenObjects
from certrail.services.enrollment.acme.authorizations import workflow_of


def _starts(session: Session, rows: Sequence[AcmeChallenge]) -> Mapping[str, WorkflowStart]:
    ids = {row.authorization_id for row in rows}
    query = select(AcmeAuthorization).where(col(AcmeAuthorization.id).in_(ids))
    known = {row.id: row for row in session.exec(query).all()}
    return {row.id: workflow_of(row, known[row.authorization_id]) for row in rows}


VALIDATIONS = OpenObjects(
    name="ACME challenges",
    flow="validation",
    table=AcmeChallenge,
    condition=where(VALIDATED),
    starts=_starts,
)
