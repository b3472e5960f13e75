"""A new Application: the first step of its guided creation."""

from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail.domain.errors import CertrailError
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.applications import ApplicationIn
from certrail_server.console.forms import Form, form_of, once
from certrail_server.console.inputs import faults_of, read
from certrail_server.console.page import Page, page_router

router = page_router("/new-application")
Create = Annotated[Call, allow(Permission.APPLICATION_CREATE)]


@router.get("")
def get_form(request: Request, call: Create) -> Response:
    """The form."""
    return _shown(request, call, Form({}))


@router.post("", openapi_extra={"offers": "create_application"})
def create(request: Request, call: Create) -> Response:
    """Create the Application, and go on with its members."""
    form, applications, actor = form_of(request), call.services.applications, once(request, call.actor)
    try:
        given = {name: form.get(name) for name in ("slug", "name", "description")}
        body = read(ApplicationIn, {**given, "profiles": form.all("profiles")})
        made = idempotent(lambda: applications.create(actor, **body.model_dump()), applications.get)
    except CertrailError as refusal:
        return _shown(request, call, form, refusal)
    return Page(request, call).go(f"/console/applications/{made.slug}/setup/members", "created")


def _shown(request: Request, call: Call, form: Form, refusal: CertrailError | None = None) -> Response:
    return Page(request, call).render(
        "setup/name.html",
        refusal.status if refusal else 200,
        profiles=[(row.slug, row.name) for row in call.services.catalog.profiles()],
        given=form,
        refusal=refusal,
        faults=faults_of(refusal),
    )
