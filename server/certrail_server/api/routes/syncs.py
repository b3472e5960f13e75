"""Syncs."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response

from certrail.domain.access import Permission
from certrail_server.api.answers.delivery import sync_answer, sync_answers
from certrail_server.api.checks import check_plugin
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.base import Ok
from certrail_server.api.schemas.syncs import (
    DestinationTrialIn,
    PreviewedObject,
    SyncChangeIn,
    SyncIn,
    SyncList,
    SyncOut,
    SyncPreviewIn,
    SyncPreviewOut,
    TriggerIn,
    TriggerOut,
)

PREVIEWED = 500
router = APIRouter(prefix="/syncs", tags=["syncs"])
Read = Annotated[Call, allow(Permission.SYNC_READ)]
Trigger = Annotated[Call, allow(Permission.SYNC_TRIGGER)]
Manage = Annotated[Call, allow(Permission.SYNC_MANAGE)]
Create = Annotated[Call, allow(Permission.SYNC_MANAGE, creates="syncs")]


@router.get("")
def list_syncs(call: Read) -> SyncList:
    """The syncs of an Application, their secrets masked; by slug."""
    return SyncList(items=sync_answers(call.services, call.services.syncs.list(call.scope)))


@router.post("", status_code=201)
def create_sync(body: SyncIn, call: Create) -> SyncOut:
    """Create a sync; certificates that it selects already are delivered at once."""
    syncs = call.services.syncs
    sync = idempotent(
        lambda: syncs.create(call.actor, call.scope, selection=body.selection.given(), **body.values()),
        lambda ident: syncs.get(call.scope, ident),
    )
    return sync_answer(call.services, sync)


@router.post("/check")
async def check_destination(body: DestinationTrialIn, call: Manage) -> Ok:
    """Check a configuration before it is saved."""
    trial = partial(call.services.syncs.trial, body.plugin, body.config, body.connection)
    await check_plugin(call.services, f"destination-{body.plugin}", trial)
    return Ok(ok=True)


@router.post("/preview")
def preview_sync(body: SyncPreviewIn, call: Read) -> SyncPreviewOut:
    """What a sync would deliver, and what its objects would be called; at most 500 are listed."""
    rows = call.services.syncs.preview(
        call.scope,
        destination=body.destination,
        selection=body.selection.given(),
        name_schema=body.name_schema,
    )
    return SyncPreviewOut(count=len(rows), items=[PreviewedObject.about(*row) for row in rows[:PREVIEWED]])


@router.get("/{sync}")
def get_sync(sync: str, call: Read) -> SyncOut:
    """One sync, its secrets masked."""
    return sync_answer(call.services, call.services.syncs.get(call.scope, sync))


@router.patch("/{sync}")
def update_sync(sync: str, body: SyncChangeIn, call: Manage) -> SyncOut:
    """Change a sync; what it selects only now is delivered."""
    row = call.services.syncs.update(call.actor, call.scope, sync, **body.values())
    return sync_answer(call.services, row)


@router.post("/{sync}/trigger", status_code=202)
def trigger_sync(sync: str, call: Trigger, body: TriggerIn | None = None) -> TriggerOut:
    """Deliver what the sync selects again, also what is delivered already, and also where `auto` is off."""
    lineages = body.lineages if body else ()
    count = call.services.syncs.trigger(call.actor, call.scope, sync, lineages)
    return TriggerOut(certificates=count)


@router.post("/{sync}/check")
async def check_sync(sync: str, call: Trigger) -> Ok:
    """Check that the destination accepts the credentials."""
    build = partial(call.services.syncs.build, call.scope, sync)
    await check_plugin(call.services, f"sync {sync}", build)
    return Ok(ok=True)


@router.delete(
    "/{sync}",
    status_code=204,
    responses={202: {"description": "Deleted once its last object is removed"}},
)
def delete_sync(
    sync: str,
    call: Manage,
    answer: Response,
    cleanup: Annotated[
        bool, Query(description="Remove what it delivered first; the call is then answered with 202.")
    ] = False,
) -> None:
    """Delete a sync. What it delivered stays at the destination, or with `cleanup` is removed first."""
    if call.services.syncs.delete(call.actor, call.scope, sync, cleanup=cleanup) is not None:
        answer.status_code = 202
