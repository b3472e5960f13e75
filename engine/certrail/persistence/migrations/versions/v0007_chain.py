"""The chain of the record. Events from before it are chained in their order."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from certrail.domain.record import CHAINED, GENESIS, link
from certrail.persistence.types import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "record_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("seal", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("event", sa.Column("hash", sa.String(length=64), nullable=False, server_default=""))
    seq, last = _chain_present_events(op.get_bind())
    head = sa.table("record_head", *(sa.column(name) for name in ("id", "seq", "hash", "seal")))
    op.execute(head.insert().values(id=1, seq=seq, hash=last, seal=""))


def _chain_present_events(connection: sa.Connection) -> tuple[int, str]:
    """Number the events without gaps and chain them; returns the last number and hash."""
    types: dict[str, Any] = {"created_at": UtcDateTime(), "data": sa.JSON(), "seq": sa.Integer()}
    event = sa.table("event", *(sa.column(n, types.get(n, sa.String())) for n in (*CHAINED, "hash")))
    seq, last = 0, GENESIS
    for row in connection.execute(sa.select(event).order_by(event.c.seq)).mappings().all():
        seq += 1
        values = {**row, "seq": seq, "created_at": row["created_at"].isoformat()}
        last = link(last, json.loads(json.dumps({n: values[n] for n in CHAINED})))
        change = event.update().where(event.c.id == row["id"]).values(seq=seq, hash=last)
        connection.execute(change)
    return seq, last
