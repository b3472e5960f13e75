"""Plugins: whether each can be used, its health, its step of the ladder and its configuration."""

from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail.domain.errors import NotFound
from certrail.plugins.conformance import level_of
from certrail_server.api.answers.catalog import plugin_answers
from certrail_server.api.guard import Call, allow
from certrail_server.console.page import Page, page_router

router = page_router("/plugins")


@router.get("")
def list_plugins(request: Request, call: Annotated[Call, allow(Permission.PLUGIN_READ)]) -> Response:
    """Every plugin, by kind and name."""
    infos = call.services.context.plugins.all()
    levels = {info.key: level_of(info.key, info.distribution, info.version) for info in infos}
    return Page(request, call).render(
        "plugins/list.html", plugins=plugin_answers(call.services, infos), levels=levels
    )


@router.get("/{kind}/{name}")
def get_plugin(
    request: Request, kind: str, name: str, call: Annotated[Call, allow(Permission.PLUGIN_READ)]
) -> Response:
    """One plugin."""
    found = [i for i in call.services.context.plugins.all() if (i.kind, i.name) == (kind, name)]
    if not found:
        raise NotFound("plugin", name)
    info = found[0]
    (plugin,) = plugin_answers(call.services, [info])
    return Page(request, call).render(
        "plugins/show.html", plugin=plugin, level=level_of(info.key, info.distribution, info.version)
    )


@router.post("/{kind}/{name}/release", openapi_extra={"offers": "release_plugin"})
def release_plugin(
    request: Request, kind: str, name: str, call: Annotated[Call, allow(Permission.PRODUCT_MANAGE)]
) -> Response:
    """End the quarantine of a plugin."""
    call.services.plugin_faults.release(call.actor, f"{kind}-{name}")
    return Page(request, call).go_back(f"/console/plugins/{kind}/{name}", "plugin-released")
