"""The audit log, for those who audit it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail.persistence.tables import EventRow
from certrail_server.api.guard import Call, allow
from certrail_server.api.schemas.events import AuditHeadOut, EventList, EventOut

router = APIRouter(prefix="/audit", tags=["audit"])
Read = Annotated[Call, allow(Permission.AUDIT_READ)]
After = Annotated[int, Query(ge=0, le=2**53, description="`seq` of the last event that was read.")]
EventLimit = Annotated[int, Query(ge=1, le=1000, description="How many events a page has at most.")]
EventType = Annotated[str | None, Query(max_length=64, description="Only events of this type.")]
Subject = Annotated[str | None, Query(max_length=80, description="Only events about the object of this id.")]


@router.get("/events")
def list_all_events(
    call: Read, after: After = 0, limit: EventLimit = 100, type: EventType = None, subject: Subject = None
) -> EventList:
    """Every event, oldest first, with the hash that chains it; `after` is the `seq` of the last one read."""
    rows = call.services.audit_log.events(None, after=after, limit=limit, type_=type, subject_id=subject)
    return event_list(rows, limit)


@router.get("/head")
def get_audit_head(call: Read) -> AuditHeadOut:
    """The end of the audit chain. Stored elsewhere, it proves later that nothing before it was rewritten."""
    return AuditHeadOut.of(call.services.audit_log.head())


def event_list(rows: Sequence[EventRow], limit: int) -> EventList:
    """One page of events, whose cursor is a `seq`."""
    more = len(rows) == limit
    return EventList(items=[EventOut.of(row) for row in rows], next_cursor=rows[-1].seq if more else None)
