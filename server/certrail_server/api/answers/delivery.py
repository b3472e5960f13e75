"""Answers about syncs, deliveries and retirements."""

from collections.abc import Sequence

from certrail.persistence.tables import (
    Certificate,
    CertificateProfile,
    Connection,
    Delivery,
    Retirement,
    Sync,
)
from certrail.services.delivery.probes.looks import ShownProbe
from certrail.services.facade import Services
from certrail_server.api.schemas.deliveries import DeliveryOut, ProbeOut, RetirementOut
from certrail_server.api.schemas.syncs import SelectionOut, SyncOut


def sync_answers(services: Services, rows: Sequence[Sync]) -> list[SyncOut]:
    """One for each row."""
    named = (profile for row in rows for profile in row.selection.get("profiles", ()))
    names = services.names.of({Connection: (row.connection_id for row in rows), CertificateProfile: named})
    return [
        SyncOut.about(
            row,
            connection=names[Connection].get(row.connection_id or ""),
            config=services.syncs.shown(row),
            selection=SelectionOut.about(row.selection, names[CertificateProfile]),
        )
        for row in rows
    ]


def sync_answer(services: Services, row: Sync) -> SyncOut:
    """For one row."""
    (answer,) = sync_answers(services, [row])
    return answer


def delivery_answers(services: Services, rows: Sequence[tuple[Delivery, Sync]]) -> list[DeliveryOut]:
    """One for each row."""
    desired = (delivery.desired_certificate_id for delivery, _ in rows)
    names = services.names.of({Certificate: desired})[Certificate]
    probed = [delivery.id for delivery, sync in rows if sync.probes]
    served = services.probes.of_deliveries(probed)
    return [
        DeliveryOut.about(
            delivery,
            sync,
            names.get(delivery.desired_certificate_id, ""),
            served.get(delivery.id, ()),
        )
        for delivery, sync in rows
    ]


def delivery_answer(services: Services, row: tuple[Delivery, Sync]) -> DeliveryOut:
    """For one row."""
    (answer,) = delivery_answers(services, [row])
    return answer


def probe_answers(rows: Sequence[ShownProbe]) -> list[ProbeOut]:
    """One for each row."""
    return [ProbeOut.about(row) for row in rows]


def retirement_answers(rows: Sequence[tuple[Retirement, Delivery, Sync]]) -> list[RetirementOut]:
    """One for each row."""
    return [RetirementOut.about(*row) for row in rows]
