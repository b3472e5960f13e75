"""Syncs."""

from typing import Annotated

from fastapi import APIRouter, Response

from certrail.domain.access import Permission
from certrail.persistence.tables import Sync
from certrail.services.syncs import Selection
from certrail_server.api.guard import Call, allow, once
from certrail_server.api.shapes import SelectionIn, SyncChangeIn, SyncIn, TrialIn
from certrail_server.api.views import Json, items, shown

router = APIRouter(prefix="/syncs", tags=["syncs"])
Read = Annotated[Call, allow(Permission.SYNC_READ)]
Manage = Annotated[Call, allow(Permission.SYNC_MANAGE)]
Create = Annotated[Call, allow(Permission.SYNC_MANAGE, creates="syncs")]


@router.get("")
def list_syncs(call: Read) -> Json:
    """The syncs of an Application, their secrets masked."""
    return items([_view(call, sync) for sync in call.services.syncs.list(call.scope)], dict)


@router.post("", status_code=201)
def create_sync(body: SyncIn, call: Create) -> Json:
    """Make a sync; certificates that match it already are delivered at once."""
    selection, values = _selection(body.selection), body.model_dump(exclude={"selection"})
    syncs = call.services.syncs
    sync = once(
        lambda: syncs.create(call.actor, call.scope, selection=selection, **values),
        lambda ident: syncs.get(call.scope, ident),
    )
    return _view(call, sync)


@router.post("/check")
async def try_destination(body: TrialIn, call: Manage) -> Json:
    """Check a configuration before it is saved."""
    await call.services.syncs.trial(body.plugin, body.config, body.connection).check()
    return {"ok": True}


@router.get("/{sync}")
def get_sync(sync: str, call: Read) -> Json:
    """One sync."""
    return _view(call, call.services.syncs.get(call.scope, sync))


@router.patch("/{sync}")
def update_sync(sync: str, body: SyncChangeIn, call: Manage) -> Json:
    """Change a sync; what matches only now is delivered."""
    selection = _selection(body.selection) if body.selection else None
    values = body.model_dump(exclude={"selection"})
    row = call.services.syncs.update(call.actor, call.scope, sync, selection=selection, **values)
    return _view(call, row)


@router.post("/{sync}/check")
async def check_sync(sync: str, call: Manage) -> Json:
    """Check that the destination accepts the credentials."""
    await call.services.syncs.build(call.scope, sync).check()
    return {"ok": True}


@router.delete("/{sync}", status_code=204)
def delete_sync(sync: str, call: Manage, answer: Response, cleanup: bool = False) -> None:
    """Stop a sync. What it delivered stays where it is, or with `cleanup` leaves first; that is begun with a 202."""
    if call.services.syncs.delete(call.actor, call.scope, sync, cleanup=cleanup) is not None:
        answer.status_code = 202


def _selection(given: SelectionIn) -> Selection:
    return Selection(tuple(given.lineages), tuple(given.profiles), given.metadata)


def _view(call: Call, sync: Sync) -> Json:
    return shown(sync, config=call.services.syncs.shown(sync))
