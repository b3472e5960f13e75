"""The tables of the room `inventory`."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import BinaryCollatedString, UtcDateTime


def create() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "lineage",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("current_certificate_id", sa.String(length=40), nullable=True),
        sa.Column("renew_at", UtcDateTime(), nullable=True),
        sa.Column("auto_renew", sa.Boolean(), nullable=True),
        sa.Column("renewal_override", sa.JSON(), nullable=True),
        sa.Column("needs_replan", sa.Boolean(), nullable=False),
        sa.Column("renewal_round", sa.Integer(), nullable=False),
        sa.Column("renewal_wait", sa.String(length=16), nullable=True),
        sa.Column("renewal_wakes_at", UtcDateTime(), nullable=True),
        sa.Column("renewal_state", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_lineage_application_id"), "lineage", ["application_id"], unique=False)
    op.create_index(
        "ix_lineage_due",
        "lineage",
        ["renew_at", "id"],
        unique=False,
        sqlite_where=sa.text("renew_at is not null"),
        postgresql_where=sa.text("renew_at is not null"),
    )
    op.create_index(
        "ix_lineage_waiting",
        "lineage",
        ["id"],
        unique=False,
        sqlite_where=sa.text("renewal_wait is not null"),
        postgresql_where=sa.text("renewal_wait is not null"),
    )
    op.create_table(
        "saved_search",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("filter", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("application_id", "slug"),
    )
    op.create_table(
        "certificate",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("lineage_id", sa.String(length=40), nullable=False),
        sa.Column("request_id", sa.String(length=40), nullable=True),
        sa.Column("profile_id", sa.String(length=40), nullable=True),
        sa.Column("ca_certificate_id", sa.String(length=40), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("common_name", sa.String(length=256), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("unreadable", sa.JSON(), nullable=False),
        sa.Column("key_algorithm", sa.String(length=32), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("pem", sa.String(), nullable=False),
        sa.Column("chain", sa.JSON(), nullable=False),
        sa.Column("root", sa.String(), nullable=True),
        sa.Column("key_sealed", sa.String(), nullable=True),
        sa.Column("key_shown_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("revocation_reason", sa.String(length=32), nullable=True),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ca_certificate_id"],
            ["ca_certificate.id"],
        ),
        sa.ForeignKeyConstraint(
            ["lineage_id"],
            ["lineage.id"],
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["certificate_profile.id"],
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["certificate_request.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("fingerprint"),
        sa.UniqueConstraint("request_id"),
    )
    op.create_index(
        op.f("ix_certificate_ca_certificate_id"), "certificate", ["ca_certificate_id"], unique=False
    )
    op.create_index(
        "ix_certificate_expiry", "certificate", ["application_id", "not_after", "id"], unique=False
    )
    op.create_index("ix_certificate_expiry_all", "certificate", ["not_after", "id"], unique=False)
    op.create_index(op.f("ix_certificate_lineage_id"), "certificate", ["lineage_id"], unique=False)
    op.create_index(
        "ix_certificate_list", "certificate", ["application_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_certificate_list_all", "certificate", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_certificate_profile_id"), "certificate", ["profile_id"], unique=False)
    op.create_index(
        "ix_certificate_revoked",
        "certificate",
        ["ca_certificate_id", "revoked_at"],
        unique=False,
        sqlite_where=sa.text("revoked_at is not null"),
        postgresql_where=sa.text("revoked_at is not null"),
    )
    op.create_index(op.f("ix_certificate_serial"), "certificate", ["serial"], unique=False)
    op.create_table(
        "certificate_search_term",
        sa.Column("certificate_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", BinaryCollatedString(), nullable=False),
        sa.Column("reversed", BinaryCollatedString(), nullable=True),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["certificate.id"],
        ),
        sa.PrimaryKeyConstraint("certificate_id", "kind", "value"),
    )
    op.create_index(
        "ix_certificate_search_term_here",
        "certificate_search_term",
        ["application_id", "kind", "value", "created_at", "certificate_id"],
        unique=False,
    )
    op.create_index(
        "ix_certificate_search_term_reversed",
        "certificate_search_term",
        ["kind", "reversed", "certificate_id"],
        unique=False,
    )
    op.create_index(
        "ix_certificate_search_term_value",
        "certificate_search_term",
        ["kind", "value", "created_at", "certificate_id"],
        unique=False,
    )
