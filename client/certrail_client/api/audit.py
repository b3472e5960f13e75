"""Calls: audit.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of
from certrail_client.models.audit import AuditHeadOut
from certrail_client.models.common import EventList, EventOut


def list_all_events(
    *, after: int | None = None, limit: int | None = None, type: str | None = None, subject: str | None = None
) -> PagedCall[EventList, EventOut]:
    """Every event, oldest first, with the hash that chains it; `after` is the `seq` of the last one read."""
    path = path_of(PREFIX + "/audit/events")
    return PagedCall(
        "GET",
        path,
        EventList,
        query={"after": after, "limit": limit, "type": type, "subject": subject},
        position="after",
    )


def get_audit_head() -> Call[AuditHeadOut]:
    """The end of the audit chain. Stored elsewhere, it proves later that nothing before it was rewritten."""
    path = path_of(PREFIX + "/audit/head")
    return Call("GET", path, AuditHeadOut)
