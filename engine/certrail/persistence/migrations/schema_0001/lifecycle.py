"""The tables of the room `lifecycle`."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime


def create() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "revocation_request",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("certificate_id", sa.String(length=40), nullable=False),
        sa.Column("requester_id", sa.String(length=40), nullable=False),
        sa.Column("revocation_reason", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["certificate.id"],
        ),
        sa.ForeignKeyConstraint(
            ["requester_id"],
            ["principal.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_revocation_request_certificate_id"), "revocation_request", ["certificate_id"], unique=False
    )
    op.create_index(
        "ix_revocation_request_list",
        "revocation_request",
        ["application_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_revocation_request_open",
        "revocation_request",
        ["certificate_id"],
        unique=True,
        sqlite_where=sa.text("status in ('pending_approval', 'approved')"),
        postgresql_where=sa.text("status in ('pending_approval', 'approved')"),
    )
    op.create_index(
        "ix_revocation_request_running",
        "revocation_request",
        ["id"],
        unique=False,
        sqlite_where=sa.text("status in ('pending_approval', 'approved')"),
        postgresql_where=sa.text("status in ('pending_approval', 'approved')"),
    )
