"""Syncs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints

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
        description="How objects at the destination are named; by default as the plugin has it.",
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

    def values(self) -> dict[str, Any]:
        """As the service takes it, without the selection."""
        given = self.model_dump(exclude={"selection", "prune_grace"})
        return {**given, "prune_grace_seconds": seconds(self.prune_grace)}


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

    def values(self) -> dict[str, Any]:
        """As the service takes it."""
        given = self.changes()
        if "selection" in given:
            given["selection"] = self.selection.given()
        if "prune_grace" in given:
            given["prune_grace_seconds"] = seconds(given.pop("prune_grace"))
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
    deletion_requested: bool = Field(description="Whether it is deleted once its last object is removed.")

    @classmethod
    def about(cls, row: Sync, **named: Any) -> Self:
        """From a row and the names of what it points to."""
        return cls.of(row, prune_grace=span(row.prune_grace_seconds), **named)


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
