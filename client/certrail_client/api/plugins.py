"""Calls: plugins.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of
from certrail_client.models.plugins import PluginList, PluginOut, PluginTransferIn


def list_plugins() -> PagedCall[PluginList, PluginOut]:
    """Every plugin with its version, capabilities, configuration schema and health."""
    path = path_of(PREFIX + "/plugins")
    return PagedCall("GET", path, PluginList, position="cursor")


def get_plugin(kind: str, name: str) -> Call[PluginOut]:
    """One plugin."""
    path = path_of(PREFIX + "/plugins/{kind}/{name}", kind=kind, name=name)
    return Call("GET", path, PluginOut)


def release_plugin(kind: str, name: str) -> Call[None]:
    """End the quarantine of a plugin: it shares a process with other plugins again."""
    path = path_of(PREFIX + "/plugins/{kind}/{name}/release", kind=kind, name=name)
    return Call("POST", path, type(None))


def transfer_plugin(kind: str, name: str, body: PluginTransferIn) -> Call[None]:
    """Give what uses a plugin, with its secrets, to the plugin that another distribution provides under
    its name. Servers and workers use that one once they are started again.
    """
    path = path_of(PREFIX + "/plugins/{kind}/{name}/transfer", kind=kind, name=name)
    return Call("POST", path, type(None), body=body)
