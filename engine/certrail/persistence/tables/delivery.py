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
    of that plugin: another one that takes the plugin's name later is not given the configuration.
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
    the batch in which an attempt is under way.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("sync_id", "lineage_id"),
        UniqueConstraint("sync_id", "object_name"),
        Index("ix_delivery_pending", "id", **only_where(PENDING)),
        Index("ix_delivery_unsuccessful", "last_transition_at", "id", **only_where(UNSUCCESSFUL)),
    )

    sync_id: str = Field(foreign_key="sync.id", max_length=40)
    lineage_id: str = Field(foreign_key="lineage.id", index=True, max_length=40)
    object_name: str = Field(max_length=512)
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
