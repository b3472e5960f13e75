"""Checks of plugins: whether the other side takes the credentials."""

from collections.abc import Callable
from typing import Any

from certrail.services.facade import Services


async def check_plugin(services: Services, key: str, build: Callable[[], Any]) -> None:
    """Build a plugin object and call its verb `check`, in a thread of its own.

    Args:
        key: what is checked, by which checks of the same are told apart from others.

    Raises:
        CertrailError: its configuration is refused, or the plugin failed.
        PluginError: the outside system refuses it.
    """
    async with services.plugin_threads.built(key, build) as held:
        await held.call("check", held.plugin.check)
