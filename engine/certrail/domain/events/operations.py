"""Events of sweeps, plugins, the keyring and the migration of a project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from certrail.domain.events.base import Event
from certrail_sdk import Severity, Stage


class SweepEvent(Event, subject="sweep", shared=True):
    """About one item of a sweep."""


class PluginEvent(Event, subject="plugin", shared=True):
    """About one plugin."""


@dataclass(frozen=True, kw_only=True)
class SweepFailed(
    SweepEvent,
    type="sweep.failed",
    title="Work by the clock fails: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """A sweep could not handle an item; the others were handled."""

    slug: str
    message: str
    action: str


@dataclass(frozen=True, kw_only=True)
class SweepRecovered(
    SweepEvent,
    type="sweep.recovered",
    title="Work by the clock goes on: {name}",
    stage=Stage.CLOSED,
    alertable=True,
):
    """A sweep handled an item on which it failed before."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class WorkflowsRestarted(
    Event,
    type="workflows.restarted",
    title="Workflows started again after they were lost: {name}",
    subject="orchestrator",
    severity=Severity.WARNING,
    alertable=True,
    shared=True,
    product_wide=True,
):
    """Workflows that open objects need were missing in Temporal and were started again; `counts` is by kind.

    `cause` is ``store-replaced`` where Temporal's database is another one than before, ``database-restored`` where
    certrail's own is older than the workflows, else ``workflow-missing``.
    """

    slug: str
    cause: str
    counts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class SchedulesRestored(
    Event,
    type="schedules.restored",
    title="Schedules were missing and were made again: {name}",
    subject="orchestrator",
    severity=Severity.WARNING,
    alertable=True,
    shared=True,
):
    """Schedules of sweeps were missing in Temporal and were made again; `names` says which."""

    slug: str
    names: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class PluginUnhealthy(
    PluginEvent,
    type="plugin.unhealthy",
    title="A plugin cannot be used: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """A plugin failed to load, or one that is used is not installed."""

    slug: str
    message: str
    action: str


@dataclass(frozen=True, kw_only=True)
class PluginRecovered(
    PluginEvent,
    type="plugin.recovered",
    title="A plugin can be used again: {name}",
    stage=Stage.CLOSED,
    alertable=True,
):
    """A plugin that was unhealthy can be used, nothing needs it any more, or its calls cause no faults any more."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class PluginFaulted(
    PluginEvent,
    type="plugin.faulted",
    title="A plugin breaks its contract: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """A call was not answered in time, or raised what ends a process: the first fault of a series."""

    slug: str
    version: str
    verb: str
    message: str
    action: str


@dataclass(frozen=True, kw_only=True)
class PluginQuarantined(
    PluginEvent,
    type="plugin.quarantined",
    title="A plugin is quarantined: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """A plugin held, ended or filled its process, and is called in a process of its own from now on."""

    slug: str
    version: str
    verb: str
    message: str
    action: str
    suspect: bool


@dataclass(frozen=True, kw_only=True)
class PluginReleased(
    PluginEvent,
    type="plugin.released",
    title="A plugin is released: {name}",
    stage=Stage.CLOSED,
    alertable=True,
):
    """A person ended a plugin's quarantine: it shares a process with other plugins again."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class PluginTransferred(
    PluginEvent, type="plugin.transferred", title="A plugin's name changed hands: {name}"
):
    """What uses a plugin, with its secrets, was given to the plugin of another distribution."""

    slug: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class KeyringReencrypted(Event, type="keyring.reencrypted", title="Secrets re-encrypted", subject="keyring"):
    """Sealed values were encrypted anew with the keyring's present key."""

    count: int


class BackupEvent(Event, subject="backup"):
    """About one backup; its id is the SHA-256 of its manifest."""


@dataclass(frozen=True, kw_only=True)
class BackupMade(BackupEvent, type="backup.made", title="Backup made"):
    """The database was copied; it holds events up to number `events`. `with_keyring`: under a passphrase."""

    events: int
    with_keyring: bool


@dataclass(frozen=True, kw_only=True)
class BackupRestored(
    BackupEvent,
    type="backup.restored",
    title="Database restored from a backup",
    severity=Severity.WARNING,
    alertable=True,
    shared=True,
):
    """This database was filled from a backup: what happened after `made_at` is not in it."""

    made_at: datetime
    events: int


@dataclass(frozen=True, kw_only=True)
class MigrationLoaded(Event, type="migration.loaded", title="Project migrated: {name}", subject="project"):
    """A migration file was loaded; `loaded` counts by kind."""

    loaded: Mapping[str, Any]
