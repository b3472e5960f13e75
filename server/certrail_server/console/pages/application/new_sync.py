"""A new sync, by a form that the schema of its destination gives."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from certrail.domain.access import Permission
from certrail.domain.errors import CertrailError
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.syncs import SyncIn
from certrail_server.console.application import ApplicationPage, application_path
from certrail_server.console.forms import Form, form_of, once
from certrail_server.console.inputs import faults_of, named_values, read
from certrail_server.console.page import Page, page_router
from certrail_server.console.plugin_form import choices_of, plugin_form
from certrail_server.console.schema_form import values_of

router = page_router("/applications/{application}/new-sync")
Manage = Annotated[Call, allow(Permission.SYNC_MANAGE)]


@router.get("")
def get_form(
    request: Request,
    call: Manage,
    destination: Annotated[str, Query(max_length=64)] = "",
    then: Annotated[str, Query(max_length=8)] = "",
) -> Response:
    """Choose a destination; then its form."""
    return _shown(request, call, destination, Form({"then": [then]}))


@router.post("")
def create(request: Request, call: Manage) -> Response:
    """Create a sync; what it selects already is delivered at once."""
    form, syncs, actor = form_of(request), call.services.syncs, once(request, call.actor)
    destination = form.get("destination")
    fields = plugin_form(call.services, "destination", destination).fields
    try:
        body = read(SyncIn, {**_given(form), "config": values_of(fields, form)})
        made = idempotent(
            lambda: syncs.create(actor, call.scope, selection=body.selection.given(), **body.values()),
            lambda ident: syncs.get(call.scope, ident),
        )
    except CertrailError as refusal:
        return _shown(request, call, destination, form, refusal)
    if form.get("then") == "setup":
        return Page(request, call).go(f"{application_path(request)}/setup/alert", "created")
    return Page(request, call).go(f"{application_path(request)}/syncs/{made.slug}", "created")


def _given(form: Form) -> dict[str, Any]:
    selection = {
        "profiles": form.all("profiles"),
        "names": form.lines("names"),
        "metadata": named_values(form.lines("metadata"), "selection.metadata"),
    }
    return {
        **form.given("slug", "name", "destination", "connection", "name_schema"),
        "selection": selection,
        "include_root": form.get("include_root") == "yes",
        "prune": form.get("prune") == "yes",
    }


def _shown(
    request: Request, call: Call, destination: str, form: Form, refusal: CertrailError | None = None
) -> Response:
    services = call.services
    chosen = plugin_form(services, "destination", destination) if destination else None
    return ApplicationPage(request, call).render(
        "syncs/new.html",
        refusal.status if refusal else 200,
        destinations=[(info.name, info.title) for info in choices_of(services, "destination")],
        chosen=chosen,
        fields=chosen.fields if chosen else (),
        profiles=[row.slug for _, row in services.applications.profiles(call.application)],
        given=form,
        refusal=refusal,
        faults=faults_of(refusal),
    )
