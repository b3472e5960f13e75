"""Calls: audit.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.base import Json
from certrail_client.calls import PREFIX, Call, path_of


def list_all_events(
    *, after: int | None = None, limit: int | None = None, type: str | None = None, subject: str | None = None
) -> Call[Json]:
    """Every event in order, with the hash that chains it; `after` is the `seq` of the last one read."""
    path = path_of(PREFIX + "/audit/events")
    return Call("GET", path, Json, query={"after": after, "limit": limit, "type": type, "subject": subject})


def get_head() -> Call[Json]:
    """The end of the chain. Kept elsewhere, it proves later that nothing before it was rewritten."""
    path = path_of(PREFIX + "/audit/head")
    return Call("GET", path, Json)
