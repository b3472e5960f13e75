"""Syncs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints

from certrail.domain.endpoints.probes import LONGEST_GRACE as LONGEST_PROBE_GRACE
from certrail.domain.endpoints.probes import (
    LONGEST_INTERVAL,
    MOST_PROBES,
    SHORTEST_INTERVAL,
    ProbeProtocol,
    ProbeSettings,
)
from certrail.persistence.tables import Certificate, Sync
from certrail.persistence.tables.delivery import GRACE_SECONDS
from certrail.services.inventory.selectors import CertificateSelector
from certrail_server.api import samples
from certrail_server.api.schemas.base import (
    Id,
    In,
    Listing,
    Name,
    Out,
    Patch,
    Patterns,
    Reference,
    References,
    Settings,
    Slug,
    Span,
    absent,
    examples,
    seconds,
    span,
)

NameSchema = Annotated[str, StringConstraints(max_length=256)]
LONGEST_GRACE = timedelta(days=366)
Grace = Annotated[Span, Field(le=LONGEST_GRACE)]
ProbeHost = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Port = Annotated[int, Field(ge=1, le=65535)]
ProbeGrace = Annotated[Span, Field(le=LONGEST_PROBE_GRACE)]
ProbeInterval = Annotated[Span, Field(ge=SHORTEST_INTERVAL, le=LONGEST_INTERVAL)]


class SelectionIn(In):
    """Which certificates a sync selects: every field that is given must match; empty selects the whole Application."""

    lineages: References = Field(
        default_factory=list, description="Ids of lineages: one of them; empty for all."
    )
    profiles: References = Field(
        default_factory=list, description="Slugs or ids of profiles: of any of them; empty for all."
    )
    names: Patterns = Field(
        default_factory=list,
        description="Patterns such as *.example.com: one must fit one of the certificate's names.",
    )
    metadata: Annotated[dict[str, str], Field(max_length=20)] = Field(
        default_factory=dict, description="Metadata that the certificate must have."
    )

    def given(self) -> CertificateSelector:
        """As the service takes it."""
        return CertificateSelector(self.lineages, self.profiles, self.names, self.metadata)


class SelectionOut(Out):
    """Which certificates a sync selects."""

    lineages: list[Id] = Field(description="Ids of lineages: one of them; empty for all.")
    profiles: list[str] = Field(description="Slugs of profiles: of any of them; empty for all.")
    names: list[str] = Field(description="Patterns: one must fit one of the certificate's names.")
    metadata: dict[str, str] = Field(description="Metadata that the certificate must have.")

    @classmethod
    def about(cls, stored: Mapping[str, Any], slugs: Mapping[str, str]) -> Self:
        """From what is stored, profiles by their slugs."""
        return cls(
            lineages=list(stored.get("lineages", ())),
            profiles=[slugs.get(ident, ident) for ident in stored.get("profiles", ())],
            names=list(stored.get("names", ())),
            metadata=dict(stored.get("metadata", {})),
        )


class ProbeIn(In):
    """Where it is looked at whether a certificate of the sync is served, after its delivery and at intervals."""

    host: ProbeHost = Field(
        description="Name or address; `{{common_name}}` in it is the common name, or else the first name, of the"
        " certificate."
    )
    port: Port | None = Field(
        default=None, description="Port; by default 443, for SMTP 25, for IMAP 143, for PostgreSQL 5432."
    )
    server_name: ProbeHost | None = Field(
        default=None,
        description="Name for SNI, with the same placeholder; by default the host, if it is a name.",
    )
    protocol: ProbeProtocol = Field(
        default=ProbeProtocol.TLS,
        description="How TLS begins: at once, by STARTTLS (`smtp`, `imap`), or by an SSLRequest (`postgresql`).",
    )
    grace: ProbeGrace = Field(
        default=timedelta(seconds=ProbeSettings.grace_seconds),
        description="How long after a delivery, or after it was served last, nothing is reported.",
    )
    interval: ProbeInterval = Field(
        default=timedelta(seconds=ProbeSettings.interval_seconds),
        description="Between two looks at what is served.",
    )

    def given(self) -> ProbeSettings:
        """As the service takes it."""
        return ProbeSettings(
            self.host,
            self.port,
            self.server_name,
            self.protocol,
            int(self.grace.total_seconds()),
            int(self.interval.total_seconds()),
        )


ProbesIn = Annotated[list[ProbeIn], Field(max_length=MOST_PROBES)]


class ProbeSettingsOut(Out):
    """Where it is looked at whether certificates of a sync are served."""

    host: str = Field(description="Name or address, perhaps with a placeholder.")
    port: int | None = Field(description="Port; null for the usual one of the protocol.")
    server_name: str | None = Field(description="Name for SNI; null for the host, if it is a name.")
    protocol: ProbeProtocol = Field(description="How TLS begins.")
    grace: Span = Field(description="How long nothing is reported.")
    interval: Span = Field(description="Between two looks.")

    @classmethod
    def about(cls, stored: Mapping[str, Any]) -> Self:
        """From what is stored."""
        probe = ProbeSettings.stored(stored)
        return cls.of(probe, grace=span(probe.grace_seconds), interval=span(probe.interval_seconds))


class SyncIn(In):
    """A sync to create."""

    model_config = examples(
        {
            "slug": "web-servers",
            "name": "Web servers",
            "destination": "files",
            "connection": "folder",
            "config": {"format": "combined", "key_mode": "0640"},
            "selection": {
                "profiles": ["web"],
                "names": ["*.example.com"],
                "metadata": {"environment": "production"},
            },
            "name_schema": "{{common_name}}-{{short_certificate_id}}",
            "include_root": True,
            "keep_identity": False,
            "auto": True,
            "prune": True,
            "prune_grace": "3d",
            "probes": [
                {"host": "{{common_name}}", "port": 8443, "grace": "5m", "interval": "6h"},
                {"host": "10.20.0.7", "protocol": "smtp", "server_name": "mail.example.com"},
            ],
        }
    )

    slug: Slug = Field(description="Unique name in the Application.")
    name: Name = Field(description="Name for people.")
    destination: Reference = Field(description="Name of the destination plugin.")
    connection: Reference | None = Field(default=None, description="Slug or id of the connection to use.")
    config: Settings = Field(
        default_factory=dict, description="Configuration of the plugin, by its schema at `/plugins`."
    )
    selection: SelectionIn = Field(
        default_factory=SelectionIn, description="Which certificates are delivered."
    )
    name_schema: NameSchema | None = Field(
        default=None,
        description="How objects at the destination are named; by default as the plugin has it. Without an id in it, "
        "a new request for the same names and profile takes the object over.",
    )
    include_root: bool = Field(default=False, description="Whether the root is delivered, too.")
    keep_identity: bool = Field(
        default=True,
        description="Whether a renewal replaces the object's content instead of adding an object.",
    )
    auto: bool = Field(default=True, description="Whether new certificates are delivered automatically.")
    prune: bool = Field(default=False, description="Whether objects that are no longer desired are removed.")
    prune_grace: Grace = Field(
        default=timedelta(seconds=GRACE_SECONDS), description="How long after; a revoked one goes at once."
    )
    probes: ProbesIn = Field(
        default_factory=list, description="Where it is looked at whether each certificate is served."
    )

    def values(self) -> dict[str, Any]:
        """As the service takes it, without the selection."""
        given = self.model_dump(exclude={"selection", "prune_grace", "probes"})
        return {
            **given,
            "prune_grace_seconds": seconds(self.prune_grace),
            "probes": [probe.given() for probe in self.probes],
        }


class SyncChangeIn(Patch):
    """What to change of a sync; a masked value in the configuration is kept."""

    model_config = examples(
        {
            "name": "All servers",
            "connection": "folder",
            "config": {"format": "pem"},
            "selection": {"profiles": ["web"]},
            "name_schema": "{{lineage_id}}",
            "include_root": False,
            "keep_identity": True,
            "auto": False,
            "prune": False,
            "prune_grace": "0s",
            "probes": [],
        }
    )

    name: Name = absent(description="Name for people.")
    connection: Reference | None = Field(
        default=None, description="Slug or id of the connection to use; null for none."
    )
    config: Settings = absent(description="Replaces the configuration as a whole.")
    selection: SelectionIn = absent(description="Replaces the selection as a whole.")
    name_schema: NameSchema = absent(description="How new objects are named.")
    include_root: bool = absent(description="Whether the root is delivered, too.")
    keep_identity: bool = absent(description="Whether a renewal keeps the object.")
    auto: bool = absent(description="Whether new certificates are delivered automatically.")
    prune: bool = absent(description="Whether objects no longer desired are removed.")
    prune_grace: Grace = absent(description="How long after.")
    probes: ProbesIn = absent(description="Replaces all probes.")

    def values(self) -> dict[str, Any]:
        """As the service takes it."""
        given = self.changes()
        if "selection" in given:
            given["selection"] = self.selection.given()
        if "prune_grace" in given:
            given["prune_grace_seconds"] = seconds(given.pop("prune_grace"))
        if "probes" in given:
            given["probes"] = [probe.given() for probe in self.probes]
        return given


class SyncOut(Out):
    """A sync, the secrets of its configuration masked."""

    id: Id = Field(description="Id of the sync.")
    created_at: datetime = Field(description="When it was created.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    slug: str = Field(description="Unique name in the Application.")
    name: str = Field(description="Name for people.")
    destination: str = Field(description="Name of the destination plugin.")
    connection_id: Id | None = Field(description="Id of the connection.")
    connection: str | None = Field(description="Slug of the connection.")
    config: dict[str, Any] = Field(description="Configuration of the plugin, its secrets masked.")
    selection: SelectionOut = Field(description="Which certificates are delivered.")
    name_schema: str = Field(description="How objects at the destination are named.")
    include_root: bool = Field(description="Whether the root is delivered, too.")
    keep_identity: bool = Field(description="Whether a renewal replaces the object's content.")
    auto: bool = Field(description="Whether new certificates are delivered automatically.")
    prune: bool = Field(description="Whether objects that are no longer desired are removed.")
    prune_grace: Span = Field(description="How long after; a revoked one goes at once.")
    probes: list[ProbeSettingsOut] = Field(
        description="Where it is looked at whether certificates are served."
    )
    deletion_requested: bool = Field(description="Whether it is deleted once its last object is removed.")

    @classmethod
    def about(cls, row: Sync, **named: Any) -> Self:
        """From a row and the names of what it points to."""
        probes = [ProbeSettingsOut.about(stored) for stored in row.probes]
        return cls.of(row, prune_grace=span(row.prune_grace_seconds), probes=probes, **named)


class SyncList(Listing[SyncOut]):
    """Syncs, by slug."""


class SyncPreviewIn(In):
    """A sync to look at without creating it."""

    model_config = examples(
        {
            "destination": "files",
            "selection": {
                "profiles": ["web"],
                "names": ["*.example.com"],
                "metadata": {"environment": "production"},
            },
            "name_schema": "{{common_name}}-{{short_certificate_id}}",
        }
    )

    destination: Reference = Field(description="Name of the destination plugin.")
    selection: SelectionIn = Field(default_factory=SelectionIn, description="Which certificates.")
    name_schema: NameSchema | None = Field(
        default=None, description="How objects are named; by default as the plugin has it."
    )


class PreviewedObject(Out):
    """A certificate that a sync would deliver."""

    certificate_id: Id = Field(description="Id of the certificate.")
    lineage_id: Id = Field(description="Id of its lineage.")
    common_name: str = Field(description="Its common name.")
    names: dict[str, list[str]] = Field(description="Its subject alternative names by type.")
    not_after: datetime = Field(description="End of its validity period.")
    object_name: str = Field(description="What the object at the destination would be called.")

    @classmethod
    def about(cls, certificate: Certificate, name: str) -> Self:
        """From a certificate and the name of its object."""
        return cls.of(certificate, certificate_id=certificate.id, object_name=name)


class SyncPreviewOut(Out):
    """What a sync would deliver."""

    count: int = Field(description="How many certificates.")
    items: list[PreviewedObject] = Field(description="The first 500 of them, by common name.")


class TriggerIn(In):
    """What to deliver by hand."""

    model_config = examples({"lineages": [samples.LINEAGE]})

    lineages: References = Field(
        default_factory=list, description="Ids of lineages; empty for all that the sync selects."
    )


class TriggerOut(Out):
    """What was triggered."""

    certificates: int = Field(description="How many certificates are delivered again.")


class DestinationTrialIn(In):
    """A configuration of a destination plugin to check without saving it."""

    model_config = examples({"plugin": "files", "connection": "folder", "config": {"format": "combined"}})

    plugin: Reference = Field(description="Name of the destination plugin.")
    connection: Reference | None = Field(default=None, description="Slug or id of the connection to use.")
    config: Settings = Field(default_factory=dict, description="Configuration of the plugin.")
