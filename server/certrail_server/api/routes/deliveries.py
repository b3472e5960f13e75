"""Where certificates stand at their destinations, and what is to leave them."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail.persistence.tables import Delivery, Retirement, Sync
from certrail.services.delivery.retirement_planner import WAITING
from certrail_server.api.guard import Call, allow
from certrail_server.api.pages import Page
from certrail_server.api.views import Json, shown

scoped = APIRouter(tags=["deliveries"])
router = APIRouter(tags=["deliveries"])
Read = Annotated[Call, allow(Permission.SYNC_READ)]
Retry = Annotated[Call, allow(Permission.DELIVERY_RETRY)]


@scoped.get("/deliveries")
def list_deliveries(
    call: Read,
    turn: Page,
    sync: Annotated[str | None, Query(max_length=64)] = None,
    lineage: Annotated[str | None, Query(max_length=40)] = None,
    status: Annotated[str | None, Query(max_length=16)] = None,
) -> Json:
    """Where every certificate stands at every sync, or at one; newest first."""
    read = partial(call.services.deliveries.list, call.scope)
    return turn.of(read, lambda row: _delivery(*row), sync=sync, lineage_id=lineage, status=status)


@scoped.get("/retirements")
def list_retirements(call: Read, turn: Page) -> Json:
    """What is to leave its destination and when, and what has left; newest first."""
    return turn.of(partial(call.services.retirements.list, call.scope), lambda row: _retirement(*row))


@router.get("/deliveries/{delivery_id}")
def get_delivery(delivery_id: str, call: Read) -> Json:
    """One delivery: what, since when, how often, what next, who must act."""
    return _delivery(*call.services.deliveries.get(delivery_id))


@router.post("/deliveries/{delivery_id}/retry", status_code=202)
def retry_delivery(delivery_id: str, call: Retry) -> Json:
    """Try again now."""
    call.services.deliveries.retry(call.actor, delivery_id)
    return _delivery(*call.services.deliveries.get(delivery_id))


@router.post("/retirements/{retirement_id}/retry", status_code=202)
def retry_retirement(retirement_id: str, call: Retry) -> Json:
    """Take it away now."""
    call.services.retirements.retry(call.actor, retirement_id)
    return _retirement(*call.services.retirements.get(retirement_id))


def _delivery(row: Delivery, sync: Sync) -> Json:
    return shown(row, sync=sync.slug, destination=sync.destination, application_id=sync.application_id)


def _retirement(row: Retirement, delivery: Delivery, sync: Sync) -> Json:
    return shown(
        row,
        planned=row.status == WAITING,
        object_name=delivery.object_name,
        lineage_id=delivery.lineage_id,
        sync=sync.slug,
        destination=sync.destination,
        application_id=sync.application_id,
    )
