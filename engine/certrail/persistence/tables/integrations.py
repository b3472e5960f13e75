"""Connections, and the health of plugins."""

from datetime import datetime

from sqlalchemy import Integer
from sqlmodel import Field

from certrail.persistence.tables.base import Row, Table, json_column, timestamp
from certrail.persistence.types import UtcDateTime


class Connection(Row, table=True):
    """Credentials for an outside system, sealed; shared by syncs and channels.

    `expires_at` is what the outside system was said to accept them until; `last_warning_threshold` how long before that
    somebody was told last. `config_revisions` has the revision of each plugin that takes such connections.
    `max_per_minute` is how many deliveries and removals it bears, `next_slot_at` when the next one has its turn.
    """

    __tablename__ = "connection"

    slug: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=128)
    type: str = Field(max_length=64)
    config_sealed: str
    config_revisions: dict[str, int] = json_column()
    expires_at: datetime | None = timestamp()
    last_warning_threshold: int | None = None
    max_per_minute: int | None = None
    next_slot_at: datetime | None = timestamp()


class PluginHealthIssue(Table, table=True):
    """A plugin that could not be loaded, or is used and not installed; there is no row for one that works."""

    __tablename__ = "plugin_health_issue"

    key: str = Field(primary_key=True, max_length=80)
    since: datetime = Field(sa_type=UtcDateTime)
    reason: str


class PluginFault(Table, table=True):
    """A plugin that broke its contract in a call: the last fault, and whether it runs in a process of its own.

    A call that is not answered in time or raises what ends a process is a fault; a process that a call held, ended or
    filled is one too, and puts the plugin under quarantine.

    Attributes:
        key: kind and name of the plugin, such as ``destination-files``.
        version: of its distribution.
        verb: of the call, such as ``deliver``.
        what: what the plugin did, in words; never a text of the plugin.
        count: faults since `since`.
        quarantined_at: since when it runs in a process of its own; empty while it shares one.
        suspect: several calls were open when their process ended, and this plugin's was one of them.
    """

    __tablename__ = "plugin_fault"

    key: str = Field(primary_key=True, max_length=80)
    version: str = Field(max_length=64)
    verb: str = Field(max_length=64)
    what: str
    since: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    count: int = 1
    quarantined_at: datetime | None = timestamp()
    suspect: bool = False


class EventObserver(Table, table=True):
    """How far a plugin that observes events has been handed them: up to the event `seq` of the audit log."""

    __tablename__ = "event_observer"

    key: str = Field(primary_key=True, max_length=80)
    seq: int = Field(sa_type=Integer)
