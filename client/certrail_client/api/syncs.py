"""Calls: syncs.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import Call, PagedCall, scoped
from certrail_client.models.common import Ok
from certrail_client.models.syncs import (
    DestinationTrialIn,
    SyncChangeIn,
    SyncIn,
    SyncList,
    SyncOut,
    SyncPreviewIn,
    SyncPreviewOut,
    TriggerIn,
    TriggerOut,
)


def list_syncs(application: str | None) -> PagedCall[SyncList, SyncOut]:
    """The syncs of an Application, their secrets masked; by slug."""
    path = scoped(application, "/syncs")
    return PagedCall("GET", path, SyncList, position="cursor")


def create_sync(application: str | None, body: SyncIn) -> Call[SyncOut]:
    """Create a sync; certificates that it selects already are delivered at once."""
    path = scoped(application, "/syncs")
    return Call("POST", path, SyncOut, body=body, idempotent=True)


def check_destination(application: str | None, body: DestinationTrialIn) -> Call[Ok]:
    """Check a configuration before it is saved."""
    path = scoped(application, "/syncs/check")
    return Call("POST", path, Ok, body=body)


def preview_sync(application: str | None, body: SyncPreviewIn) -> Call[SyncPreviewOut]:
    """What a sync would deliver, and what its objects would be called; at most 500 are listed."""
    path = scoped(application, "/syncs/preview")
    return Call("POST", path, SyncPreviewOut, body=body)


def get_sync(application: str | None, sync: str) -> Call[SyncOut]:
    """One sync, its secrets masked."""
    path = scoped(application, "/syncs/{sync}", sync=sync)
    return Call("GET", path, SyncOut)


def update_sync(application: str | None, sync: str, body: SyncChangeIn) -> Call[SyncOut]:
    """Change a sync; what it selects only now is delivered."""
    path = scoped(application, "/syncs/{sync}", sync=sync)
    return Call("PATCH", path, SyncOut, body=body)


def delete_sync(application: str | None, sync: str, *, cleanup: bool | None = None) -> Call[None]:
    """Delete a sync. What it delivered stays at the destination, or with `cleanup` is removed first."""
    path = scoped(application, "/syncs/{sync}", sync=sync)
    return Call("DELETE", path, type(None), query={"cleanup": cleanup})


def trigger_sync(application: str | None, sync: str, body: TriggerIn | None = None) -> Call[TriggerOut]:
    """Deliver what the sync selects again, also what is delivered already, and also where `auto` is off."""
    path = scoped(application, "/syncs/{sync}/trigger", sync=sync)
    return Call("POST", path, TriggerOut, body=body)


def check_sync(application: str | None, sync: str) -> Call[Ok]:
    """Check that the destination accepts the credentials."""
    path = scoped(application, "/syncs/{sync}/check", sync=sync)
    return Call("POST", path, Ok)
