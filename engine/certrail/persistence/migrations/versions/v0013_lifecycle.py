"""Renewal by the clock, approvals that stand for a series of renewals, and revocation."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

DUE = "renew_at is not null"
REVOKED = "revoked_at is not null"


def upgrade() -> None:
    op.add_column("lineage", sa.Column("renew_at", UtcDateTime(), nullable=True))
    op.add_column("lineage", sa.Column("auto_renew", sa.Boolean(), nullable=True))
    op.add_column("lineage", sa.Column("renewal", sa.JSON(), nullable=True))
    op.create_index(
        "ix_lineage_due",
        "lineage",
        ["renew_at", "id"],
        sqlite_where=sa.text(DUE),
        postgresql_where=sa.text(DUE),
    )
    op.add_column("certificate_authority", sa.Column("renewals_per_minute", sa.Integer(), nullable=True))
    op.add_column("certificate_authority", sa.Column("next_slot_at", UtcDateTime(), nullable=True))
    op.add_column("approval_policy", sa.Column("standing", sa.JSON(), nullable=True))
    op.add_column(
        "certificate_request", sa.Column("standing_approval_id", sa.String(length=40), nullable=True)
    )
    op.create_index(
        op.f("ix_certificate_request_standing_approval_id"), "certificate_request", ["standing_approval_id"]
    )
    op.add_column("certificate", sa.Column("revoked_at", UtcDateTime(), nullable=True))
    op.add_column("certificate", sa.Column("revocation_reason", sa.String(length=32), nullable=True))
    op.create_index(
        "ix_certificate_revoked",
        "certificate",
        ["ca_certificate_id", "revoked_at"],
        sqlite_where=sa.text(REVOKED),
        postgresql_where=sa.text(REVOKED),
    )
    op.create_table(
        "crl",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ca_id", sa.String(length=40), nullable=False),
        sa.Column("spki", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("this_update", UtcDateTime(), nullable=False),
        sa.Column("next_update", UtcDateTime(), nullable=False),
        sa.Column("refresh_at", UtcDateTime(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("pem", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["ca_id"], ["certificate_authority.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ca_id", "spki"),
    )
    op.create_index(op.f("ix_crl_refresh_at"), "crl", ["refresh_at"])
    op.create_table(
        "ocsp_signer",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ca_id", sa.String(length=40), nullable=False),
        sa.Column("spki", sa.String(length=64), nullable=False),
        sa.Column("pem", sa.String(), nullable=False),
        sa.Column("key_sealed", sa.String(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["ca_id"], ["certificate_authority.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ocsp_signer", "ocsp_signer", ["ca_id", "spki", "not_after"])
