"""Every event, one class each, in the module of the room that records it.

A use case records one in the transaction of its change: ``uow.record(SomeEvent(subject_id, application_id, …))``.
"""

# Imported for their classes: `EVENTS` is complete once this package is.
from certrail.domain.events import (
    access,
    acme,
    alerting,
    approvals,
    authorities,
    catalog,
    delivery,
    enrollment,
    integrations,
    inventory,
    issuance,
    lifecycle,
    operations,
    tenancy,
)
from certrail.domain.events.base import EVENTS, Event, Facts

__all__ = [
    "EVENTS",
    "Event",
    "Facts",
    "access",
    "acme",
    "alerting",
    "approvals",
    "authorities",
    "catalog",
    "delivery",
    "enrollment",
    "integrations",
    "inventory",
    "issuance",
    "lifecycle",
    "operations",
    "tenancy",
]
