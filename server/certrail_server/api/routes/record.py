"""The record of everything, for those who audit it."""

from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail_server.api.guard import Call, allow
from certrail_server.api.views import Json, record_page, shown

router = APIRouter(prefix="/audit", tags=["audit"])
Read = Annotated[Call, allow(Permission.AUDIT_READ)]


@router.get("/events")
def list_all_events(
    call: Read,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    type: Annotated[str | None, Query(max_length=64)] = None,
    subject: Annotated[str | None, Query(max_length=80)] = None,
) -> Json:
    """Every event in order, with the hash that chains it; `after` is the `seq` of the last one read."""
    return record_page(
        call.services.record.events(None, after=after, limit=limit, type_=type, subject_id=subject), limit
    )


@router.get("/head")
def get_head(call: Read) -> Json:
    """The end of the chain. Kept elsewhere, it proves later that nothing before it was rewritten."""
    return shown(call.services.record.head())
