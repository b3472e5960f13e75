"""Refused callbacks are counted; what is needed for a while only is found by its age."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

HAS_TOKENS = "tokens_deleted_at is null"


def upgrade() -> None:
    op.create_table(
        "refused_callback",
        sa.Column("channel_id", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("channel_id", "reason"),
    )
    op.add_column("question_copy", sa.Column("tokens_deleted_at", UtcDateTime(), nullable=True))
    op.create_index(
        "ix_question_copy_tokens",
        "question_copy",
        ["closed_at"],
        sqlite_where=sa.text(HAS_TOKENS),
        postgresql_where=sa.text(HAS_TOKENS),
    )
    for table in ("seen_callback", "idempotency_key"):
        op.create_index(f"ix_{table}_age", table, ["created_at"])
