"""Retirement: what is to leave a destination, and when. Mirrors of revocation lists."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("remove", "leaving"):
        op.add_column("sync", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("sync", sa.Column("grace_seconds", sa.Integer(), nullable=False, server_default="604800"))
    op.create_table(
        "retirement",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("delivery_id", sa.String(length=80), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("receipt", sa.JSON(), nullable=False),
        sa.Column("certificate_id", sa.String(length=40), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("remove_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.JSON(), nullable=True),
        sa.Column("next_try_at", UtcDateTime(), nullable=True),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_retirement_delivery_id"), "retirement", ["delivery_id"])
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        "ix_retirement_due",
        "retirement",
        ["remove_at", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "crl_mirror",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ca_id", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("connection_id", sa.String(length=40), nullable=True),
        sa.Column("config_sealed", sa.String(), nullable=False),
        sa.Column("config_revision", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=256), nullable=True),
        sa.ForeignKeyConstraint(["ca_id"], ["certificate_authority.id"]),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ca_id", "slug"),
    )
    op.create_index(op.f("ix_crl_mirror_connection_id"), "crl_mirror", ["connection_id"])
    op.create_table(
        "crl_copy",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("mirror_id", sa.String(length=80), nullable=False),
        sa.Column("crl_id", sa.String(length=80), nullable=False),
        sa.Column("object_name", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("receipt", sa.JSON(), nullable=True),
        sa.Column("intent_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.JSON(), nullable=True),
        sa.Column("next_try_at", UtcDateTime(), nullable=True),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["mirror_id"], ["crl_mirror.id"]),
        sa.ForeignKeyConstraint(["crl_id"], ["crl.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mirror_id", "crl_id"),
    )
    op.create_index(op.f("ix_crl_copy_crl_id"), "crl_copy", ["crl_id"])
