"""The schema of version 0.1, made room by room."""

import sqlalchemy as sa
from alembic import context, op

from certrail.persistence.migrations.schema_0001 import (
    access,
    acme,
    alerting,
    approvals,
    authorities,
    catalog,
    core,
    delivery,
    enrollment,
    integrations,
    inventory,
    issuance,
    lifecycle,
    tenancy,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROOMS = (
    access,
    integrations,
    authorities,
    core,
    catalog,
    tenancy,
    alerting,
    issuance,
    acme,
    approvals,
    enrollment,
    inventory,
    delivery,
    lifecycle,
)
"""In the order of their foreign keys."""


def upgrade() -> None:
    for room in ROOMS:
        room.create()
    head = sa.table(
        "audit_chain_head",
        *(sa.column(name) for name in ("id", "seq", "hash", "mac", "seal", "link_key_sealed")),
    )
    # Sealed from the start: a log that was emptied later has no seal that says so.
    op.execute(head.insert().values(**context.config.attributes["audit_head"]()))
