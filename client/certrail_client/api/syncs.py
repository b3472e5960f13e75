"""Calls: syncs.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.base import Json
from certrail_client.calls import Call, scoped
from certrail_client.models.common import TrialIn
from certrail_client.models.syncs import PreviewIn, SyncChangeIn, SyncIn, TriggerIn


def list_syncs(application: str | None) -> Call[Json]:
    """The syncs of an Application, their secrets masked."""
    path = scoped(application, "/syncs")
    return Call("GET", path, Json)


def create_sync(application: str | None, body: SyncIn) -> Call[Json]:
    """Make a sync; certificates that match it already are delivered at once."""
    path = scoped(application, "/syncs")
    return Call("POST", path, Json, body=body, idempotent=True)


def try_destination(application: str | None, body: TrialIn) -> Call[Json]:
    """Check a configuration before it is saved."""
    path = scoped(application, "/syncs/check")
    return Call("POST", path, Json, body=body, idempotent=True)


def preview_sync(application: str | None, body: PreviewIn) -> Call[Json]:
    """What a sync would carry, and what its objects would be called; at most 500 are listed."""
    path = scoped(application, "/syncs/preview")
    return Call("POST", path, Json, body=body, idempotent=True)


def get_sync(application: str | None, sync: str) -> Call[Json]:
    """One sync."""
    path = scoped(application, "/syncs/{sync}", sync=sync)
    return Call("GET", path, Json)


def update_sync(application: str | None, sync: str, body: SyncChangeIn) -> Call[Json]:
    """Change a sync; what matches only now is delivered."""
    path = scoped(application, "/syncs/{sync}", sync=sync)
    return Call("PATCH", path, Json, body=body)


def delete_sync(application: str | None, sync: str, *, cleanup: bool | None = None) -> Call[None]:
    """Stop a sync. What it delivered stays where it is, or with `cleanup` leaves first; that is begun with
    a 202.
    """
    path = scoped(application, "/syncs/{sync}", sync=sync)
    return Call("DELETE", path, type(None), query={"cleanup": cleanup})


def trigger_sync(application: str | None, sync: str, body: TriggerIn | None = None) -> Call[Json]:
    """Deliver now what the sync carries, also what is delivered already, and also where `auto` is off."""
    path = scoped(application, "/syncs/{sync}/trigger", sync=sync)
    return Call("POST", path, Json, body=body, idempotent=True)


def check_sync(application: str | None, sync: str) -> Call[Json]:
    """Check that the destination accepts the credentials."""
    path = scoped(application, "/syncs/{sync}/check", sync=sync)
    return Call("POST", path, Json, idempotent=True)
