"""Discovers plugins by entry point, checks them, and shows why one could not be loaded."""

import inspect
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pluggy

from certrail.plugins.contract import LONGEST_NAME, capabilities, check_contract
from certrail.plugins.installed import Installed, installed_plugins, normalized, owner_of
from certrail.plugins.probe import Candidate, ImportProbe
from certrail_sdk import (
    PROJECT,
    Destination,
    Hooks,
    Notifier,
    Plugin,
    connection_fields,
    secret_fields,
)

log = logging.getLogger(__name__)

READY, FAILED, DISABLED, REFUSED = "ready", "failed", "disabled", "refused"
OBSERVER = "observer"
"""Kind of a plugin that only observes events."""
UNUSABLE = (FAILED, REFUSED)
"""States in which an operator has something to mend."""


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

    @property
    def described(self) -> str:
        """The reason, with the distribution where another one has the name."""
        if self.state == REFUSED:
            return f"{self.distribution} {self.version}: {self.reason}"
        return self.reason


class UnknownPlugin(LookupError):
    """No loaded plugin has this name."""


Found = tuple[type[Plugin[Any]], PluginInfo]


@dataclass(frozen=True)
class Observer:
    """What a plugin observes events with.

    Attributes:
        key: of the first plugin of its module, or ``observer-<distribution>`` where that only observes.
        observe: called with one event; may do and raise anything.
    """

    key: str
    version: str
    observe: Callable[[Mapping[str, Any]], object]


class PluginRegistry:
    """All plugins of this process."""

    def __init__(self) -> None:
        self._manager = _manager()
        self._classes: dict[tuple[str, str], type[Plugin[Any]]] = {}
        self._info: list[PluginInfo] = []
        self._modules: dict[str, PluginInfo] = {}
        """The first plugin of every module that observes events, by pluggy's name for the module."""
        self.unknown_disabled: tuple[str, ...] = ()
        """What is to be switched off and matches no plugin."""

    @classmethod
    def discover(
        cls,
        disabled: Collection[str] = (),
        probe: ImportProbe | None = None,
        used: Mapping[str, str] = MappingProxyType({}),
    ) -> "PluginRegistry":
        """Load every installed plugin that is not switched off.

        Args:
            disabled: kinds with names, such as ``notifier-slack``.
            probe: tries each import in another process first, so that none can hang or end this one.
            used: the distributions whose plugins are in use, by kind and name: they keep these names.
        """
        registry = cls()
        points = list(installed_plugins())
        unsafe: Mapping[tuple[str, str], str] = {}
        if probe is not None:
            enabled = [point for point in points if not point.keys & set(disabled)]
            unsafe = probe.refused([Candidate(p.distribution, p.version, p.entry_point) for p in enabled])
        loaded = [
            (point, found)
            for point in points
            if (found := registry._load(point, disabled, unsafe)) is not None
        ]
        registry._admit(loaded, {point.distribution for point in points}, used)
        matched = {info.key for info in registry._info if info.state == DISABLED}
        matched |= {key for point in points for key in point.keys}
        registry.unknown_disabled = tuple(sorted(set(disabled) - matched))
        return registry

    def register(self, module: object, *, distribution: str = "", version: str = "") -> None:
        """Add the classes that a plugin module's hooks return: all of them, or nothing.

        Raises:
            ValueError: a class breaks the contract or its name is taken.
        """
        found = _examined(module, distribution, version)
        for _, info in found:
            if (info.kind, info.name) in self._classes:
                raise ValueError(f"another plugin already provides the {info.kind} {info.name!r}")
        self._add(module, found, distribution, version)

    def destination(self, name: str) -> type[Destination[Any]]:
        """The destination class of this name. Raises UnknownPlugin."""
        return self._find("destination", name)  # type: ignore[return-value]

    def notifier(self, name: str) -> type[Notifier[Any]]:
        """The notifier class of this name. Raises UnknownPlugin."""
        return self._find("notifier", name)  # type: ignore[return-value]

    def all(self) -> list[PluginInfo]:
        """Every plugin, also those that failed to load or are switched off."""
        return sorted(self._info, key=lambda info: (info.kind, info.name, info.state != READY))

    def info(self, kind: str, name: str) -> PluginInfo:
        """What is known of one loaded plugin."""
        return next(i for i in self._info if (i.kind, i.name, i.state) == (kind, name, READY))

    def queues(self) -> list[str]:
        """One task queue per loaded plugin."""
        return [f"plugin-{info.key}" for info in self.all() if info.state == READY]

    def with_connection(self, connection_type: str) -> list[type[Plugin[Any]]]:
        """The plugins that take a connection of this type."""
        return [c for c in self._classes.values() if c.connection_type == connection_type]

    def observers(self) -> Sequence[Observer]:
        """The functions that plugins observe events with."""
        return [
            Observer(info.key, info.version, implementation.function)
            for implementation in self._manager.hook.certrail_event.get_hookimpls()
            if (info := self._modules[implementation.plugin_name])
        ]

    def _find(self, kind: str, name: str) -> type[Plugin[Any]]:
        try:
            return self._classes[kind, name]
        except KeyError:
            broken = next((i for i in self._info if (i.kind, i.name) == (kind, name)), None)
            why = f"it is {broken.state}: {broken.reason}" if broken else "it is not installed here"
            raise UnknownPlugin(f"The {kind} plugin {name!r} cannot be used: {why}") from None

    def _load(
        self, point: Installed, disabled: Collection[str], unsafe: Mapping[tuple[str, str], str]
    ) -> tuple[object, Sequence[Found]] | None:
        """A module with the classes that it provides and that are not switched off; nothing is registered yet.

        Args:
            unsafe: by distribution and entry point, why an import would hurt this process.
        """
        if point.keys & set(disabled):
            self._note(point, DISABLED, "switched off by CERTRAIL_DISABLED_PLUGINS")
            return None
        if reason := unsafe.get((point.distribution, point.entry_point.name)):
            log.error("plugin %s %s cannot be loaded: %s", point.distribution, point.version, reason)
            self._note(point, FAILED, reason)
            return None
        try:
            if point.fault:
                raise ValueError(point.fault)
            module = point.entry_point.load()
            found = _examined(module, point.distribution, point.version)
        except Exception as err:
            log.error("plugin %s %s cannot be loaded: %s", point.distribution, point.version, err)
            self._note(point, FAILED, f"{type(err).__name__}: {err}")
            return None
        for _, info in found:
            if info.key in disabled:
                reason = "switched off by CERTRAIL_DISABLED_PLUGINS"
                self._info.append(
                    PluginInfo(info.name, info.kind, info.distribution, info.version, DISABLED, reason)
                )
        return module, [one for one in found if one[1].key not in disabled]

    def _admit(
        self,
        loaded: Sequence[tuple[Installed, tuple[object, Sequence[Found]]]],
        installed: Collection[str],
        used: Mapping[str, str],
    ) -> None:
        """Register each class whose distribution owns its name; the others are listed as refused."""
        claims: dict[str, list[str]] = {}
        for point, (_, found) in loaded:
            for _, info in found:
                claims.setdefault(info.key, []).append(point.distribution)
        owners = {key: owner_of(key, names, installed, used) for key, names in claims.items()}
        for point, (module, found) in loaded:
            own = normalized(point.distribution)
            admitted = [one for one in found if normalized(owners[one[1].key][0]) == own]
            for _, info in found:
                owner, why = owners[info.key]
                if normalized(owner) != own:
                    self._refuse(info, owner, why)
            # A module of which nothing is admitted hears of no events either.
            if admitted or not found:
                try:
                    self._add(module, admitted, point.distribution, point.version)
                except ValueError as err:
                    reason = f"{err}; let one entry point name each module"
                    log.error("plugin %s %s is refused: %s", point.distribution, point.version, reason)
                    self._note(point, REFUSED, reason)

    def _refuse(self, info: PluginInfo, owner: str, why: str) -> None:
        reason = f"the name of the {info.kind} {info.name!r} belongs to {owner}, {why}; give this plugin another name"
        log.error("plugin %s %s is refused: %s", info.distribution, info.version, reason)
        self._info.append(PluginInfo(info.name, info.kind, info.distribution, info.version, REFUSED, reason))

    def _add(self, module: object, found: Sequence[Found], distribution: str, version: str) -> None:
        """Raises ValueError, having added nothing, if the module or a name is registered already."""
        for _, info in found:
            if (info.kind, info.name) in self._classes:
                raise ValueError(f"the {info.kind} {info.name!r} is registered already")
        observer = None if found else _observing(distribution, version)
        if observer is not None and any(info.key == observer.key for info in self._info):
            raise ValueError(f"the observer {observer.name!r} is registered already")
        name = str(self._manager.register(module))
        for plugin, info in found:
            self._classes[info.kind, info.name] = plugin
            self._info.append(info)
        if name in {one.plugin_name for one in self._manager.hook.certrail_event.get_hookimpls()}:
            self._modules[name] = observer or found[0][1]
            if observer is not None:
                self._info.append(observer)

    def _note(self, point: Installed, state: str, reason: str) -> None:
        self._info.append(
            PluginInfo(point.name, point.kind, point.distribution, point.version, state, reason)
        )


_HOOKS = {
    "destination": "certrail_destinations",
    "notifier": "certrail_notifiers",
    "issuer": "certrail_issuers",
}


def _observing(distribution: str, version: str) -> PluginInfo:
    """A module that only observes events, which has no class with a name."""
    name = normalized(distribution)[:LONGEST_NAME]
    return PluginInfo(name, OBSERVER, distribution, version, READY, title=distribution)


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    return manager


def _examined(module: object, distribution: str, version: str) -> Sequence[Found]:
    """The classes of a module, each checked and described, without touching any registry.

    Raises:
        ValueError: one of them breaks the contract; no class of the module is used then.
    """
    manager = _manager()
    manager.register(module)
    manager.check_pending()
    found: dict[str, Found] = {}
    for kind, hook in _HOOKS.items():
        for plugin in _returned(manager, hook):
            check_contract(kind, plugin)
            info = _describe(kind, plugin, distribution, version)
            if info.key in found:
                raise ValueError(f"two classes are the {kind} {info.name!r}: give one of them another name")
            found[info.key] = plugin, info
    return list(found.values())


def _returned(manager: pluggy.PluginManager, hook: str) -> Iterator[Any]:
    for classes in getattr(manager.hook, hook)():
        if not isinstance(classes, list | tuple):
            raise ValueError(f"{hook} returned {classes!r}: return a list of classes")
        yield from classes


def _describe(kind: str, plugin: type[Plugin[Any]], distribution: str, version: str) -> PluginInfo:
    try:
        schema = plugin.config_type.model_json_schema()
    except Exception as err:
        fault = f"there is no JSON schema of {plugin.__name__}.config_type: {type(err).__name__}: {err}"
        raise ValueError(f"{fault}; use types that pydantic describes") from None
    schema["x-connection-fields"] = sorted(connection_fields(plugin.config_type))
    schema["x-secret-fields"] = sorted(secret_fields(plugin.config_type))
    return PluginInfo(
        name=plugin.name,
        kind=kind,
        distribution=distribution,
        version=version,
        state=READY,
        title=plugin.title,
        summary=inspect.getdoc(plugin) or "",
        connection_type=plugin.connection_type,
        capabilities=capabilities(kind, plugin),
        config_schema=schema,
    )
