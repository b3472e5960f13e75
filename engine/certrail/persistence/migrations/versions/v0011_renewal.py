"""Requests that renew, and objects that belong to no Application: members there, and profiles of their own."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

RUNNING = "status in ('pending_approval', 'approved')"


def upgrade() -> None:
    op.add_column("certificate_request", sa.Column("renews_id", sa.String(length=40), nullable=True))
    op.add_column(
        "certificate_request",
        sa.Column("same_key", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(
        "ix_certificate_request_renewal",
        "certificate_request",
        ["renews_id"],
        unique=True,
        sqlite_where=sa.text(RUNNING),
        postgresql_where=sa.text(RUNNING),
    )
    op.create_index(op.f("ix_certificate_request_renews_id"), "certificate_request", ["renews_id"])
    op.add_column("certificate_profile", sa.Column("legacy_enrollment", sa.JSON(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        _make_membership_anew()
    else:
        op.alter_column("membership", "application_id", nullable=True)


def _make_membership_anew() -> None:
    """SQLite cannot change a column."""
    op.rename_table("membership", "membership_before")
    op.drop_index(op.f("ix_membership_principal_id"), table_name="membership_before")
    op.create_table(
        "membership",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("principal_id", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.ForeignKeyConstraint(["principal_id"], ["principal.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("application_id", "principal_id"),
    )
    names = "id, created_at, application_id, principal_id, role"
    op.execute(f"insert into membership ({names}) select {names} from membership_before")  # noqa: S608 - constants
    op.drop_table("membership_before")
    op.create_index(op.f("ix_membership_principal_id"), "membership", ["principal_id"])
