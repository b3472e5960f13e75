"""Views: filters of lists that a reader keeps under a name, shown on the list and in the search."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail.domain.errors import BadInput
from certrail.services.access.saved_views import Kept
from certrail.services.access.viewed_lists import ViewedList
from certrail_server.api.guard import Call, allow
from certrail_server.api.routes.public.sessions import own_path
from certrail_server.console.forms import form_of
from certrail_server.console.page import Page, page_router
from certrail_server.console.rendering import query

router = page_router("/saved-views")
Own = Annotated[Call, allow(Permission.PRODUCT_READ)]
HOME = "/console"
PATHS: Mapping[ViewedList, str] = {
    ViewedList.CERTIFICATES: "certificates",
    ViewedList.REQUESTS: "requests",
    ViewedList.APPROVALS: "approvals",
    ViewedList.EVENTS: "record",
    ViewedList.PRINCIPALS: "people",
}
"""Where each list is, below the console or below its Application."""
LISTS = {path: list_ for list_, path in PATHS.items()}
ADDRESS = re.compile(r"/console(?:/applications/(?P<application>[^/]+))?/(?P<below>[a-z]+)")
MOST_PARTS = 8
NEEDS: Mapping[ViewedList, Permission] = {
    ViewedList.CERTIFICATES: Permission.INVENTORY_READ,
    ViewedList.PRINCIPALS: Permission.PRINCIPAL_MANAGE,
}
"""What opens a list of all."""


@dataclass(frozen=True)
class View:
    """A view as a link."""

    id: str
    name: str
    path: str
    where: str
    is_open: bool = False


@dataclass(frozen=True)
class Views:
    """Those of one list.

    Attributes:
        here: the list as it is filtered now; empty where it is not.
    """

    here: str
    items: Sequence[View]


def views_of(call: Call, list_: ViewedList, given: Mapping[str, str], application: str = "") -> Views:
    """The reader's views of a list, with what it is filtered by now."""
    present = {name: value for name, value in given.items() if value}
    scope = call.scope if application else None
    kept = [
        each
        for each in call.services.saved_views.list(call.actor)
        if each.row.list == list_ and each.row.application_id == scope
    ]
    here = _path(list_, application, present) if present else ""
    return Views(here, [_view(each, present) for each in kept])


def found_views(call: Call, text: str) -> Sequence[View]:
    """The reader's views whose name has a text in it, as far as their lists can be opened."""
    reach = call.services.principals.reach(call.actor)
    here = reach.where(Permission.APPLICATION_READ)

    def is_open(kept: Kept) -> bool:
        if kept.row.application_id is not None:
            return here is None or kept.row.application_id in here
        needed = NEEDS.get(ViewedList(kept.row.list))
        return needed is None or reach.holds(needed)

    return [
        _view(kept, {})
        for kept in call.services.saved_views.list(call.actor)
        if text.casefold() in kept.row.name.casefold() and is_open(kept)
    ]


@router.post("", openapi_extra={"offers": "keep_saved_view"})
def keep(request: Request, call: Own) -> Response:
    """Keep what the list is filtered by, and show the list."""
    form, services, scope = form_of(request), call.services, None
    list_, application, given = _read(form.get("here"))
    if application:
        scope = services.principals.authorize_in(call.actor, Permission.APPLICATION_READ, application)
    kept = services.saved_views.keep(call.actor, scope, list_=list_, name=form.get("name"), filter_=given)
    path = _path(list_, kept.application, kept.row.filter)
    return Page(request, call).go(path, "view-kept")


@router.post("/{saved_view}/delete", openapi_extra={"offers": "delete_saved_view"})
def delete(request: Request, saved_view: str, call: Own) -> Response:
    """Forget a view, and show the list again."""
    call.services.saved_views.delete(call.actor, saved_view)
    return Page(request, call).go(own_path(form_of(request).get("back"), HOME), "view-deleted")


def _path(list_: ViewedList, application: str | None, filter_: Mapping[str, str]) -> str:
    base = f"/console/applications/{application}" if application else HOME
    return query(f"{base}/{PATHS[list_]}", **filter_)


def _read(here: str) -> tuple[ViewedList, str, Mapping[str, str]]:
    """The list, the Application and the filter of the address of a list. Raises BadInput."""
    parts = urlsplit(here)
    found = None if parts.netloc else ADDRESS.fullmatch(parts.path)
    list_ = LISTS.get(found["below"]) if found else None
    try:
        given = dict(parse_qsl(parts.query, max_num_fields=MOST_PARTS))
    except ValueError:
        given = None
    if found is None or list_ is None or given is None:
        raise BadInput("This is not the address of a list that can be kept.", "here")
    return list_, unquote(found["application"] or ""), given


def _view(kept: Kept, given: Mapping[str, str]) -> View:
    list_ = kept.row.list.capitalize()
    path = _path(ViewedList(kept.row.list), kept.application, kept.row.filter)
    where = f"{list_} of {kept.application}" if kept.application else list_
    return View(kept.row.id, kept.row.name, path, where, bool(given) and kept.row.filter == given)
