"""Which copies of revocation lists need a workflow, for the reconciliation."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from certrail.persistence.tables import CrlCopy, CrlMirror
from certrail.persistence.tables.authorities import UNPUBLISHED
from certrail.persistence.tables.base import where
from certrail.services.authorities.crl_mirrors import workflow_of
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.outbox import OpenObjects


def _starts(session: Session, rows: Sequence[CrlCopy]) -> Mapping[str, WorkflowStart]:
    query = select(CrlMirror).where(col(CrlMirror.id).in_({row.mirror_id for row in rows}))
    mirrors = {mirror.id: mirror for mirror in session.exec(query).all()}
    return {row.id: workflow_of(row, mirrors[row.mirror_id]) for row in rows}


def _at(destinations: Collection[str]) -> ColumnElement[bool]:
    return col(CrlCopy.mirror_id).in_(
        select(CrlMirror.id).where(col(CrlMirror.destination).in_(destinations))
    )


CRL_COPIES = OpenObjects(
    name="revocation lists at mirrors",
    flow="mirror",
    table=CrlCopy,
    condition=where(UNPUBLISHED),
    starts=_starts,
    plugin_kind="destination",
    of_plugins=_at,
)
