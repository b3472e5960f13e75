"""Syncs."""

from typing import Annotated

from fastapi import APIRouter, Response

from certrail.domain.access import Permission
from certrail.persistence.tables import Certificate, Sync
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.shapes import PreviewIn, SyncChangeIn, SyncIn, TrialIn, TriggerIn
from certrail_server.api.views import Json, items, shown

PREVIEWED = 500
router = APIRouter(prefix="/syncs", tags=["syncs"])
Read = Annotated[Call, allow(Permission.SYNC_READ)]
Trigger = Annotated[Call, allow(Permission.SYNC_TRIGGER)]
Manage = Annotated[Call, allow(Permission.SYNC_MANAGE)]
Create = Annotated[Call, allow(Permission.SYNC_MANAGE, creates="syncs")]


@router.get("")
def list_syncs(call: Read) -> Json:
    """The syncs of an Application, their secrets masked."""
    return items([_view(call, sync) for sync in call.services.syncs.list(call.scope)], dict)


@router.post("", status_code=201)
def create_sync(body: SyncIn, call: Create) -> Json:
    """Make a sync; certificates that match it already are delivered at once."""
    selection, values = body.selection.given(), body.model_dump(exclude={"selection"})
    syncs = call.services.syncs
    sync = idempotent(
        lambda: syncs.create(call.actor, call.scope, selection=selection, **values),
        lambda ident: syncs.get(call.scope, ident),
    )
    return _view(call, sync)


@router.post("/check")
async def try_destination(body: TrialIn, call: Manage) -> Json:
    """Check a configuration before it is saved."""
    await call.services.syncs.trial(body.plugin, body.config, body.connection).check()
    return {"ok": True}


@router.post("/preview")
def preview_sync(body: PreviewIn, call: Read) -> Json:
    """What a sync would carry, and what its objects would be called; at most 500 are listed."""
    rows = call.services.syncs.preview(
        call.scope,
        destination=body.destination,
        selection=body.selection.given(),
        name_schema=body.name_schema,
    )
    return {"count": len(rows), "items": [_carried(*row) for row in rows[:PREVIEWED]]}


@router.get("/{sync}")
def get_sync(sync: str, call: Read) -> Json:
    """One sync."""
    return _view(call, call.services.syncs.get(call.scope, sync))


@router.patch("/{sync}")
def update_sync(sync: str, body: SyncChangeIn, call: Manage) -> Json:
    """Change a sync; what matches only now is delivered."""
    selection = body.selection.given() if body.selection else None
    values = body.model_dump(exclude={"selection"})
    row = call.services.syncs.update(call.actor, call.scope, sync, selection=selection, **values)
    return _view(call, row)


@router.post("/{sync}/trigger", status_code=202)
def trigger_sync(sync: str, call: Trigger, body: TriggerIn | None = None) -> Json:
    """Deliver now what the sync carries, also what is delivered already, and also where `auto` is off."""
    lineages = body.lineages if body else ()
    return {"certificates": call.services.syncs.trigger(call.actor, call.scope, sync, lineages)}


@router.post("/{sync}/check")
async def check_sync(sync: str, call: Trigger) -> Json:
    """Check that the destination accepts the credentials."""
    await call.services.syncs.build(call.scope, sync).check()
    return {"ok": True}


@router.delete("/{sync}", status_code=204)
def delete_sync(sync: str, call: Manage, answer: Response, cleanup: bool = False) -> None:
    """Stop a sync. What it delivered stays where it is, or with `cleanup` leaves first; that is begun with a 202."""
    if call.services.syncs.delete(call.actor, call.scope, sync, cleanup=cleanup) is not None:
        answer.status_code = 202


def _carried(certificate: Certificate, name: str) -> Json:
    facts = certificate.model_dump(include={"lineage_id", "common_name", "names", "not_after"})
    return {"certificate_id": certificate.id, **facts, "object_name": name}


def _view(call: Call, sync: Sync) -> Json:
    return shown(sync, config=call.services.syncs.shown(sync))
