"""Discovers plugins by entry point, validates them, and shows why one could not be loaded."""

import inspect
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any

import pluggy

from certrail.plugins.probe import Candidate, ImportProbe
from certrail_sdk import (
    PROJECT,
    Destination,
    Hooks,
    Interactive,
    Issuer,
    Listens,
    Notifier,
    Observes,
    Plugin,
    Publishes,
    Removes,
    connection_fields,
    secret_fields,
)

log = logging.getLogger(__name__)

CAPABILITIES: Mapping[str, type] = {
    "observes": Observes,
    "removes": Removes,
    "publishes": Publishes,
    "interactive": Interactive,
    "listens": Listens,
}


@dataclass(frozen=True)
class PluginInfo:
    """What is known of one plugin, loaded or not."""

    name: str
    kind: str
    distribution: str
    version: str
    state: str
    reason: str = ""
    title: str = ""
    summary: str = ""
    connection_type: str | None = None
    capabilities: tuple[str, ...] = ()
    config_schema: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Name of the plugin among all kinds, and of its task queue."""
        return f"{self.kind}-{self.name}"


class UnknownPlugin(LookupError):
    """No loaded plugin has this name."""


class PluginRegistry:
    """All plugins of this process."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._classes: dict[tuple[str, str], type[Plugin[Any]]] = {}
        self._info: list[PluginInfo] = []
        self._refused: Mapping[tuple[str, str], str] = {}

    @classmethod
    def discover(cls, disabled: Collection[str] = (), probe: ImportProbe | None = None) -> "PluginRegistry":
        """Load every installed plugin that is not switched off by its entry-point name.

        Args:
            probe: tries each import in another process first, so that none can hang or end this one.
        """
        registry = cls()
        found = list(_entry_points())
        if probe is not None:
            enabled = [
                Candidate(d.name, d.version, point) for d, point in found if point.name not in disabled
            ]
            registry._refused = probe.refused(enabled)
        for distribution, entry_point in found:
            # Whatever order they are found in, nobody takes a name that is another entry point's own.
            others = {other.name for _, other in found} - {entry_point.name}
            registry._load(distribution, entry_point, disabled, others)
        return registry

    def register(
        self, module: object, *, distribution: str = "", version: str = "", others: Collection[str] = ()
    ) -> None:
        """Add the classes that a plugin module's hooks return.

        Args:
            others: names that belong to other plugins, loaded or not.

        Raises:
            ValueError: a class breaks the contract or its name is taken.
        """
        self._manager.register(module)
        try:
            self._manager.check_pending()
            found = [
                (kind, plugin)
                for kind, hook in _HOOKS.items()
                for plugin in _returned(self._manager, hook, module)
            ]
            for kind, plugin in found:
                _validate(kind, plugin)
                if (kind, plugin.name) in self._classes or plugin.name in others:
                    raise ValueError(f"another plugin already provides the {kind} {plugin.name!r}")
        except BaseException:
            self._manager.unregister(module)
            raise
        for kind, plugin in found:
            self._classes[kind, plugin.name] = plugin
            self._info.append(_describe(kind, plugin, distribution, version))

    def destination(self, name: str) -> type[Destination[Any]]:
        """The destination class of this name. Raises UnknownPlugin."""
        return self._find("destination", name)  # type: ignore[return-value]

    def notifier(self, name: str) -> type[Notifier[Any]]:
        """The notifier class of this name. Raises UnknownPlugin."""
        return self._find("notifier", name)  # type: ignore[return-value]

    def all(self) -> list[PluginInfo]:
        """Every plugin, also those that failed to load or are switched off."""
        return sorted(self._info, key=lambda info: (info.kind, info.name))

    def info(self, kind: str, name: str) -> PluginInfo:
        """What is known of one loaded plugin."""
        return next(i for i in self._info if (i.kind, i.name, i.state) == (kind, name, "ready"))

    def queues(self) -> list[str]:
        """One task queue per loaded plugin."""
        return [f"plugin-{info.key}" for info in self.all() if info.state == "ready"]

    def with_connection(self, connection_type: str) -> list[type[Plugin[Any]]]:
        """The plugins that take a connection of this type."""
        return [c for c in self._classes.values() if c.connection_type == connection_type]

    def broadcast(self, event: Mapping[str, Any]) -> None:
        """Tell every plugin of a committed event; a failure stays with the plugin that caused it."""
        for implementation in self._manager.hook.certrail_event.get_hookimpls():
            try:
                implementation.function(event)
            except Exception as err:
                log.error("plugin %s failed on an event: %s", implementation.plugin_name, type(err).__name__)

    def _find(self, kind: str, name: str) -> type[Plugin[Any]]:
        try:
            return self._classes[kind, name]
        except KeyError:
            broken = next((i for i in self._info if i.name == name and i.state != "ready"), None)
            why = f"it is {broken.state}: {broken.reason}" if broken else "it is not installed here"
            raise UnknownPlugin(f"The {kind} plugin {name!r} cannot be used: {why}") from None

    def _load(
        self,
        distribution: Distribution,
        entry_point: EntryPoint,
        disabled: Collection[str],
        others: Collection[str],
    ) -> None:
        name, version = distribution.name, distribution.version

        def note(state: str, reason: str) -> None:
            kind = next((k for k in _HOOKS if f"-{k}-" in name), "plugin")
            self._info.append(PluginInfo(entry_point.name, kind, name, version, state, reason))

        if entry_point.name in disabled:
            note("disabled", "switched off by CERTRAIL_DISABLED_PLUGINS")
            return
        if reason := self._refused.get((name, entry_point.name)):
            log.error("plugin %s %s cannot be loaded: %s", name, version, reason)
            note("failed", reason)
            return
        try:
            self.register(entry_point.load(), distribution=name, version=version, others=others)
        except Exception as err:
            log.error("plugin %s %s cannot be loaded: %s", name, version, err)
            note("failed", f"{type(err).__name__}: {err}")


_HOOKS = {
    "destination": "certrail_destinations",
    "notifier": "certrail_notifiers",
    "issuer": "certrail_issuers",
}
_BASES: Mapping[str, type] = {"destination": Destination, "notifier": Notifier, "issuer": Issuer}
_VERBS = {"destination": ("check", "deploy"), "notifier": ("check", "send"), "issuer": ("check", "issue")}


def _entry_points() -> Iterable[tuple[Distribution, EntryPoint]]:
    seen: set[tuple[str, str]] = set()
    for distribution, entry_point in sorted(_ours(), key=lambda each: each[0].name):
        key = (distribution.name, entry_point.name)
        if key not in seen:
            seen.add(key)
            yield distribution, entry_point


def _ours() -> Iterable[tuple[Distribution, EntryPoint]]:
    # A distribution's name is in its metadata, which is slow to parse, so it is not asked before it is needed.
    for distribution in distributions():
        for entry_point in distribution.entry_points:
            if entry_point.group == PROJECT:
                yield distribution, entry_point


def _returned(manager: pluggy.PluginManager, hook: str, module: object) -> list[type[Plugin[Any]]]:
    others = [plugin for plugin in manager.get_plugins() if plugin is not module]
    results = manager.subset_hook_caller(hook, others)()
    return [plugin for result in results for plugin in result]


def _validate(kind: str, plugin: type[Plugin[Any]]) -> None:
    if not (inspect.isclass(plugin) and issubclass(plugin, _BASES[kind])):
        raise ValueError(f"the {kind} hook returned {plugin!r}, which is not a {_BASES[kind].__name__} class")
    if not plugin.name or not plugin.title:
        raise ValueError(f"{plugin.__name__} needs a name and a title")
    base = _BASES[kind]
    if missing := [verb for verb in _VERBS[kind] if getattr(plugin, verb) is getattr(base, verb)]:
        raise ValueError(f"{plugin.__name__} does not say how to {' and '.join(missing)}")


def _describe(kind: str, plugin: type[Plugin[Any]], distribution: str, version: str) -> PluginInfo:
    schema = plugin.config_type.model_json_schema()
    schema["x-connection-fields"] = sorted(connection_fields(plugin.config_type))
    schema["x-secret-fields"] = sorted(secret_fields(plugin.config_type))
    return PluginInfo(
        name=plugin.name,
        kind=kind,
        distribution=distribution,
        version=version,
        state="ready",
        title=plugin.title,
        summary=inspect.getdoc(plugin) or "",
        connection_type=plugin.connection_type,
        capabilities=tuple(name for name, verb in CAPABILITIES.items() if _has(plugin, verb)),
        config_schema=schema,
    )


def _has(plugin: type, protocol: type) -> bool:
    verbs = [n for n, v in vars(protocol).items() if inspect.isfunction(v) and not n.startswith("_")]
    return all(callable(getattr(plugin, verb, None)) for verb in verbs)
