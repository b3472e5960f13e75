"""A new certificate request, by a form."""

from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail.domain.errors import CertrailError
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.console.application import ApplicationPage
from certrail_server.console.forms import Form, form_of, once
from certrail_server.console.inputs import certificate_request, faults_of
from certrail_server.console.page import Page, page_router

router = page_router("/applications/{application}/requests/new")


@router.get("")
def get_form(request: Request, call: Annotated[Call, allow(Permission.REQUEST_CREATE)]) -> Response:
    """The form."""
    return _shown(request, call, Form({}))


@router.post("", openapi_extra={"offers": "create_certificate_request"})
def submit(request: Request, call: Annotated[Call, allow(Permission.REQUEST_CREATE)]) -> Response:
    """Submit a request; one that is refused is shown again with every reason."""
    form, requests, actor = form_of(request), call.services.requests, once(request, call.actor)
    try:
        body = certificate_request(form, form.get("profile"))
        made = idempotent(
            lambda: requests.submit(
                actor,
                call.scope,
                profile=body.profile,
                content=body.content(),
                attributes=body.metadata,
            ),
            requests.get,
        )
    except CertrailError as refusal:
        return _shown(request, call, form, refusal)
    return Page(request, call).go(f"/console/requests/{made.id}", "requested")


def _shown(request: Request, call: Call, form: Form, refusal: CertrailError | None = None) -> Response:
    attached = call.services.applications.profiles(call.application)
    return ApplicationPage(request, call).render(
        "requests/new.html",
        refusal.status if refusal else 200,
        profiles=[(profile.slug, profile.name) for link, profile in attached if link.enabled],
        given=form,
        refusal=refusal,
        faults=faults_of(refusal),
    )
