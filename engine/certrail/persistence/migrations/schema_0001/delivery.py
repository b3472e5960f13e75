"""The tables of the room `delivery`."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime


def create() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "sync",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("distribution", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(length=40), nullable=True),
        sa.Column("config_sealed", sa.String(), nullable=False),
        sa.Column("config_revision", sa.Integer(), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("name_schema", sa.String(length=256), nullable=False),
        sa.Column("name_pattern", sa.String(), nullable=False),
        sa.Column("name_length", sa.Integer(), nullable=False),
        sa.Column("include_root", sa.Boolean(), nullable=False),
        sa.Column("keep_identity", sa.Boolean(), nullable=False),
        sa.Column("auto", sa.Boolean(), nullable=False),
        sa.Column("prune", sa.Boolean(), nullable=False),
        sa.Column("prune_grace_seconds", sa.Integer(), nullable=False),
        sa.Column("deletion_requested", sa.Boolean(), nullable=False),
        sa.Column("probes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connection.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("application_id", "slug"),
    )
    op.create_index(op.f("ix_sync_connection_id"), "sync", ["connection_id"], unique=False)
    op.create_table(
        "previous_target",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sync_id", sa.String(length=40), nullable=False),
        sa.Column("connection_id", sa.String(length=40), nullable=True),
        sa.Column("config_sealed", sa.String(), nullable=False),
        sa.Column("config_revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connection.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sync_id"],
            ["sync.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_previous_target_connection_id"), "previous_target", ["connection_id"], unique=False
    )
    op.create_index(op.f("ix_previous_target_sync_id"), "previous_target", ["sync_id"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("intent_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.JSON(), nullable=True),
        sa.Column("next_try_at", UtcDateTime(), nullable=True),
        sa.Column("receipt", sa.JSON(), nullable=True),
        sa.Column("sync_id", sa.String(length=40), nullable=False),
        sa.Column("lineage_id", sa.String(length=40), nullable=False),
        sa.Column("object_name", sa.String(length=512), nullable=False),
        sa.Column("name_taken", sa.Boolean(), nullable=False),
        sa.Column("last_transition_at", UtcDateTime(), nullable=True),
        sa.Column("desired_certificate_id", sa.String(length=40), nullable=False),
        sa.Column("delivered_certificate_id", sa.String(length=40), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("observed_generation", sa.Integer(), nullable=False),
        sa.Column("desired_at", UtcDateTime(), nullable=True),
        sa.Column("slot_at", UtcDateTime(), nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.Column("verified_at", UtcDateTime(), nullable=True),
        sa.Column("previous_target_id", sa.String(length=80), nullable=True),
        sa.Column("batch_id", sa.String(length=80), nullable=True),
        sa.Column("observed", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["desired_certificate_id"],
            ["certificate.id"],
        ),
        sa.ForeignKeyConstraint(
            ["lineage_id"],
            ["lineage.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sync_id"],
            ["sync.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sync_id", "lineage_id"),
    )
    op.create_index(op.f("ix_delivery_lineage_id"), "delivery", ["lineage_id"], unique=False)
    op.create_index(
        "ix_delivery_name",
        "delivery",
        ["sync_id", "object_name"],
        unique=True,
        sqlite_where=sa.text("not name_taken"),
        postgresql_where=sa.text("not name_taken"),
    )
    op.create_index(
        "ix_delivery_pending",
        "delivery",
        ["id"],
        unique=False,
        sqlite_where=sa.text("observed_generation <> generation and status not in ('failed', 'removed')"),
        postgresql_where=sa.text("observed_generation <> generation and status not in ('failed', 'removed')"),
    )
    op.create_index(
        "ix_delivery_unsuccessful",
        "delivery",
        ["last_transition_at", "id"],
        unique=False,
        sqlite_where=sa.text("status in ('retrying', 'failed')"),
        postgresql_where=sa.text("status in ('retrying', 'failed')"),
    )
    op.create_table(
        "retirement",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("intent_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.JSON(), nullable=True),
        sa.Column("next_try_at", UtcDateTime(), nullable=True),
        sa.Column("receipt", sa.JSON(), nullable=True),
        sa.Column("delivery_id", sa.String(length=80), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("object_receipt", sa.JSON(), nullable=False),
        sa.Column("certificate_id", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("remove_at", UtcDateTime(), nullable=False),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.Column("previous_target_id", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["delivery.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_retirement_delivery_id"), "retirement", ["delivery_id"], unique=False)
    op.create_index(
        "ix_retirement_due",
        "retirement",
        ["remove_at", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        "ix_retirement_removing",
        "retirement",
        ["id"],
        unique=False,
        sqlite_where=sa.text("status = 'due'"),
        postgresql_where=sa.text("status = 'due'"),
    )
    op.create_table(
        "probe",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("lineage_id", sa.String(length=40), nullable=False),
        sa.Column("delivery_id", sa.String(length=80), nullable=True),
        sa.Column("principal_id", sa.String(length=80), nullable=True),
        sa.Column("certificate_id", sa.String(length=40), nullable=False),
        sa.Column("protocol", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("server_name", sa.String(length=253), nullable=False),
        sa.Column("grace_seconds", sa.Integer(), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("found", sa.String(length=64), nullable=True),
        sa.Column("served_certificate_id", sa.String(length=40), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("look", sa.Integer(), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=True),
        sa.Column("grace_until", UtcDateTime(), nullable=True),
        sa.Column("reported_at", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["delivery.id"],
        ),
        sa.ForeignKeyConstraint(
            ["lineage_id"],
            ["lineage.id"],
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"],
            ["principal.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("delivery_id", "protocol", "host", "port", "server_name"),
        sa.UniqueConstraint("principal_id", "protocol", "host", "port", "server_name"),
    )
    op.create_index(op.f("ix_probe_lineage_id"), "probe", ["lineage_id"], unique=False)
    op.create_index(
        "ix_probe_due",
        "probe",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("due_at is not null"),
        postgresql_where=sa.text("due_at is not null"),
    )
