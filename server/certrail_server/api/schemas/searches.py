"""Saved searches of the inventory."""

from datetime import datetime

from pydantic import Field

from certrail.domain.search import CertificateFilter
from certrail_server.api.schemas.base import Id, In, Listing, Name, Out, Patch, Slug, absent, examples


class SavedSearchIn(In):
    """A search to give a name to."""

    model_config = examples(
        {
            "slug": "ending",
            "name": "Ending this decade",
            "filter": {
                "name_ends": ".example.com",
                "status": "active",
                "profile": "web",
                "issuer": "root",
                "expires_before": "2030-01-01T00:00:00Z",
                "metadata": ["team=payments"],
                "sort": "expiry",
            },
        }
    )

    slug: Slug = Field(description="Unique name in the Application.")
    name: Name = Field(description="Name for people.")
    filter: CertificateFilter = Field(description="What certificates must have.")


class SavedSearchChangeIn(Patch):
    """What to change of a saved search."""

    model_config = examples({"name": "Revoked", "filter": {"status": "revoked", "sort": "newest"}})

    name: Name = absent(description="Name for people.")
    filter: CertificateFilter = absent(description="Replaces the filter as a whole.")


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
