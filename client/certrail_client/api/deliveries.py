"""Calls: deliveries.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.base import Json
from certrail_client.calls import PREFIX, Call, path_of, scoped


def get_delivery(delivery_id: str) -> Call[Json]:
    """One delivery: what, since when, how often, what next, who must act."""
    path = path_of(PREFIX + "/deliveries/{delivery_id}", delivery_id=delivery_id)
    return Call("GET", path, Json)


def retry_delivery(delivery_id: str) -> Call[Json]:
    """Try again now."""
    path = path_of(PREFIX + "/deliveries/{delivery_id}/retry", delivery_id=delivery_id)
    return Call("POST", path, Json, idempotent=True)


def retry_retirement(retirement_id: str) -> Call[Json]:
    """Take it away now."""
    path = path_of(PREFIX + "/retirements/{retirement_id}/retry", retirement_id=retirement_id)
    return Call("POST", path, Json, idempotent=True)


def list_deliveries(
    application: str | None,
    *,
    sync: str | None = None,
    lineage: str | None = None,
    status: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[Json]:
    """Where every certificate stands at every sync, or at one; newest first."""
    path = scoped(application, "/deliveries")
    return Call(
        "GET",
        path,
        Json,
        query={"sync": sync, "lineage": lineage, "status": status, "cursor": cursor, "limit": limit},
    )


def list_retirements(
    application: str | None, *, cursor: str | None = None, limit: int | None = None
) -> Call[Json]:
    """What is to leave its destination and when, and what has left; newest first."""
    path = scoped(application, "/retirements")
    return Call("GET", path, Json, query={"cursor": cursor, "limit": limit})
