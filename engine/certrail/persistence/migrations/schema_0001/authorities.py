"""The tables of the room `authorities`."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime


def create() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "certificate_authority",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("parent_id", sa.String(length=40), nullable=True),
        sa.Column("subject", sa.JSON(), nullable=False),
        sa.Column("key_algorithm", sa.String(length=32), nullable=False),
        sa.Column("max_path_length", sa.Integer(), nullable=True),
        sa.Column("renewals_per_minute", sa.Integer(), nullable=True),
        sa.Column("next_slot_at", UtcDateTime(), nullable=True),
        sa.Column("next_permit_at", UtcDateTime(), nullable=True),
        sa.Column("advice", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["certificate_authority.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slug"),
    )
    op.create_table(
        "compromised_key",
        sa.Column("spki", sa.String(length=64), nullable=False),
        sa.Column("noted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("spki"),
    )
    op.create_table(
        "ca_certificate",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ca_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("spki", sa.String(length=64), nullable=False),
        sa.Column("pem", sa.String(), nullable=False),
        sa.Column("chain", sa.JSON(), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("last_warning_threshold", sa.Integer(), nullable=True),
        sa.Column("ca_certificate_id", sa.String(length=40), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("revocation_reason", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["ca_certificate_id"],
            ["ca_certificate.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ca_id"],
            ["certificate_authority.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ca_id", "version"),
    )
    op.create_index(
        op.f("ix_ca_certificate_ca_certificate_id"), "ca_certificate", ["ca_certificate_id"], unique=False
    )
    op.create_table(
        "ca_key",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ca_id", sa.String(length=40), nullable=False),
        sa.Column("algorithm", sa.String(length=32), nullable=False),
        sa.Column("spki", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("signer", sa.String(length=64), nullable=False),
        sa.Column("key_sealed", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ca_id"],
            ["certificate_authority.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ca_id", "spki"),
    )
    op.create_table(
        "crl",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ca_id", sa.String(length=40), nullable=False),
        sa.Column("spki", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("this_update", UtcDateTime(), nullable=False),
        sa.Column("next_update", UtcDateTime(), nullable=False),
        sa.Column("refresh_at", UtcDateTime(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("pem", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ca_id"],
            ["certificate_authority.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ca_id", "spki"),
    )
    op.create_index(op.f("ix_crl_refresh_at"), "crl", ["refresh_at"], unique=False)
    op.create_table(
        "crl_mirror",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ca_id", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("distribution", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(length=40), nullable=True),
        sa.Column("config_sealed", sa.String(), nullable=False),
        sa.Column("config_revision", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=256), nullable=True),
        sa.ForeignKeyConstraint(
            ["ca_id"],
            ["certificate_authority.id"],
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connection.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ca_id", "slug"),
    )
    op.create_index(op.f("ix_crl_mirror_connection_id"), "crl_mirror", ["connection_id"], unique=False)
    op.create_table(
        "ocsp_signer",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ca_id", sa.String(length=40), nullable=False),
        sa.Column("spki", sa.String(length=64), nullable=False),
        sa.Column("pem", sa.String(), nullable=False),
        sa.Column("key_sealed", sa.String(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ca_id"],
            ["certificate_authority.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ocsp_signer", "ocsp_signer", ["ca_id", "spki", "not_after"], unique=False)
    op.create_table(
        "crl_copy",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("intent_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.JSON(), nullable=True),
        sa.Column("next_try_at", UtcDateTime(), nullable=True),
        sa.Column("receipt", sa.JSON(), nullable=True),
        sa.Column("mirror_id", sa.String(length=80), nullable=False),
        sa.Column("crl_id", sa.String(length=80), nullable=False),
        sa.Column("object_name", sa.String(length=128), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["crl_id"],
            ["crl.id"],
        ),
        sa.ForeignKeyConstraint(
            ["mirror_id"],
            ["crl_mirror.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mirror_id", "crl_id"),
    )
    op.create_index(op.f("ix_crl_copy_crl_id"), "crl_copy", ["crl_id"], unique=False)
    op.create_table(
        "revocation_tombstone",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("ca_certificate_id", sa.String(length=40), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("revocation_reason", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["ca_certificate_id"],
            ["ca_certificate.id"],
        ),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_index(
        "ix_revocation_tombstone", "revocation_tombstone", ["ca_certificate_id", "serial"], unique=False
    )
