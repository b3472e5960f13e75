"""Deliveries and retirements."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail.domain.endpoints.probes import ProbeVerdict
from certrail.domain.states import DeliveryStatus
from certrail_server.api.answers.delivery import (
    delivery_answer,
    delivery_answers,
    probe_answers,
    retirement_answers,
)
from certrail_server.api.guard import Call, allow
from certrail_server.api.pages import Page
from certrail_server.api.schemas.deliveries import (
    DeliveryList,
    DeliveryOut,
    ProbeList,
    ProbeOut,
    RetirementList,
    RetirementOut,
    ServedIn,
)

scoped = APIRouter(tags=["deliveries"])
router = APIRouter(tags=["deliveries"])
Read = Annotated[Call, allow(Permission.SYNC_READ)]
Report = Annotated[Call, allow(Permission.SERVED_REPORT, agents=True)]
Retry = Annotated[Call, allow(Permission.DELIVERY_RETRY)]


@scoped.get("/deliveries")
def list_deliveries(
    call: Read,
    turn: Page,
    sync: Annotated[str | None, Query(max_length=64, description="Slug or id of a sync.")] = None,
    lineage: Annotated[str | None, Query(max_length=40, description="Id of a lineage.")] = None,
    status: Annotated[DeliveryStatus | None, Query(description="Only deliveries of this status.")] = None,
) -> DeliveryList:
    """The state of every lineage at every sync, or at one; newest first."""
    read = partial(call.services.deliveries.list, call.scope)
    show = partial(delivery_answers, call.services)
    return turn.of(DeliveryList, read, show, sync=sync, lineage_id=lineage, status=status)


@scoped.get("/probes")
def list_probes(
    call: Read,
    turn: Page,
    lineage: Annotated[str | None, Query(max_length=40, description="Id of a lineage.")] = None,
    verdict: Annotated[ProbeVerdict | None, Query(description="Only probes with this verdict.")] = None,
) -> ProbeList:
    """Whether certificates are served, by each probe of a sync and as agents report it; newest first."""
    read = partial(call.services.probes.list, call.scope)
    return turn.of(ProbeList, read, probe_answers, lineage_id=lineage, verdict=verdict)


@scoped.get("/retirements")
def list_retirements(call: Read, turn: Page) -> RetirementList:
    """What is to be removed from its destination and when, and what was removed; newest first."""
    return turn.of(RetirementList, partial(call.services.retirements.list, call.scope), retirement_answers)


@router.get("/deliveries/{delivery_id}")
def get_delivery(delivery_id: str, call: Read) -> DeliveryOut:
    """One delivery: what, since when, how often, what next, who must act."""
    return delivery_answer(call.services, call.services.deliveries.get(delivery_id))


@router.post("/deliveries/{delivery_id}/retry", status_code=202)
def retry_delivery(delivery_id: str, call: Retry) -> DeliveryOut:
    """Deliver again now."""
    call.services.deliveries.retry(call.actor, delivery_id)
    return delivery_answer(call.services, call.services.deliveries.get(delivery_id))


@router.post("/certificates/{certificate_id}/served")
def report_served(certificate_id: str, body: ServedIn, call: Report) -> ProbeOut:
    """Report what a service presents: by the agent of its host, about a certificate of its own."""
    probes = call.services.probes
    row = probes.report(
        call.actor, certificate_id, body.endpoint(), found=body.fingerprint, reason=body.reason
    )
    return ProbeOut.about(probes.get(row.id))


@router.get("/retirements/{retirement_id}")
def get_retirement(retirement_id: str, call: Read) -> RetirementOut:
    """One retirement."""
    return RetirementOut.about(*call.services.retirements.get(retirement_id))


@router.post("/retirements/{retirement_id}/retry", status_code=202)
def retry_retirement(retirement_id: str, call: Retry) -> RetirementOut:
    """Remove the object now, unless it is still desired: then it stays planned."""
    call.services.retirements.retry(call.actor, retirement_id)
    return RetirementOut.about(*call.services.retirements.get(retirement_id))
