"""Events, the outbox and its reconciliation, idempotency keys, failures of sweeps and heartbeats of processes."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer
from sqlmodel import Field

from certrail.persistence.tables.base import Table, json_column, timestamp
from certrail.persistence.types import UtcDateTime


class EventRow(Table, table=True):
    """An immutable fact, written in the same transaction as the change that it records.

    `seq` has no gaps and follows the commits, `hash` chains the event to the one before it, and `mac` does the same
    with a key under the keyring.
    """

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_application", "application_id", "seq"),)

    seq: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    id: str = Field(unique=True, max_length=40)
    created_at: datetime = Field(sa_type=UtcDateTime)
    type: str = Field(index=True, max_length=64)
    application_id: str | None = Field(default=None, max_length=40)
    subject_type: str = Field(max_length=32)
    subject_id: str = Field(index=True, max_length=80)
    actor_id: str | None = Field(default=None, max_length=40)
    actor_name: str = Field(default="certrail", max_length=128)
    request_id: str | None = Field(default=None, max_length=64)
    data: dict[str, Any] = json_column()
    hash: str = Field(default="", max_length=64)
    mac: str = Field(default="", max_length=64)


class AuditChainHead(Table, table=True):
    """The end of the audit chain, in the only row of its table. `seal` and `link_key_sealed` are envelopes."""

    __tablename__ = "audit_chain_head"

    id: int = Field(default=1, primary_key=True, sa_type=Integer)
    seq: int = 0
    hash: str = Field(max_length=64)
    mac: str = Field(max_length=64)
    seal: str = ""
    link_key_sealed: str = ""


class OutboxRow(Table, table=True):
    """A workflow to start or signal, committed with the change that needs it.

    `application_id`, `lineage_id` and `summary` are what the workflow is found by and called in Temporal's UI: public
    facts only. `rerun` starts one that has succeeded once more, as the database does not know of that success. Rows
    with the same `batch_key` may share one workflow.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_due", "dispatched_at", "due_at", "seq"),)

    seq: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    created_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    flow: str = Field(max_length=32)
    workflow_id: str = Field(max_length=200)
    subject_id: str = Field(max_length=80)
    plugin: str | None = Field(default=None, max_length=96)
    signal: str | None = Field(default=None, max_length=80)
    application_id: str | None = Field(default=None, max_length=40)
    lineage_id: str | None = Field(default=None, max_length=40)
    summary: str = Field(default="", max_length=200)
    rerun: bool = False
    batch_key: str | None = Field(default=None, max_length=96)
    dispatched_at: datetime | None = timestamp()
    attempts: int = 0
    last_error: str | None = None


class ReconciliationState(Table, table=True):
    """How far workflows were compared with the database, in the only row of its table.

    `identity` is that of the orchestrator's store whose workflows are known; ``restored`` after the database was
    restored from a backup, and so is older than any store. While `target`, another store, is filled,
    `position` is the last object that was started again, as ``source:id``, and `counts` says how many by kind.
    `check_position` is the same of the check for single workflows, which was last made at `checked_at`. `last_counts`
    is what the last reconciliation that found anything started again, at `last_at`.
    """

    __tablename__ = "reconciliation_state"

    id: int = Field(default=1, primary_key=True, sa_type=Integer)
    identity: str | None = Field(default=None, max_length=80)
    target: str | None = Field(default=None, max_length=80)
    position: str = Field(default="", max_length=120)
    counts: dict[str, Any] = json_column()
    filled_at: datetime | None = timestamp()
    checked_at: datetime | None = timestamp()
    check_position: str = Field(default="", max_length=120)
    last_at: datetime | None = timestamp()
    last_counts: dict[str, Any] = json_column()


class SchemaSupport(Table, table=True):
    """Which versions may work on this schema, in the only row of its table; none before the second revision.

    `oldest_revision` is the oldest whose processes may: they do not know the scripts that were applied after theirs.
    """

    __tablename__ = "schema_support"

    id: int = Field(default=1, primary_key=True, sa_type=Integer)
    oldest_revision: str = Field(max_length=32)


class IdempotencyKeyRow(Table, table=True):
    """What a create call made, found again by its key."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_age", "created_at"),)

    principal_id: str = Field(primary_key=True, foreign_key="principal.id", max_length=40)
    key: str = Field(primary_key=True, max_length=255)
    fingerprint: str = Field(max_length=64)
    created_at: datetime = Field(sa_type=UtcDateTime)
    subject_id: str = Field(max_length=80)


class ProcessHeartbeat(Table, table=True):
    """A process of certrail that ran at `seen_at`; see `certrail.services.operations.heartbeats`."""

    __tablename__ = "process_heartbeat"

    id: str = Field(primary_key=True, max_length=40)
    kind: str = Field(max_length=16)
    name: str = Field(max_length=300)
    version: str = Field(max_length=64)
    started_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class SweepFailure(Table, table=True):
    """Something that a sweep could not handle, and when that was told; there is no row once it could again."""

    __tablename__ = "sweep_failure"

    key: str = Field(primary_key=True, max_length=80)
    sweep: str = Field(index=True, max_length=40)
    reported_at: datetime = Field(sa_type=UtcDateTime)
