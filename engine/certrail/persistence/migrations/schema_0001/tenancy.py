"""The tables of the room `tenancy`."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime


def create() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "application",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("description", sa.String(length=2000), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slug"),
    )
    op.create_table(
        "membership",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("principal_id", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"],
            ["principal.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("application_id", "principal_id"),
    )
    op.create_index(
        "ix_membership_outside",
        "membership",
        ["principal_id"],
        unique=True,
        sqlite_where=sa.text("application_id is null"),
        postgresql_where=sa.text("application_id is null"),
    )
    op.create_index(op.f("ix_membership_principal_id"), "membership", ["principal_id"], unique=False)
    op.create_table(
        "enrollment",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("profile_id", sa.String(length=40), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["certificate_profile.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("application_id", "profile_id", "method"),
    )
    op.create_index(
        "ix_enrollment_legacy",
        "enrollment",
        ["profile_id", "method"],
        unique=True,
        sqlite_where=sa.text("application_id is null"),
        postgresql_where=sa.text("application_id is null"),
    )
    op.create_index(op.f("ix_enrollment_profile_id"), "enrollment", ["profile_id"], unique=False)
    op.create_table(
        "saved_view",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("principal_id", sa.String(length=40), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("list", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("filter", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"],
            ["principal.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_saved_view_application_id"), "saved_view", ["application_id"], unique=False)
    op.create_index("ix_saved_view_name", "saved_view", ["principal_id", "name"], unique=False)
