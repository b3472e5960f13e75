"""What certificates are found by, at any size of the inventory."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from certrail.persistence.terms import terms_of
from certrail.persistence.types import Bytewise, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BATCH = 1000


def upgrade() -> None:
    op.create_table(
        "certificate_term",
        sa.Column("certificate_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", Bytewise(), nullable=False),
        sa.Column("reversed", Bytewise(), nullable=True),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["certificate_id"], ["certificate.id"]),
        sa.PrimaryKeyConstraint("certificate_id", "kind", "value"),
    )
    op.create_table(
        "inventory_view",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("filter", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("application_id", "slug"),
    )
    _fill(op.get_bind())
    term = "certificate_term"
    here = ["application_id", "kind", "value", "created_at", "certificate_id"]
    op.create_index("ix_certificate_term_here", term, here)
    op.create_index("ix_certificate_term_value", term, here[1:])
    op.create_index("ix_certificate_term_reversed", term, ["kind", "reversed", "certificate_id"])
    op.create_index("ix_certificate_expiry", "certificate", ["application_id", "not_after", "id"])
    op.create_index("ix_certificate_list_all", "certificate", ["created_at", "id"])
    op.create_index("ix_certificate_expiry_all", "certificate", ["not_after", "id"])
    op.create_index(op.f("ix_certificate_ca_certificate_id"), "certificate", ["ca_certificate_id"])
    op.drop_index(op.f("ix_certificate_not_after"), table_name="certificate")
    op.drop_index(op.f("ix_certificate_common_name"), table_name="certificate")


def _fill(connection: sa.Connection) -> None:
    names = ("certificate_id", "kind", "value", "reversed", "application_id", "created_at")
    types: dict[str, Any] = {"created_at": UtcDateTime(), "names": sa.JSON(), "attributes": sa.JSON()}
    term = sa.table("certificate_term", *(sa.column(n, types.get(n, sa.String())) for n in names))
    for batch in _certificates(connection, types):
        rows = [
            {
                "certificate_id": row["id"],
                "application_id": row["application_id"],
                "created_at": row["created_at"],
                **found,
            }
            for row in batch
            for found in terms_of(row["common_name"], row["names"], row["attributes"])
        ]
        if rows:
            connection.execute(term.insert(), rows)


def _certificates(connection: sa.Connection, types: dict[str, Any]) -> Iterator[list[Any]]:
    names = ("id", "application_id", "created_at", "common_name", "names", "attributes")
    table = sa.table("certificate", *(sa.column(n, types.get(n, sa.String())) for n in names))
    last = ""
    while True:
        query = sa.select(table).where(table.c.id > last).order_by(table.c.id).limit(BATCH)
        batch = list(connection.execute(query).mappings().all())
        if not batch:
            return
        yield batch
        last = batch[-1]["id"]
