"""The tables of the room `enrollment`."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime


def create() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "agent",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("enrollment_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("enrolled_at", UtcDateTime(), nullable=True),
        sa.Column("principal_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["enrollment.id"],
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"],
            ["principal.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("enrollment_id", "name"),
        sa.UniqueConstraint("principal_id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index(op.f("ix_agent_expires_at"), "agent", ["expires_at"], unique=False)
    op.create_table(
        "enrollment_exchange",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("enrollment_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=40), nullable=False),
        sa.Column("transaction", sa.String(length=64), nullable=True),
        sa.Column("signer_key", sa.String(length=64), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["enrollment.id"],
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["certificate_request.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("enrollment_id", "key"),
    )
    op.create_index(
        op.f("ix_enrollment_exchange_answered_at"), "enrollment_exchange", ["answered_at"], unique=False
    )
    op.create_index(
        op.f("ix_enrollment_exchange_request_id"), "enrollment_exchange", ["request_id"], unique=False
    )
    op.create_index(
        "ix_enrollment_exchange_transaction",
        "enrollment_exchange",
        ["enrollment_id", "transaction", "created_at"],
        unique=False,
    )
    op.create_table(
        "enrollment_secret",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("enrollment_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=160), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["enrollment.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_enrollment_secret_enrollment_id"), "enrollment_secret", ["enrollment_id"], unique=False
    )
    op.create_index(
        op.f("ix_enrollment_secret_expires_at"), "enrollment_secret", ["expires_at"], unique=False
    )
    op.create_index("ix_enrollment_secret_hash", "enrollment_secret", ["hash"], unique=True)
    op.create_index(
        "ix_enrollment_secret_pending",
        "enrollment_secret",
        ["enrollment_id"],
        unique=False,
        sqlite_where=sa.text("used_at is null"),
        postgresql_where=sa.text("used_at is null"),
    )
    op.create_index(op.f("ix_enrollment_secret_used_at"), "enrollment_secret", ["used_at"], unique=False)
    op.create_table(
        "scep_ra",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("enrollment_id", sa.String(length=40), nullable=False),
        sa.Column("ca_certificate_id", sa.String(length=40), nullable=False),
        sa.Column("pem", sa.String(), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("key_sealed", sa.String(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ca_certificate_id"],
            ["ca_certificate.id"],
        ),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["enrollment.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_scep_ra", "scep_ra", ["enrollment_id", "not_after"], unique=False)
    op.create_index(op.f("ix_scep_ra_ca_certificate_id"), "scep_ra", ["ca_certificate_id"], unique=False)
