"""The tables of the room `issuance`."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime


def create() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "certificate_request",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("profile_id", sa.String(length=40), nullable=False),
        sa.Column("requester_id", sa.String(length=40), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("origin_by", sa.String(length=80), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("profile_version", sa.Integer(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("certificate_id", sa.String(length=40), nullable=True),
        sa.Column("renews_id", sa.String(length=40), nullable=True),
        sa.Column("same_key", sa.Boolean(), nullable=False),
        sa.Column("renewal_round", sa.Integer(), nullable=True),
        sa.Column("preapproval_id", sa.String(length=40), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["certificate_profile.id"],
        ),
        sa.ForeignKeyConstraint(
            ["requester_id"],
            ["principal.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_certificate_request_list",
        "certificate_request",
        ["application_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_certificate_request_preapproval_id"), "certificate_request", ["preapproval_id"], unique=False
    )
    op.create_index(
        op.f("ix_certificate_request_profile_id"), "certificate_request", ["profile_id"], unique=False
    )
    op.create_index(
        "ix_certificate_request_renewal",
        "certificate_request",
        ["renews_id"],
        unique=True,
        sqlite_where=sa.text("status in ('pending_approval', 'approved', 'issuing')"),
        postgresql_where=sa.text("status in ('pending_approval', 'approved', 'issuing')"),
    )
    op.create_index(
        op.f("ix_certificate_request_renews_id"), "certificate_request", ["renews_id"], unique=False
    )
    op.create_index(
        "ix_certificate_request_running",
        "certificate_request",
        ["id"],
        unique=False,
        sqlite_where=sa.text("status in ('pending_approval', 'approved', 'issuing')"),
        postgresql_where=sa.text("status in ('pending_approval', 'approved', 'issuing')"),
    )
    op.create_table(
        "remote_order",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("request_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ca_certificate_id", sa.String(length=40), nullable=False),
        sa.Column("signer", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("key_sealed", sa.String(), nullable=True),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("poll_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ca_certificate_id"],
            ["ca_certificate.id"],
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["certificate_request.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("request_id", "number"),
    )
