"""Users, groups and machine identities, each with its tokens."""

from typing import Annotated

from fastapi import Query, Request, Response

from certrail.domain.access import Permission
from certrail.services.access.viewed_lists import ViewedList
from certrail_server.api.answers.access import group_answers, principal_answer, token_answers
from certrail_server.api.guard import Call, allow
from certrail_server.api.schemas.access import PrincipalKind
from certrail_server.console.forms import form_of
from certrail_server.console.page import Page, page_router
from certrail_server.console.pages.saved_views import views_of
from certrail_server.console.timeline import happened

router = page_router("/people")
KINDS = (PrincipalKind.USER, PrincipalKind.GROUP, PrincipalKind.MACHINE)
MOST_EVENTS = 20
Manage = Annotated[Call, allow(Permission.PRINCIPAL_MANAGE)]


@router.get("")
def list_principals(
    request: Request, call: Manage, kind: Annotated[str, Query(max_length=16)] = ""
) -> Response:
    """All of them, or one kind; by slug."""
    wanted = kind if kind in KINDS else None
    rows = [row for row in call.services.principals.list(wanted) if row.kind in KINDS]
    return Page(request, call).render(
        "people/list.html",
        block="list",
        principals=[principal_answer(row) for row in rows],
        chosen=wanted or "",
        kinds=[*KINDS],
        views=views_of(call, ViewedList.PRINCIPALS, {"kind": wanted or ""}),
    )


@router.get("/{principal}")
def get_principal(request: Request, principal: str, call: Manage) -> Response:
    """One of them."""
    services = call.services
    row = services.principals.get(principal)
    group = group_answers(services, [row])[0] if row.kind == PrincipalKind.GROUP else None
    tokens = services.tokens.list(call.actor, row.id) if group is None else []
    return Page(request, call).render(
        "people/show.html",
        principal=principal_answer(row),
        group=group,
        tokens=token_answers(services, tokens),
        events=happened(services, services.audit_log.about([row.id], MOST_EVENTS)),
        is_me=row.id == call.actor.principal_id,
    )


@router.post("/{principal}/active", openapi_extra={"offers": "set_principal_active"})
def set_active(request: Request, principal: str, call: Manage) -> Response:
    """Let a principal act, or not."""
    active = form_of(request).get("active") == "yes"
    row = call.services.principals.set_active(call.actor, principal, active)
    notice = "principal-active" if active else "principal-inactive"
    return Page(request, call).go_back(f"/console/people/{row.slug}", notice)
