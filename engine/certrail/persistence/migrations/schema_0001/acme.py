"""The tables of the room `acme`."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime


def create() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "acme_nonce",
        sa.Column("value", sa.String(length=48), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("value"),
    )
    op.create_index(op.f("ix_acme_nonce_created_at"), "acme_nonce", ["created_at"], unique=False)
    op.create_table(
        "external_account_key",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("profile_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("secret_sealed", sa.String(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["certificate_profile.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("scope", "profile_id", "name"),
    )
    op.create_index(
        op.f("ix_external_account_key_application_id"),
        "external_account_key",
        ["application_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_external_account_key_profile_id"), "external_account_key", ["profile_id"], unique=False
    )
    op.create_table(
        "acme_account",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("profile_id", sa.String(length=40), nullable=False),
        sa.Column("principal_id", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("jwk", sa.JSON(), nullable=False),
        sa.Column("thumbprint", sa.String(length=64), nullable=False),
        sa.Column("past_thumbprints", sa.JSON(), nullable=False),
        sa.Column("contacts", sa.JSON(), nullable=False),
        sa.Column("external_key_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["external_key_id"],
            ["external_account_key.id"],
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"],
            ["principal.id"],
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["certificate_profile.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("scope", "profile_id", "thumbprint"),
    )
    op.create_index(op.f("ix_acme_account_application_id"), "acme_account", ["application_id"], unique=False)
    op.create_index(op.f("ix_acme_account_profile_id"), "acme_account", ["profile_id"], unique=False)
    op.create_table(
        "acme_order_approval",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("profile_id", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("requester_id", sa.String(length=40), nullable=False),
        sa.Column("names", sa.String(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("profile_version", sa.Integer(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["acme_account.id"],
        ),
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
        "ix_acme_order_approval_account", "acme_order_approval", ["account_id", "created_at"], unique=False
    )
    op.create_index(
        op.f("ix_acme_order_approval_application_id"), "acme_order_approval", ["application_id"], unique=False
    )
    op.create_table(
        "acme_order",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("identifiers", sa.JSON(), nullable=False),
        sa.Column("names", sa.String(), nullable=False),
        sa.Column("replaces", sa.String(length=128), nullable=True),
        sa.Column("order_approval_id", sa.String(length=40), nullable=True),
        sa.Column("csr", sa.String(), nullable=True),
        sa.Column("replaces_id", sa.String(length=40), nullable=True),
        sa.Column("request_id", sa.String(length=40), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["acme_account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["order_approval_id"],
            ["acme_order_approval.id"],
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["certificate_request.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("request_id"),
    )
    op.create_index("ix_acme_order_account", "acme_order", ["account_id", "created_at"], unique=False)
    op.create_index(op.f("ix_acme_order_application_id"), "acme_order", ["application_id"], unique=False)
    op.create_index(
        op.f("ix_acme_order_order_approval_id"), "acme_order", ["order_approval_id"], unique=False
    )
    op.create_index(op.f("ix_acme_order_replaces_id"), "acme_order", ["replaces_id"], unique=False)
    op.create_index(op.f("ix_acme_order_ends_at"), "acme_order", ["ends_at"], unique=False)
    op.create_table(
        "acme_authorization",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("order_id", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("type", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("wildcard", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["acme_account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["acme_order.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_acme_authorization_account", "acme_authorization", ["account_id", "value"], unique=False
    )
    op.create_index(op.f("ix_acme_authorization_order_id"), "acme_authorization", ["order_id"], unique=False)
    op.create_table(
        "acme_challenge",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("authorization_id", sa.String(length=40), nullable=False),
        sa.Column("type", sa.String(length=24), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UtcDateTime(), nullable=True),
        sa.Column("validated_at", UtcDateTime(), nullable=True),
        sa.Column("failed_at", UtcDateTime(), nullable=True),
        sa.Column("account_url", sa.String(length=512), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["authorization_id"],
            ["acme_authorization.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_acme_challenge_authorization_id"), "acme_challenge", ["authorization_id"], unique=False
    )
    op.create_index(
        "ix_acme_challenge_validated",
        "acme_challenge",
        ["id"],
        unique=False,
        sqlite_where=sa.text("status = 'processing'"),
        postgresql_where=sa.text("status = 'processing'"),
    )
