"""Enrollment: by which methods each profile is used here, its URLs, and configurations of clients to copy."""

from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.errors import NotFound
from certrail_server.api.answers.catalog import attached_answer
from certrail_server.api.enrollment.settings import public_url
from certrail_server.api.guard import Call, allow
from certrail_server.console.application import ApplicationPage, application_path
from certrail_server.console.forms import form_of
from certrail_server.console.page import Page, page_router

router = page_router("/applications/{application}/enrollment")


@router.get("")
def list_enrollments(request: Request, call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> Response:
    """The profiles that the Application may use."""
    rows = call.services.applications.profiles(call.application)
    return ApplicationPage(request, call).render(
        "enrollment/list.html", profiles=[attached_answer(*row) for row in rows]
    )


@router.get("/{profile}")
def get_enrollment(
    request: Request, profile: str, call: Annotated[Call, allow(Permission.APPLICATION_READ)]
) -> Response:
    """Every method of one profile."""
    services = call.services
    found, methods = services.enrollment_methods.of(call.scope, profile, public_url(call, request))
    return ApplicationPage(request, call).render("enrollment/show.html", profile=found, methods=methods)


@router.post("/{profile}/{method}")
def switch(
    request: Request,
    profile: str,
    method: str,
    call: Annotated[Call, allow(Permission.ENROLLMENT_MANAGE)],
) -> Response:
    """Switch a method on or off; its settings stay."""
    if method not in list(EnrollmentMethod):
        raise NotFound("method of enrollment")
    services, enabled = call.services, form_of(request).get("enabled") == "yes"
    _, states = services.enrollment_methods.of(call.scope, profile, public_url(call, request))
    state = next(state for state in states if state.method == method)
    services.applications.set_enrollment(
        call.actor,
        call.application,
        profile,
        state.method,
        enabled=enabled,
        settings=state.settings,
    )
    notice = "switched-on" if enabled else "switched-off"
    return Page(request, call).go(f"{application_path(request)}/enrollment/{profile}#{method}", notice)
