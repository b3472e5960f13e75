"""What the API takes and answers: plugins.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime

from certrail_client.base import Body, Json


class PluginFaultOut(Body):
    """The last fault of a plugin in a call."""

    version: str
    """Version of the plugin then."""
    verb: str
    """Verb that was called."""
    what: str
    """What the plugin did."""
    since: datetime
    """First fault of this series."""
    last_at: datetime
    """Last fault."""
    count: int
    """Faults of this series."""
    quarantined_at: datetime | None
    """Since when the plugin runs in a process of its own; null while it shares one."""
    suspect: bool
    """Several calls were open when their process ended, and this plugin's was one of them."""


class PluginList(Body):
    """Plugins."""

    items: list[PluginOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class PluginOut(Body):
    """An installed plugin."""

    name: str
    """Name among the plugins of its kind."""
    kind: str
    """destination, notifier, issuer, or observer for one that only observes events."""
    distribution: str
    """Python distribution that brings it."""
    version: str
    """Version of the distribution."""
    state: str
    """Whether it can be used."""
    reason: str
    """Why it cannot be used."""
    title: str
    """Name for people."""
    summary: str
    """What it does, in one line."""
    connection_type: str | None
    """Type of connection that it takes."""
    capabilities: list[str]
    """What it can do beside the minimum."""
    config_schema: Json
    """JSON Schema of its configuration."""
    fault: PluginFaultOut | None
    """Its last fault in a call; null while there is none."""


class PluginTransferIn(Body):
    """Who is to have the name of a plugin."""

    distribution: str
    """Python distribution that provides a plugin of this name."""
