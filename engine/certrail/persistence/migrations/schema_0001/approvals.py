"""The tables of the room `approvals`."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime


def create() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "seen_callback",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_seen_callback_age", "seen_callback", ["created_at"], unique=False)
    op.create_table(
        "approval_policy",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("guards", sa.JSON(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("request_ttl_seconds", sa.Integer(), nullable=True),
        sa.Column("reminder_seconds", sa.Integer(), nullable=True),
        sa.Column("allow_self_approval", sa.Boolean(), nullable=False),
        sa.Column("bypass_machine_identities", sa.Boolean(), nullable=False),
        sa.Column("bypass_enrollment_clients", sa.Boolean(), nullable=False),
        sa.Column("renewal_preapproval", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("application_id", "slug"),
    )
    op.create_table(
        "approval_request",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("subject_type", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=40), nullable=False),
        sa.Column("policy_id", sa.String(length=40), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("requester_id", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("current_step", sa.Integer(), nullable=False),
        sa.Column("unreachable_step", sa.Integer(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("remind_at", UtcDateTime(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("comment", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["requester_id"],
            ["principal.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subject_type", "subject_id"),
    )
    op.create_index(
        "ix_approval_request_list", "approval_request", ["application_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_approval_request_status", "approval_request", ["status", "created_at"], unique=False)
    op.create_table(
        "approval_message",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("approval_request_id", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=256), nullable=True),
        sa.Column("intent_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("tokens_deleted_at", UtcDateTime(), nullable=True),
        sa.Column("shown", sa.String(length=64), nullable=True),
        sa.Column("last_error", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["approval_request_id"],
            ["approval_request.id"],
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("approval_request_id", "round", "step", "channel_id"),
    )
    op.create_index(
        "ix_approval_message_open",
        "approval_message",
        ["id"],
        unique=False,
        sqlite_where=sa.text("closed_at is null"),
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_index(
        "ix_approval_message_tokens",
        "approval_message",
        ["closed_at"],
        unique=False,
        sqlite_where=sa.text("tokens_deleted_at is null"),
        postgresql_where=sa.text("tokens_deleted_at is null"),
    )
    op.create_table(
        "approval_policy_profile",
        sa.Column("policy_id", sa.String(length=40), nullable=False),
        sa.Column("profile_id", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["approval_policy.id"],
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["certificate_profile.id"],
        ),
        sa.PrimaryKeyConstraint("policy_id", "profile_id", "action"),
        sa.UniqueConstraint("scope", "profile_id", "action"),
    )
    op.create_table(
        "vote",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("approval_request_id", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("principal_id", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("via", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["approval_request_id"],
            ["approval_request.id"],
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"],
            ["principal.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("approval_request_id", "round", "step", "principal_id"),
    )
    op.create_table(
        "action_token",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.String(length=40), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["approval_message.id"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(op.f("ix_action_token_message_id"), "action_token", ["message_id"], unique=False)
    op.create_table(
        "action_token_use",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=160), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_hash"],
            ["action_token.token_hash"],
        ),
        sa.PrimaryKeyConstraint("token_hash", "sender"),
    )
