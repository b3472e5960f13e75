"""What a plugin object, its class and its module keep after a call."""

import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from certrail_sdk import Plugin

CONTAINERS = (dict, list, set, frozenset, bytearray)


def kept_by(plugin: Plugin[Any]) -> Mapping[str, object]:
    """Everything that could keep something of a call: attributes of the object, and what collects in class and module.

    A module that only remembers what never changes, as `functools.cache` does for a loader, is not looked into.
    """
    found = {f"self.{name}": id(value) for name, value in vars(plugin).items()}
    for where, values in _scopes(plugin):
        for name, value in values.items():
            if isinstance(value, CONTAINERS) and not name.startswith("__"):
                found[f"{where}.{name}"] = len(value)
    return found


def _scopes(plugin: Plugin[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    package = type(plugin).__module__.partition(".")[0]
    yield type(plugin).__name__, dict(vars(type(plugin)))
    if package == "certrail_sdk":
        return
    for name, module in sorted(sys.modules.items()):
        if isinstance(module, ModuleType) and (name == package or name.startswith(f"{package}.")):
            yield name, dict(vars(module))
