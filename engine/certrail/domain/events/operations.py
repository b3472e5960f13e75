"""Events of sweeps, plugins, the keyring and the migration of a project."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    """A plugin that was unhealthy can be used, or nothing needs it any more."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class KeyringReencrypted(Event, type="keyring.reencrypted", title="Secrets re-encrypted", subject="keyring"):
    """Sealed values were encrypted anew with the keyring's present key."""

    count: int


@dataclass(frozen=True, kw_only=True)
class MigrationLoaded(Event, type="migration.loaded", title="Project migrated: {name}", subject="project"):
    """A migration file was loaded; `loaded` counts by kind."""

    loaded: Mapping[str, Any]
