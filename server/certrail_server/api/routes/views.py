"""Saved searches of the inventory."""

from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.shapes import ViewChangeIn, ViewIn
from certrail_server.api.views import Json, items, shown

router = APIRouter(prefix="/applications/{application}/views", tags=["certificates"])
Read = Annotated[Call, allow(Permission.CERTIFICATE_READ)]
Manage = Annotated[Call, allow(Permission.VIEW_MANAGE)]


@router.get("")
def list_views(call: Read) -> Json:
    """The saved searches of an Application."""
    return items(call.services.views.list(call.application))


@router.post("", status_code=201)
def create_view(body: ViewIn, call: Manage) -> Json:
    """Give a search a name, for `?view=`."""
    views = call.services.views
    return shown(
        idempotent(
            lambda: views.create(
                call.actor, call.application, slug=body.slug, name=body.name, wanted=body.filter
            ),
            lambda ident: views.get(call.application, ident),
        )
    )


@router.patch("/{view}")
def update_view(view: str, body: ViewChangeIn, call: Manage) -> Json:
    """Change a saved search."""
    views = call.services.views
    return shown(views.update(call.actor, call.application, view, name=body.name, wanted=body.filter))


@router.delete("/{view}", status_code=204)
def delete_view(view: str, call: Manage) -> None:
    """Forget a saved search."""
    call.services.views.delete(call.actor, call.application, view)
