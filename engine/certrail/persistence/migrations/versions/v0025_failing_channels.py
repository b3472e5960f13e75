"""Channels know since when they fail, so that the first message that gets through can say that they work again."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("channel", sa.Column("failing_since", UtcDateTime(), nullable=True))
    op.execute(
        "UPDATE channel SET failing_since = (SELECT min(created_at) FROM notification"
        " WHERE channel_id = channel.id AND status = 'retrying')"
    )
