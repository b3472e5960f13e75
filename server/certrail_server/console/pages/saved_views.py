"""Views: filters of lists that a reader keeps under a name, shown on the list and in the search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail.domain.errors import BadInput
from certrail.services.access.saved_views import Kept
from certrail.services.access.viewed_lists import FILTERS, ViewedList
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
        application: slug; empty for a list of all.
        given: what the list is filtered by now.
    """

    list: ViewedList
    application: str
    given: Mapping[str, str]
    items: Sequence[View]

    @property
    def filter(self) -> str:
        """What the list is filtered by now, as one field of a form."""
        return urlencode(self.given)


def views_of(call: Call, list_: ViewedList, given: Mapping[str, str], application: str = "") -> Views:
    """The reader's views of a list, with what it is filtered by now."""
    present = {name: value for name, value in given.items() if value}
    scope = call.scope if application else None
    kept = [
        each
        for each in call.services.saved_views.list(call.actor)
        if each.row.list == list_ and each.row.application_id == scope
    ]
    return Views(list_, application, present, [_view(each, present) for each in kept])


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


@router.post("")
def keep(request: Request, call: Own) -> Response:
    """Keep what the list is filtered by, and show the list."""
    form, services, scope = form_of(request), call.services, None
    if form.get("list") not in list(ViewedList):
        raise BadInput("Choose a list.", "list")
    list_ = ViewedList(form.get("list"))
    if application := form.get("application"):
        scope = services.principals.authorize_in(call.actor, Permission.APPLICATION_READ, application)
    try:
        given = dict(parse_qsl(form.get("filter"), max_num_fields=len(FILTERS[list_])))
    except ValueError:
        raise BadInput("The filter cannot be read.", "filter") from None
    kept = services.saved_views.keep(call.actor, scope, list_=list_, name=form.get("name"), filter_=given)
    return Page(request, call).go(_path(kept), "view-kept")


@router.post("/{saved_view}/delete")
def delete(request: Request, saved_view: str, call: Own) -> Response:
    """Forget a view, and show the list again."""
    call.services.saved_views.delete(call.actor, saved_view)
    return Page(request, call).go(own_path(form_of(request).get("back"), HOME), "view-deleted")


def _path(kept: Kept) -> str:
    below = PATHS[ViewedList(kept.row.list)]
    base = f"/console/applications/{kept.application}" if kept.application else HOME
    return query(f"{base}/{below}", **kept.row.filter)


def _view(kept: Kept, given: Mapping[str, str]) -> View:
    list_ = kept.row.list.capitalize()
    where = f"{list_} of {kept.application}" if kept.application else list_
    return View(kept.row.id, kept.row.name, _path(kept), where, bool(given) and kept.row.filter == given)
