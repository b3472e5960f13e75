"""Members of an Application: who may do what there."""

from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission, Role
from certrail.domain.errors import BadInput, CertrailError
from certrail_server.api.answers.catalog import member_answer
from certrail_server.api.guard import Call, allow
from certrail_server.console.application import ApplicationPage, application_path
from certrail_server.console.forms import Form, form_of
from certrail_server.console.page import Page, page_router

router = page_router("/applications/{application}/members")


@router.get("")
def list_members(request: Request, call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> Response:
    """Members with their roles, by slug."""
    return _shown(request, call, Form({}))


@router.post("", openapi_extra={"offers": "set_member"})
def set_member(request: Request, call: Annotated[Call, allow(Permission.MEMBER_MANAGE)]) -> Response:
    """Give a principal its role here."""
    form = form_of(request)
    try:
        call.services.applications.set_member(
            call.actor, call.scope, form.get("principal"), role_of(form.get("role"))
        )
    except CertrailError as refusal:
        return _shown(request, call, form, refusal)
    return Page(request, call).go(f"{application_path(request)}/members", "member-set")


@router.post("/{principal}/remove", openapi_extra={"offers": "remove_member"})
def remove_member(
    request: Request, principal: str, call: Annotated[Call, allow(Permission.MEMBER_MANAGE)]
) -> Response:
    """Remove a member."""
    call.services.applications.remove_member(call.actor, call.scope, principal)
    # Whoever leaves may not read the members any more.
    stays = Permission.APPLICATION_READ in call.services.principals.held_in(call.actor, call.scope)
    path = f"{application_path(request)}/members" if stays else "/console/applications"
    return Page(request, call).go(path, "member-removed")


def role_of(text: str) -> Role:
    """A role that a form names. Raises BadInput."""
    if text not in list(Role):
        raise BadInput(f"Choose a role: {', '.join(Role)}.", "role")
    return Role(text)


def _shown(request: Request, call: Call, form: Form, refusal: CertrailError | None = None) -> Response:
    rows = call.services.applications.members(call.scope)
    return ApplicationPage(request, call).render(
        "members/list.html",
        refusal.status if refusal else 200,
        members=[member_answer(*row) for row in rows],
        roles=[(role.value, role.value.capitalize()) for role in Role],
        given=form,
        refusal=refusal,
    )
