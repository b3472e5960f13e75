"""Connections and plugins."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from certrail.domain.timestamps import Timestamp
from certrail_server.api.schemas.base import (
    Id,
    In,
    Listing,
    Name,
    Out,
    Patch,
    Reference,
    Settings,
    Slug,
    absent,
    examples,
)

PerMinute = Annotated[int, Field(ge=1, le=100_000)]


class ConnectionIn(In):
    """Credentials of an outside system to store."""

    model_config = examples(
        {
            "slug": "audit",
            "name": "Audit receiver",
            "type": "webhook",
            "config": {
                "url": "https://audit.example.com/events",
                "signing_secret": "at-least-eight-characters",
            },
            "expires_at": "2099-12-31T00:00:00Z",
            "max_per_minute": 60,
        }
    )

    slug: Slug = Field(description="Unique name.")
    name: Name = Field(description="Name for people.")
    type: Reference = Field(description="Type of connection, as plugins name it at `/plugins`.")
    config: Settings = Field(description="Address and credentials, by the schema of the type.")
    expires_at: Timestamp | None = Field(default=None, description="Until when they are accepted, if known.")
    max_per_minute: PerMinute | None = Field(
        default=None, description="Rate limit of deliveries and removals; null for any number."
    )


class ConnectionChangeIn(Patch):
    """What to change of a connection; a masked value in the configuration is kept."""

    model_config = examples(
        {
            "config": {"url": "https://events.example.com/certrail", "signing_secret": "**********"},
            "expires_at": "2099-12-31T00:00:00Z",
            "max_per_minute": 30,
        },
        {"expires_at": None, "max_per_minute": None},
    )

    config: Settings = absent("Replaces address and credentials as a whole.")
    expires_at: Timestamp | None = Field(default=None, description="Until when; null for unknown.")
    max_per_minute: PerMinute | None = Field(default=None, description="Rate limit; null for any number.")


class ConnectionOut(Out):
    """Credentials of an outside system, masked."""

    id: Id = Field(description="Id of the connection.")
    created_at: datetime = Field(description="When it was created.")
    slug: str = Field(description="Unique name.")
    name: str = Field(description="Name for people.")
    type: str = Field(description="Type of connection.")
    config: dict[str, Any] = Field(description="Address and credentials, the secrets masked.")
    expires_at: datetime | None = Field(description="Until when they are accepted, if known.")
    max_per_minute: int | None = Field(description="Rate limit; null for any number.")


class ConnectionList(Listing[ConnectionOut]):
    """Connections, by slug."""


class PluginFaultOut(Out):
    """The last fault of a plugin in a call."""

    version: str = Field(description="Version of the plugin then.")
    verb: str = Field(description="Verb that was called.")
    what: str = Field(description="What the plugin did.")
    since: datetime = Field(description="First fault of this series.")
    last_at: datetime = Field(description="Last fault.")
    count: int = Field(description="Faults of this series.")
    quarantined_at: datetime | None = Field(
        description="Since when the plugin runs in a process of its own; null while it shares one."
    )
    suspect: bool = Field(
        description="Several calls were open when their process ended, and this plugin's was one of them."
    )


class PluginOut(Out):
    """An installed plugin."""

    name: str = Field(description="Name among the plugins of its kind.")
    kind: str = Field(
        description="destination, notifier, issuer, or observer for one that only observes events."
    )
    distribution: str = Field(description="Python distribution that brings it.")
    version: str = Field(description="Version of the distribution.")
    state: str = Field(description="Whether it can be used.")
    reason: str = Field(description="Why it cannot be used.")
    title: str = Field(description="Name for people.")
    summary: str = Field(description="What it does, in one line.")
    connection_type: str | None = Field(description="Type of connection that it takes.")
    capabilities: list[str] = Field(description="What it can do beside the minimum.")
    config_schema: dict[str, Any] = Field(description="JSON Schema of its configuration.")
    fault: PluginFaultOut | None = Field(description="Its last fault in a call; null while there is none.")


class PluginTransferIn(In):
    """Who is to have the name of a plugin."""

    model_config = examples({"distribution": "certrail-destination-files"})

    distribution: Name = Field(description="Python distribution that provides a plugin of this name.")


class PluginList(Listing[PluginOut]):
    """Plugins."""
