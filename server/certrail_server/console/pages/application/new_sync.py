"""A new sync, by a form that the schema of its destination gives."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import Permission
from certrail.domain.errors import CertrailError
from certrail_server.api.checks import check_plugin
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.syncs import SyncIn, SyncPreviewIn
from certrail_server.console.application import ApplicationPage, application_path
from certrail_server.console.forms import Form, form_of, once
from certrail_server.console.inputs import faults_of, named_values, read
from certrail_server.console.page import Page, page_router
from certrail_server.console.plugin_form import choices_of, plugin_form
from certrail_server.console.schema_form import values_of

router = page_router("/applications/{application}/new-sync")
Manage = Annotated[Call, allow(Permission.SYNC_MANAGE)]
PREVIEWED = 50
"""Objects of a preview that are listed."""


@router.get("")
def get_form(
    request: Request,
    call: Manage,
    destination: Annotated[str, Query(max_length=64)] = "",
    then: Annotated[str, Query(max_length=8)] = "",
) -> Response:
    """Choose a destination; then its form."""
    return _shown(request, call, destination, Form({"then": [then]}))


@router.post("", openapi_extra={"offers": "create_sync"})
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


@router.post("/preview", openapi_extra={"offers": "preview_sync"})
def preview(request: Request, call: Annotated[Call, allow(Permission.SYNC_READ)]) -> Response:
    """What it would deliver, and how it would be called there; nothing is stored."""
    form = form_of(request)
    destination, given = form.get("destination"), _given(form)
    try:
        body = read(
            SyncPreviewIn, {name: given[name] for name in SyncPreviewIn.model_fields if name in given}
        )
        rows = call.services.syncs.preview(
            call.scope,
            destination=body.destination,
            selection=body.selection.given(),
            name_schema=body.name_schema,
        )
    except CertrailError as refusal:
        return _shown(request, call, destination, form, refusal)
    objects = [(name, row.common_name or row.serial) for row, name in rows[:PREVIEWED]]
    return _shown(request, call, destination, form, preview=(len(rows), objects))


@router.post("/check", openapi_extra={"offers": "check_destination"})
async def check(request: Request, call: Manage) -> Response:
    """Check that the destination takes what was filled in, before it is saved."""
    form = form_of(request)
    destination = form.get("destination")
    try:
        fields = plugin_form(call.services, "destination", destination).fields
        config, connection = values_of(fields, form), form.get("connection") or None
        trial = partial(call.services.syncs.trial, destination, config, connection)
        await check_plugin(call.services, f"destination-{destination}", trial)
    except CertrailError as refusal:
        return await run_in_threadpool(_shown, request, call, destination, form, refusal)
    return await run_in_threadpool(partial(_shown, request, call, destination, form, checked=True))


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
    request: Request,
    call: Call,
    destination: str,
    form: Form,
    refusal: CertrailError | None = None,
    *,
    preview: tuple[int, Sequence[tuple[str, str]]] | None = None,
    checked: bool = False,
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
        preview=preview,
        checked=checked,
        refusal=refusal,
        faults=faults_of(refusal),
    )
