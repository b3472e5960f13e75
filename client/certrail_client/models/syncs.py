"""What the API takes and answers: syncs.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from certrail_client.base import Body, Json, default
from certrail_client.models.enums import ProbeProtocol


class DestinationTrialIn(Body):
    """A configuration of a destination plugin to check without saving it."""

    plugin: str
    """Name of the destination plugin."""
    connection: str | None = None
    """Slug or id of the connection to use."""
    config: Json | None = default(None, repr=False)
    """Configuration of the plugin."""


class PreviewedObject(Body):
    """A certificate that a sync would deliver."""

    certificate_id: str
    """Id of the certificate."""
    lineage_id: str
    """Id of its lineage."""
    common_name: str
    """Its common name."""
    names: dict[str, list[str]]
    """Its subject alternative names by type."""
    not_after: datetime
    """End of its validity period."""
    object_name: str
    """What the object at the destination would be called."""


class ProbeIn(Body):
    """Where it is looked at whether a certificate of the sync is served, after its delivery and at
    intervals.
    """

    host: str
    """Name or address; `{{common_name}}` in it is the common name, or else the first name, of the
    certificate.
    """
    port: int | None = None
    """Port; by default 443, for SMTP 25, for IMAP 143, for PostgreSQL 5432."""
    server_name: str | None = None
    """Name for SNI, with the same placeholder; by default the host, if it is a name."""
    protocol: ProbeProtocol = default("tls")
    """How TLS begins: at once, by STARTTLS (`smtp`, `imap`), or by an SSLRequest (`postgresql`)."""
    grace: str = "10m"
    """How long after a delivery, or after it was served last, nothing is reported."""
    interval: str = "1h"
    """Between two looks at what is served."""


class ProbeSettingsOut(Body):
    """Where it is looked at whether certificates of a sync are served."""

    host: str
    """Name or address, perhaps with a placeholder."""
    port: int | None
    """Port; null for the usual one of the protocol."""
    server_name: str | None
    """Name for SNI; null for the host, if it is a name."""
    protocol: ProbeProtocol
    """How TLS begins."""
    grace: str
    """How long nothing is reported."""
    interval: str
    """Between two looks."""


class SelectionIn(Body):
    """Which certificates a sync selects: every field that is given must match; empty selects the whole
    Application.
    """

    lineages: list[str] | None = None
    """Ids of lineages: one of them; empty for all."""
    profiles: list[str] | None = None
    """Slugs or ids of profiles: of any of them; empty for all."""
    names: list[str] | None = None
    """Patterns such as *.example.com: one must fit one of the certificate's names."""
    metadata: dict[str, str] | None = None
    """Metadata that the certificate must have."""


class SelectionOut(Body):
    """Which certificates a sync selects."""

    lineages: list[str]
    """Ids of lineages: one of them; empty for all."""
    profiles: list[str]
    """Slugs of profiles: of any of them; empty for all."""
    names: list[str]
    """Patterns: one must fit one of the certificate's names."""
    metadata: dict[str, str]
    """Metadata that the certificate must have."""


class SyncChangeIn(Body):
    """What to change of a sync; a masked value in the configuration is kept."""

    name: str | None = None
    """Name for people."""
    connection: str | None = None
    """Slug or id of the connection to use; null for none."""
    config: Json | None = default(None, repr=False)
    """Replaces the configuration as a whole."""
    selection: SelectionIn | None = None
    """Replaces the selection as a whole."""
    name_schema: str | None = None
    """How new objects are named."""
    include_root: bool | None = None
    """Whether the root is delivered, too."""
    keep_identity: bool | None = None
    """Whether a renewal keeps the object."""
    auto: bool | None = None
    """Whether new certificates are delivered automatically."""
    prune: bool | None = None
    """Whether objects no longer desired are removed."""
    prune_grace: str | None = None
    """How long after."""
    probes: list[ProbeIn] | None = None
    """Replaces all probes."""


class SyncIn(Body):
    """A sync to create."""

    slug: str
    """Unique name in the Application."""
    name: str
    """Name for people."""
    destination: str
    """Name of the destination plugin."""
    connection: str | None = None
    """Slug or id of the connection to use."""
    config: Json | None = default(None, repr=False)
    """Configuration of the plugin, by its schema at `/plugins`."""
    selection: SelectionIn | None = None
    """Which certificates are delivered."""
    name_schema: str | None = None
    """How objects at the destination are named; by default as the plugin has it. Without an id in it, a
    new request for the same names and profile takes the object over.
    """
    include_root: bool = False
    """Whether the root is delivered, too."""
    keep_identity: bool = True
    """Whether a renewal replaces the object's content instead of adding an object."""
    auto: bool = True
    """Whether new certificates are delivered automatically."""
    prune: bool = False
    """Whether objects that are no longer desired are removed."""
    prune_grace: str = "7d"
    """How long after; a revoked one goes at once."""
    probes: list[ProbeIn] | None = None
    """Where it is looked at whether each certificate is served."""


class SyncList(Body):
    """Syncs, by slug."""

    items: list[SyncOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class SyncOut(Body):
    """A sync, the secrets of its configuration masked."""

    id: str
    """Id of the sync."""
    created_at: datetime
    """When it was created."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    slug: str
    """Unique name in the Application."""
    name: str
    """Name for people."""
    destination: str
    """Name of the destination plugin."""
    connection_id: str | None
    """Id of the connection."""
    connection: str | None
    """Slug of the connection."""
    config: Json = Field(repr=False)
    """Configuration of the plugin, its secrets masked."""
    selection: SelectionOut
    """Which certificates are delivered."""
    name_schema: str
    """How objects at the destination are named."""
    include_root: bool
    """Whether the root is delivered, too."""
    keep_identity: bool
    """Whether a renewal replaces the object's content."""
    auto: bool
    """Whether new certificates are delivered automatically."""
    prune: bool
    """Whether objects that are no longer desired are removed."""
    prune_grace: str
    """How long after; a revoked one goes at once."""
    probes: list[ProbeSettingsOut]
    """Where it is looked at whether certificates are served."""
    deletion_requested: bool
    """Whether it is deleted once its last object is removed."""


class SyncPreviewIn(Body):
    """A sync to look at without creating it."""

    destination: str
    """Name of the destination plugin."""
    selection: SelectionIn | None = None
    """Which certificates."""
    name_schema: str | None = None
    """How objects are named; by default as the plugin has it."""


class SyncPreviewOut(Body):
    """What a sync would deliver."""

    count: int
    """How many certificates."""
    items: list[PreviewedObject]
    """The first 500 of them, by common name."""


class TriggerIn(Body):
    """What to deliver by hand."""

    lineages: list[str] | None = None
    """Ids of lineages; empty for all that the sync selects."""


class TriggerOut(Body):
    """What was triggered."""

    certificates: int
    """How many certificates are delivered again."""
