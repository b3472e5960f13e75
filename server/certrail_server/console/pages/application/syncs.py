"""Syncs: what each delivers where, and how each delivery stands."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import Permission
from certrail.domain.states import DeliveryStatus
from certrail_server.api.answers.delivery import (
    delivery_answers,
    retirement_answers,
    sync_answer,
    sync_answers,
)
from certrail_server.api.checks import check_plugin
from certrail_server.api.guard import Call, allow
from certrail_server.api.pages import decode_cursor, page
from certrail_server.api.schemas.deliveries import DeliveryList, RetirementOut
from certrail_server.console.application import ApplicationPage, application_path
from certrail_server.console.forms import form_of
from certrail_server.console.page import Page, page_router

router = page_router("/applications/{application}/syncs")
LIMIT = 25
MOST_COUNTED = 200
"""Failing deliveries that the list counts."""


@router.get("")
def list_syncs(request: Request, call: Annotated[Call, allow(Permission.SYNC_READ)]) -> Response:
    """The syncs of an Application, with how many deliveries of each fail."""
    services = call.services
    failing = services.deliveries.unsuccessful_in([call.application], MOST_COUNTED)
    return ApplicationPage(request, call).render(
        "syncs/list.html",
        syncs=sync_answers(services, services.syncs.list(call.scope)),
        failing=Counter(sync.slug for _, sync in failing),
    )


@router.get("/{sync}")
def get_sync(
    request: Request,
    sync: str,
    call: Annotated[Call, allow(Permission.SYNC_READ)],
    status: Annotated[str, Query(max_length=16)] = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """One sync with its deliveries."""
    services = call.services
    row = services.syncs.get(call.scope, sync)
    wanted = status if status in list(DeliveryStatus) else None
    rows = services.deliveries.list(
        call.scope, sync=row.id, status=wanted, after=decode_cursor(cursor), limit=LIMIT + 1
    )
    found = page(DeliveryList, rows, LIMIT, partial(delivery_answers, services))
    return ApplicationPage(request, call).render(
        "syncs/show.html",
        block="list",
        sync=sync_answer(services, row),
        removals=_removals(call, row.slug),
        deliveries=found.items,
        next_cursor=found.next_cursor,
        first=cursor is None,
        chosen=wanted or "",
        statuses=[*DeliveryStatus],
    )


@router.post("/{sync}/auto", openapi_extra={"offers": "update_sync"})
def set_auto(request: Request, sync: str, call: Annotated[Call, allow(Permission.SYNC_MANAGE)]) -> Response:
    """Deliver new certificates by themselves, or by hand only."""
    auto = form_of(request).get("auto") == "yes"
    call.services.syncs.update(call.actor, call.scope, sync, auto=auto)
    path = f"{application_path(request)}/syncs/{sync}"
    return Page(request, call).go_back(path, "resumed" if auto else "paused")


@router.post("/{sync}/trigger", openapi_extra={"offers": "trigger_sync"})
def trigger(request: Request, sync: str, call: Annotated[Call, allow(Permission.SYNC_TRIGGER)]) -> Response:
    """Deliver all that the sync selects again."""
    call.services.syncs.trigger(call.actor, call.scope, sync)
    return Page(request, call).go_back(f"{application_path(request)}/syncs/{sync}", "sync-triggered")


@router.post("/{sync}/check", openapi_extra={"offers": "check_sync"})
async def check(
    request: Request, sync: str, call: Annotated[Call, allow(Permission.SYNC_TRIGGER)]
) -> Response:
    """Check that the destination takes the credentials."""
    row = await run_in_threadpool(call.services.syncs.get, call.scope, sync)
    build = partial(call.services.syncs.build, call.scope, row.id)
    await check_plugin(call.services, f"sync {row.id}", build)
    return Page(request, call).go_back(f"{application_path(request)}/syncs/{row.slug}", "checked")


def _removals(call: Call, sync: str) -> Sequence[RetirementOut]:
    """What is still to be removed from the destination of a sync, of the newest decisions of the Application."""
    rows = retirement_answers(call.services.retirements.list(call.scope, limit=MOST_COUNTED))
    return [row for row in rows if row.sync == sync and row.removed_at is None][:LIMIT]
