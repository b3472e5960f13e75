"""Saved searches of the inventory, which members share, and saved views, which are a person's own."""

from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.searches import (
    SavedSearchChangeIn,
    SavedSearchIn,
    SavedSearchList,
    SavedSearchOut,
    SavedViewIn,
    SavedViewList,
    SavedViewOut,
)

router = APIRouter(prefix="/applications/{application}/saved-searches", tags=["certificates"])
Read = Annotated[Call, allow(Permission.CERTIFICATE_READ)]
Manage = Annotated[Call, allow(Permission.VIEW_MANAGE)]
views = APIRouter(prefix="/saved-views", tags=["access"])
Own = Annotated[Call, allow(Permission.PRODUCT_READ)]


@router.get("")
def list_saved_searches(call: Read) -> SavedSearchList:
    """The saved searches of an Application, by slug."""
    rows = call.services.saved_searches.list(call.application)
    return SavedSearchList(items=[SavedSearchOut.of(row) for row in rows])


@router.post("", status_code=201)
def create_saved_search(body: SavedSearchIn, call: Manage) -> SavedSearchOut:
    """Give a search a name, for `?saved_search=`."""
    saved_searches = call.services.saved_searches
    row = idempotent(
        lambda: saved_searches.create(
            call.actor, call.application, slug=body.slug, name=body.name, wanted=body.filter
        ),
        lambda ident: saved_searches.get(call.application, ident),
    )
    return SavedSearchOut.of(row)


@router.get("/{saved_search}")
def get_saved_search(saved_search: str, call: Read) -> SavedSearchOut:
    """One saved search."""
    return SavedSearchOut.of(call.services.saved_searches.get(call.application, saved_search))


@router.patch("/{saved_search}")
def update_saved_search(saved_search: str, body: SavedSearchChangeIn, call: Manage) -> SavedSearchOut:
    """Change a saved search."""
    given = body.changes()
    if "filter" in given:
        given["wanted"] = given.pop("filter")
    row = call.services.saved_searches.update(call.actor, call.application, saved_search, **given)
    return SavedSearchOut.of(row)


@router.delete("/{saved_search}", status_code=204)
def delete_saved_search(saved_search: str, call: Manage) -> None:
    """Delete a saved search."""
    call.services.saved_searches.delete(call.actor, call.application, saved_search)


@views.get("")
def list_saved_views(call: Own) -> SavedViewList:
    """The views that the caller keeps, by name."""
    return SavedViewList(
        items=[SavedViewOut.about(kept) for kept in call.services.saved_views.list(call.actor)]
    )


@views.post("", status_code=201)
def keep_saved_view(body: SavedViewIn, call: Own) -> SavedViewOut:
    """Keep the filter of a list of the console under a name, for the caller alone."""
    services, scope = call.services, None
    if body.application is not None:
        scope = services.principals.authorize_in(call.actor, Permission.APPLICATION_READ, body.application)
    kept = idempotent(
        lambda: services.saved_views.keep(
            call.actor, scope, list_=body.list, name=body.name, filter_=body.filter
        ),
        lambda ident: services.saved_views.get(call.actor, ident),
    )
    return SavedViewOut.about(kept)


@views.delete("/{saved_view}", status_code=204)
def delete_saved_view(saved_view: str, call: Own) -> None:
    """Delete one of the caller's views."""
    call.services.saved_views.delete(call.actor, saved_view)
