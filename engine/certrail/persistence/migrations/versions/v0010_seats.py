"""Approvals know when their quorum went out of reach."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("approval_request", sa.Column("unreachable_step", sa.Integer(), nullable=True))
