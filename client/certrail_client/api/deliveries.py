"""Calls: deliveries.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of, scoped
from certrail_client.models.deliveries import (
    DeliveryList,
    DeliveryOut,
    DeliveryStatus,
    ProbeList,
    ProbeOut,
    ProbeVerdict,
    RetirementList,
    RetirementOut,
    ServedIn,
)


def get_delivery(delivery_id: str) -> Call[DeliveryOut]:
    """One delivery: what, since when, how often, what next, who must act."""
    path = path_of(PREFIX + "/deliveries/{delivery_id}", delivery_id=delivery_id)
    return Call("GET", path, DeliveryOut)


def retry_delivery(delivery_id: str) -> Call[DeliveryOut]:
    """Deliver again now."""
    path = path_of(PREFIX + "/deliveries/{delivery_id}/retry", delivery_id=delivery_id)
    return Call("POST", path, DeliveryOut)


def report_served(certificate_id: str, body: ServedIn) -> Call[ProbeOut]:
    """Report what a service presents: by the agent of its host, about a certificate of its own."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/served", certificate_id=certificate_id)
    return Call("POST", path, ProbeOut, body=body)


def get_retirement(retirement_id: str) -> Call[RetirementOut]:
    """One retirement."""
    path = path_of(PREFIX + "/retirements/{retirement_id}", retirement_id=retirement_id)
    return Call("GET", path, RetirementOut)


def retry_retirement(retirement_id: str) -> Call[RetirementOut]:
    """Remove the object now, unless it is still desired: then it stays planned."""
    path = path_of(PREFIX + "/retirements/{retirement_id}/retry", retirement_id=retirement_id)
    return Call("POST", path, RetirementOut)


def list_deliveries(
    application: str | None,
    *,
    sync: str | None = None,
    lineage: str | None = None,
    status: DeliveryStatus | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> PagedCall[DeliveryList, DeliveryOut]:
    """The state of every lineage at every sync, or at one; newest first."""
    path = scoped(application, "/deliveries")
    return PagedCall(
        "GET",
        path,
        DeliveryList,
        query={"sync": sync, "lineage": lineage, "status": status, "cursor": cursor, "limit": limit},
        position="cursor",
    )


def list_probes(
    application: str | None,
    *,
    lineage: str | None = None,
    verdict: ProbeVerdict | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> PagedCall[ProbeList, ProbeOut]:
    """Whether certificates are served, by each probe of a sync and as agents report it; newest first."""
    path = scoped(application, "/probes")
    return PagedCall(
        "GET",
        path,
        ProbeList,
        query={"lineage": lineage, "verdict": verdict, "cursor": cursor, "limit": limit},
        position="cursor",
    )


def list_retirements(
    application: str | None, *, cursor: str | None = None, limit: int | None = None
) -> PagedCall[RetirementList, RetirementOut]:
    """What is to be removed from its destination and when, and what was removed; newest first."""
    path = scoped(application, "/retirements")
    return PagedCall("GET", path, RetirementList, query={"cursor": cursor, "limit": limit}, position="cursor")
