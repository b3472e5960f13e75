"""Syncs, deliveries and retirements."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from certrail.domain.states import RetirementStatus
from certrail.persistence.tables.base import Row, json_column, only_where, optional_json, timestamp
from certrail.persistence.tables.effects import EffectColumns
from certrail.persistence.types import UtcDateTime

GRACE_SECONDS = 7 * 86400
PENDING = "observed_generation <> generation and status not in ('failed', 'removed')"
"""Deliveries that are not at their desired generation, and may get there."""
UNSUCCESSFUL = "status in ('retrying', 'failed')"
"""Deliveries whose last attempt failed."""
DUE = "status = 'due'"
"""Retirements whose removal is due."""


class Sync(Row, table=True):
    """These certificates of this Application belong at that destination.

    With `prune`, objects that are no longer desired are removed after `prune_grace_seconds`. A sync with
    `deletion_requested` is deleted once all that it delivered is removed. `name_pattern` and `name_length` are what the
    destination takes as a name, for the time in which its plugin is not here. `distribution` is the Python distribution
    of that plugin: another one that takes the plugin's name later is not given the configuration. `probes` are
    values of `ProbeSettings`.
    """

    __tablename__ = "sync"
    __table_args__ = (UniqueConstraint("application_id", "slug"),)

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    slug: str = Field(max_length=64)
    name: str = Field(max_length=128)
    destination: str = Field(max_length=64)
    distribution: str
    connection_id: str | None = Field(default=None, foreign_key="connection.id", index=True, max_length=40)
    config_sealed: str
    config_revision: int = 1
    selection: dict[str, Any] = json_column()
    name_schema: str = Field(max_length=256)
    name_pattern: str
    name_length: int
    include_root: bool = False
    keep_identity: bool = True
    auto: bool = True
    prune: bool = False
    prune_grace_seconds: int = GRACE_SECONDS
    probes: list[dict[str, Any]] = json_column(list)
    deletion_requested: bool = False


class PreviousTarget(Row, table=True):
    """The target of a sync before it was retargeted: what is still there is removed by this configuration."""

    __tablename__ = "previous_target"

    sync_id: str = Field(foreign_key="sync.id", index=True, max_length=40)
    connection_id: str | None = Field(default=None, foreign_key="connection.id", index=True, max_length=40)
    config_sealed: str
    config_revision: int


class Delivery(EffectColumns, Row, table=True):
    """The state of one lineage at one sync.

    `generation` counts changes of the desired state, the last of which was at `desired_at`; `observed_generation` is
    the last one that was delivered. `slot_at` is its slot under the rate limit of the connection. `previous_target_id`
    is the target that holds the object of the receipt, if the sync was retargeted since. `batch_id` is the workflow of
    the batch in which an attempt is under way. `name_taken`: the object's name belongs to another lineage for now.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("sync_id", "lineage_id"),
        Index("ix_delivery_name", "sync_id", "object_name", unique=True, **only_where("not name_taken")),
        Index("ix_delivery_pending", "id", **only_where(PENDING)),
        Index("ix_delivery_unsuccessful", "last_transition_at", "id", **only_where(UNSUCCESSFUL)),
    )

    sync_id: str = Field(foreign_key="sync.id", max_length=40)
    lineage_id: str = Field(foreign_key="lineage.id", index=True, max_length=40)
    object_name: str = Field(max_length=512)
    name_taken: bool = False
    last_transition_at: datetime | None = timestamp()
    desired_certificate_id: str = Field(foreign_key="certificate.id", max_length=40)
    delivered_certificate_id: str | None = Field(default=None, max_length=40)
    generation: int = 0
    observed_generation: int = 0
    desired_at: datetime | None = timestamp()
    slot_at: datetime | None = timestamp()
    delivered_at: datetime | None = timestamp()
    verified_at: datetime | None = timestamp()
    previous_target_id: str | None = Field(default=None, max_length=80)
    batch_id: str | None = Field(default=None, max_length=80)
    observed: dict[str, Any] | None = optional_json()


class Retirement(EffectColumns, Row, table=True):
    """The planned removal of an object that certrail delivered. `object_receipt` names the object, `reason` says why.

    `previous_target_id` is the target that holds it, if the sync was retargeted since.
    """

    __tablename__ = "retirement"
    __table_args__ = (
        Index("ix_retirement_due", "remove_at", "id", **only_where("status = 'waiting'")),
        Index("ix_retirement_removing", "id", **only_where(DUE)),
    )

    delivery_id: str = Field(foreign_key="delivery.id", index=True, max_length=80)
    reference: str
    object_receipt: dict[str, Any] = json_column()
    certificate_id: str = Field(max_length=40)
    reason: str = Field(max_length=16)
    status: str = Field(default=RetirementStatus.WAITING, max_length=16)
    remove_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = timestamp()
    previous_target_id: str | None = Field(default=None, max_length=80)


class Probe(Row, table=True):
    """One endpoint at which a certificate is to be served: of a sync's probe, or reported by the agent of a host.

    `certificate_id` is the certificate that belonged there at the last look, `found` the fingerprint that was seen;
    `served_certificate_id` was served last. `changed_at` is when the verdict changed, `reported_at` when it was
    reported that the certificate is not served, empty once that is resolved. Until `grace_until` it is not reported.
    `due_at` is the next look, empty where the agent looks. `look` counts looks: what an older one saw is ignored.
    """

    __tablename__ = "probe"
    __table_args__ = (
        UniqueConstraint("delivery_id", "protocol", "host", "port", "server_name"),
        UniqueConstraint("principal_id", "protocol", "host", "port", "server_name"),
        Index("ix_probe_due", "due_at", "id", **only_where("due_at is not null")),
    )

    lineage_id: str = Field(foreign_key="lineage.id", index=True, max_length=40)
    delivery_id: str | None = Field(default=None, foreign_key="delivery.id", max_length=80)
    principal_id: str | None = Field(default=None, foreign_key="principal.id", max_length=80)
    certificate_id: str = Field(max_length=40)
    protocol: str = Field(max_length=16)
    host: str = Field(max_length=253)
    port: int
    server_name: str = Field(default="", max_length=253)
    grace_seconds: int = 0
    interval_seconds: int = 0
    verdict: str | None = Field(default=None, max_length=16)
    reason: str = ""
    found: str | None = Field(default=None, max_length=64)
    served_certificate_id: str | None = Field(default=None, max_length=40)
    failures: int = 0
    look: int = 0
    checked_at: datetime | None = timestamp()
    changed_at: datetime | None = timestamp()
    grace_until: datetime | None = timestamp()
    reported_at: datetime | None = timestamp()
    due_at: datetime | None = timestamp()
