"""Loads the entry points of a package as the registry does, and prints what it provides: a process of its own."""

import json
import sys
from importlib.metadata import EntryPoint

from certrail.plugins.registry import PluginRegistry
from certrail_sdk import PROJECT


def main(distribution: str, version: str, *points: str) -> None:
    """Print kind, name and capabilities of each plugin as JSON.

    Raises:
        ValueError: a class breaks the contract.
        ImportError, AttributeError: an entry point names nothing.
    """
    registry = PluginRegistry()
    for value in points:
        registry.register(
            EntryPoint("plugin", value, PROJECT).load(), distribution=distribution, version=version
        )
    found = [
        {"kind": info.kind, "name": info.name, "capabilities": info.capabilities} for info in registry.all()
    ]
    print(json.dumps(found))  # noqa: T201  what its caller reads


if __name__ == "__main__":
    main(*sys.argv[1:])
