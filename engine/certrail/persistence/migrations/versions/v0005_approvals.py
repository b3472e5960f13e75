"""Approval policies, running approvals, votes and questions."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seen_callback",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "approval_policy",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("request_ttl_seconds", sa.Integer(), nullable=True),
        sa.Column("reminder_seconds", sa.Integer(), nullable=True),
        sa.Column("allow_self_approval", sa.Boolean(), nullable=False),
        sa.Column("bypass_machine_identities", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("application_id", "slug"),
    )
    op.create_table(
        "approval_policy_profile",
        sa.Column("policy_id", sa.String(length=40), nullable=False),
        sa.Column("profile_id", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["approval_policy.id"],
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["certificate_profile.id"],
        ),
        sa.PrimaryKeyConstraint("policy_id", "profile_id"),
        sa.UniqueConstraint("scope", "profile_id"),
    )
    op.create_table(
        "approval_request",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("certificate_request_id", sa.String(length=40), nullable=False),
        sa.Column("policy_id", sa.String(length=40), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("requester_id", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("current_step", sa.Integer(), nullable=False),
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
            ["certificate_request_id"],
            ["certificate_request.id"],
        ),
        sa.ForeignKeyConstraint(
            ["requester_id"],
            ["principal.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("certificate_request_id"),
    )
    op.create_index(
        op.f("ix_approval_request_application_id"), "approval_request", ["application_id"], unique=False
    )
    op.create_index("ix_approval_request_status", "approval_request", ["status", "created_at"], unique=False)
    op.create_table(
        "question_copy",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("approval_request_id", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=256), nullable=True),
        sa.Column("intent_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
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
        "question_token",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("copy_id", sa.String(length=40), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["copy_id"],
            ["question_copy.id"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(op.f("ix_question_token_copy_id"), "question_token", ["copy_id"], unique=False)
    op.create_table(
        "token_use",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=160), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_hash"],
            ["question_token.token_hash"],
        ),
        sa.PrimaryKeyConstraint("token_hash", "sender"),
    )


def downgrade() -> None:
    op.drop_table("token_use")
    op.drop_index(op.f("ix_question_token_copy_id"), table_name="question_token")
    op.drop_table("question_token")
    op.drop_table("vote")
    op.drop_table("question_copy")
    op.drop_index("ix_approval_request_status", table_name="approval_request")
    op.drop_index(op.f("ix_approval_request_application_id"), table_name="approval_request")
    op.drop_table("approval_request")
    op.drop_table("approval_policy_profile")
    op.drop_table("approval_policy")
    op.drop_table("seen_callback")
