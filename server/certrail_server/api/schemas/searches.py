"""Saved searches of the inventory."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from certrail.domain.search import CertificateFilter
from certrail.services.access.saved_views import Kept
from certrail.services.access.viewed_lists import LONGEST_NAME, LONGEST_VALUE, ViewedList
from certrail_server.api.schemas.base import (
    Id,
    In,
    Listing,
    Name,
    Out,
    Patch,
    Reference,
    Slug,
    absent,
    examples,
)


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


class SavedViewIn(In):
    """A filter of a list of the console to keep under a name."""

    model_config = examples(
        {
            "list": "certificates",
            "application": "app",
            "name": "Ends this decade",
            "filter": {"status": "active", "expires_before": "2030-01-01", "sort": "expiry"},
        },
        {"list": "approvals", "application": None, "name": "Rejected", "filter": {"status": "rejected"}},
    )

    list: ViewedList = Field(description="The list that it is a filter of.")
    application: Reference | None = Field(
        default=None, description="Slug or id of the Application whose list it is; null for a list of all."
    )
    name: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)] = Field(
        description="Name for its owner; a view of the same list with the same name is replaced."
    )
    filter: dict[str, Annotated[str, StringConstraints(max_length=LONGEST_VALUE)]] = Field(
        default_factory=dict, max_length=8, description="What the page filters by, as in its address."
    )


class SavedViewOut(Out):
    """A filter of a list of the console that its owner keeps under a name."""

    id: Id = Field(description="Id of the saved view.")
    created_at: datetime = Field(description="When it was kept first.")
    list: ViewedList = Field(description="The list that it is a filter of.")
    application: str | None = Field(description="Slug of the Application; null for a list of all.")
    name: str = Field(description="Name for its owner.")
    filter: dict[str, str] = Field(description="What the page filters by, as in its address.")

    @classmethod
    def about(cls, kept: Kept) -> Self:
        """From a row and the slug of its Application."""
        return cls.of(kept.row, application=kept.application)


class SavedViewList(Listing[SavedViewOut]):
    """Saved views, by name."""
