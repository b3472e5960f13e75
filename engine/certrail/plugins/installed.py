"""Entry points of the installed distributions, and to which distribution the name of a plugin belongs."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions

from certrail.plugins.bundled import BUNDLED
from certrail.plugins.contract import BASES
from certrail_sdk import PROJECT


@dataclass(frozen=True)
class Installed:
    """One entry point of a distribution.

    Attributes:
        fault: why its metadata cannot be used; empty if it can.
    """

    distribution: str
    version: str
    entry_point: EntryPoint
    fault: str = ""

    @property
    def kind(self) -> str:
        """By the name of the distribution or of the entry point; ``plugin`` where neither says it."""
        names = (self.entry_point.name, normalized(self.distribution))
        return next((k for k in BASES if names[0].startswith(f"{k}-") or f"-{k}-" in names[1]), "plugin")

    @property
    def name(self) -> str:
        """Of the entry point, without its kind."""
        return self.entry_point.name.removeprefix(f"{self.kind}-")

    @property
    def keys(self) -> frozenset[str]:
        """What it is called in a list, and the name that its distribution owns."""
        own = owned_name(self.distribution)
        return frozenset({f"{self.kind}-{self.name}", *([own] if own else ())})


def installed_plugins() -> Iterator[Installed]:
    """All of them, by distribution; of two copies on the path the first one counts, as for an import."""
    found: dict[tuple[str, str], Installed] = {}
    for distribution in distributions():
        # A distribution's name is in its metadata, which is slow to parse, so it is not asked before it is needed.
        for entry_point in distribution.entry_points:
            if entry_point.group == PROJECT:
                one = _installed(distribution, entry_point)
                found.setdefault((normalized(one.distribution), entry_point.name), one)
    return iter(sorted(found.values(), key=lambda one: (one.distribution, one.entry_point.name)))


def normalized(distribution: str) -> str:
    """The name of a distribution as two of them are compared (PyPA, name normalization)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def owned_name(distribution: str) -> str | None:
    """The key of the plugin whose name belongs to a distribution: that of ``certrail-<kind>-<name>``."""
    key = normalized(distribution).removeprefix("certrail-")
    named = f"certrail-{key}" == normalized(distribution) and key.startswith(tuple(f"{k}-" for k in BASES))
    return key if named else None


def owner_of(
    key: str, claiming: Collection[str], installed: Collection[str], used: Mapping[str, str]
) -> tuple[str, str]:
    """To which distribution the name of a plugin belongs, and why.

    Another one would be handed keys and credentials. So the name of a bundled plugin belongs to that, installed or
    not, and one that is in use to the distribution that was used first. Else it belongs to the distribution that is
    named after it, even if that fails to load, or to the first one.

    Args:
        claiming: distributions with a plugin of this name, sorted.
        installed: all distributions with plugins, loaded or not.
        used: distributions by the keys of the plugins that are in use.
    """
    if key in BUNDLED:
        return f"certrail-{key}", "which comes with certrail"
    if owner := used.get(key):
        return owner, "which is used under this name"
    named = next((name for name in installed if normalized(name) == f"certrail-{key}"), None)
    if named is not None:
        return named, "which is named after it"
    return next(iter(claiming)), "which comes first"


def _installed(distribution: Distribution, entry_point: EntryPoint) -> Installed:
    try:
        name: object = distribution.name
        version: object = distribution.version
    except Exception as error:  # metadata that cannot be parsed
        name, version = None, f"unreadable: {type(error).__name__}"
    if not (isinstance(name, str) and name):
        return Installed("", "", entry_point, "its distribution has no name: add Name to its metadata")
    if not (isinstance(version, str) and version):
        return Installed(
            name, "", entry_point, "its distribution has no version: add Version to its metadata"
        )
    return Installed(name, version, entry_point)
