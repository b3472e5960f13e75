"""Saved searches of the inventory."""

from datetime import datetime

from pydantic import Field

from certrail.domain.search import CertificateFilter
from certrail_server.api.schemas.base import Id, In, Listing, Name, Out, Slug


class SavedSearchIn(In):
    """A search to give a name to."""

    slug: Slug = Field(description="Unique name in the Application.")
    name: Name = Field(description="Name for people.")
    filter: CertificateFilter = Field(description="What certificates must have.")


class SavedSearchChangeIn(In):
    """What to change of a saved search; what is left out stays."""

    name: Name | None = Field(default=None, description="Name for people.")
    filter: CertificateFilter | None = Field(default=None, description="Replaces the filter as a whole.")


class SavedSearchOut(Out):
    """A search that was given a name."""

    id: Id = Field(description="Id of the saved search.")
    created_at: datetime = Field(description="When it was saved.")
    application_id: Id = Field(description="Id of its Application.")
    slug: str = Field(description="Unique name in the Application.")
    name: str = Field(description="Name for people.")
    filter: CertificateFilter = Field(description="What certificates must have.")


class SavedSearchList(Listing[SavedSearchOut]):
    """Saved searches, by slug."""
