"""A new channel, by a form that the schema of its notifier gives."""

from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import Permission
from certrail.domain.errors import CertrailError
from certrail_server.api.checks import check_plugin
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.channels import ChannelIn
from certrail_server.console.application import ApplicationPage, application_path
from certrail_server.console.forms import Form, form_of, once
from certrail_server.console.inputs import faults_of, read
from certrail_server.console.page import Page, page_router
from certrail_server.console.plugin_form import choices_of, plugin_form
from certrail_server.console.schema_form import values_of

router = page_router("/applications/{application}/new-channel")
Manage = Annotated[Call, allow(Permission.ALERT_MANAGE)]


@router.get("")
def get_form(
    request: Request,
    call: Manage,
    notifier: Annotated[str, Query(max_length=64)] = "",
    then: Annotated[str, Query(max_length=8)] = "",
) -> Response:
    """Choose a notifier; then its form."""
    return _shown(request, call, notifier, Form({"then": [then]}))


@router.post("", openapi_extra={"offers": "create_channel"})
def create(request: Request, call: Manage) -> Response:
    """Create a channel."""
    form, channels, actor = form_of(request), call.services.channels, once(request, call.actor)
    notifier = form.get("notifier")
    fields = plugin_form(call.services, "notifier", notifier).fields
    try:
        given = form.given("slug", "name", "notifier", "connection", "digest")
        body = read(ChannelIn, {**given, "config": values_of(fields, form)})
        idempotent(
            lambda: channels.create(actor, call.scope, **dict(body)),
            lambda ident: channels.get(call.scope, ident),
        )
    except CertrailError as refusal:
        return _shown(request, call, notifier, form, refusal)
    if form.get("then") == "setup":
        return Page(request, call).go(f"{application_path(request)}/setup/alert", "created")
    return Page(request, call).go(f"{application_path(request)}/alerts", "created")


@router.post("/check", openapi_extra={"offers": "check_notifier"})
async def check(request: Request, call: Manage) -> Response:
    """Check that the channel could be used, before it is saved."""
    form = form_of(request)
    notifier = form.get("notifier")
    try:
        fields = plugin_form(call.services, "notifier", notifier).fields
        config, connection = values_of(fields, form), form.get("connection") or None
        trial = partial(call.services.channels.trial, notifier, config, connection)
        await check_plugin(call.services, f"notifier-{notifier}", trial)
    except CertrailError as refusal:
        return await run_in_threadpool(_shown, request, call, notifier, form, refusal)
    return await run_in_threadpool(partial(_shown, request, call, notifier, form, checked=True))


def _shown(
    request: Request,
    call: Call,
    notifier: str,
    form: Form,
    refusal: CertrailError | None = None,
    *,
    checked: bool = False,
) -> Response:
    services = call.services
    chosen = plugin_form(services, "notifier", notifier) if notifier else None
    return ApplicationPage(request, call).render(
        "channels/new.html",
        refusal.status if refusal else 200,
        notifiers=[(info.name, info.title) for info in choices_of(services, "notifier")],
        chosen=chosen,
        fields=chosen.fields if chosen else (),
        given=form,
        checked=checked,
        refusal=refusal,
        faults=faults_of(refusal),
    )
