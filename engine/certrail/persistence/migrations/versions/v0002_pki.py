"""Authorities, policies, profiles, requests, certificates and lineages."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
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
        sa.Column("key_sealed", sa.String(), nullable=False),
        sa.Column("max_path_length", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["certificate_authority.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slug"),
    )
    op.create_table(
        "certificate_policy",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slug"),
    )
    op.create_table(
        "ca_certificate",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ca_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("pem", sa.String(), nullable=False),
        sa.Column("chain", sa.JSON(), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ca_id"],
            ["certificate_authority.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ca_id", "version"),
    )
    op.create_table(
        "certificate_profile",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("issuer_type", sa.String(length=16), nullable=False),
        sa.Column("ca_id", sa.String(length=40), nullable=True),
        sa.Column("policy_id", sa.String(length=40), nullable=False),
        sa.Column("defaults", sa.JSON(), nullable=False),
        sa.Column("ttl_seconds", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ca_id"],
            ["certificate_authority.id"],
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["certificate_policy.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slug"),
    )
    op.create_table(
        "lineage",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("current_certificate_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_lineage_application_id"), "lineage", ["application_id"], unique=False)
    op.create_table(
        "application_profile",
        sa.Column("application_id", sa.String(length=40), nullable=False),
        sa.Column("profile_id", sa.String(length=40), nullable=False),
        sa.Column("api", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["certificate_profile.id"],
        ),
        sa.PrimaryKeyConstraint("application_id", "profile_id"),
    )
    op.create_index(
        op.f("ix_application_profile_profile_id"), "application_profile", ["profile_id"], unique=False
    )
    op.create_table(
        "certificate_request",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("profile_id", sa.String(length=40), nullable=False),
        sa.Column("requester_id", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("profile_version", sa.Integer(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("certificate_id", sa.String(length=40), nullable=True),
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
        op.f("ix_certificate_request_profile_id"), "certificate_request", ["profile_id"], unique=False
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
        sa.Column("key_algorithm", sa.String(length=32), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("pem", sa.String(), nullable=False),
        sa.Column("chain", sa.JSON(), nullable=False),
        sa.Column("root", sa.String(), nullable=True),
        sa.Column("key_sealed", sa.String(), nullable=True),
        sa.Column("key_shown_at", UtcDateTime(), nullable=True),
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
    op.create_index(op.f("ix_certificate_common_name"), "certificate", ["common_name"], unique=False)
    op.create_index(op.f("ix_certificate_lineage_id"), "certificate", ["lineage_id"], unique=False)
    op.create_index(
        "ix_certificate_list", "certificate", ["application_id", "created_at", "id"], unique=False
    )
    op.create_index(op.f("ix_certificate_not_after"), "certificate", ["not_after"], unique=False)
    op.create_index(op.f("ix_certificate_profile_id"), "certificate", ["profile_id"], unique=False)
    op.create_index(op.f("ix_certificate_serial"), "certificate", ["serial"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_certificate_serial"), table_name="certificate")
    op.drop_index(op.f("ix_certificate_profile_id"), table_name="certificate")
    op.drop_index(op.f("ix_certificate_not_after"), table_name="certificate")
    op.drop_index("ix_certificate_list", table_name="certificate")
    op.drop_index(op.f("ix_certificate_lineage_id"), table_name="certificate")
    op.drop_index(op.f("ix_certificate_common_name"), table_name="certificate")
    op.drop_table("certificate")
    op.drop_index(op.f("ix_certificate_request_profile_id"), table_name="certificate_request")
    op.drop_index("ix_certificate_request_list", table_name="certificate_request")
    op.drop_table("certificate_request")
    op.drop_index(op.f("ix_application_profile_profile_id"), table_name="application_profile")
    op.drop_table("application_profile")
    op.drop_index(op.f("ix_lineage_application_id"), table_name="lineage")
    op.drop_table("lineage")
    op.drop_table("certificate_profile")
    op.drop_table("ca_certificate")
    op.drop_table("certificate_policy")
    op.drop_table("certificate_authority")
