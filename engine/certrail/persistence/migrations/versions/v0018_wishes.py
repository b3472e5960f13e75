"""Each wish to have a certificate at a destination has a number, and the one that was granted last is known."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

DELIVERY = sa.table(
    "delivery",
    sa.column("desired_certificate_id", sa.String),
    sa.column("delivered_certificate_id", sa.String),
    sa.column("fulfilled", sa.Integer),
)


def upgrade() -> None:
    op.add_column("delivery", sa.Column("wishes", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("delivery", sa.Column("fulfilled", sa.Integer(), nullable=False, server_default="0"))
    granted = DELIVERY.c.delivered_certificate_id == DELIVERY.c.desired_certificate_id
    op.execute(sa.update(DELIVERY).where(granted).values(fulfilled=1))
