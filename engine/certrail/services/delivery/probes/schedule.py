"""Which probes there are of a delivery, and when each looks next. The delivery is locked before its probes."""

from collections.abc import Collection
from datetime import timedelta

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.domain.endpoints.probes import Endpoint, ProbeSettings
from certrail.domain.events.delivery import ProbeEnded, ProbeFacts
from certrail.domain.states import DeliveryStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, Delivery, Lineage, Probe, Sync
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.inventory.selectors import names_of


def probe_now(uow: UnitOfWork, sync: Sync, delivery: Delivery, certificate: Certificate) -> None:
    """After a receipt: the probes of a delivery are due, and have their grace from now on."""
    if sync.probes:
        _plan(uow, sync, delivery, certificate, delivered=True)


def replan_probes(uow: UnitOfWork, sync: Sync) -> None:
    """After the probes of a sync were changed: new ones look at all that is delivered, the others go on."""
    query = (
        select(Delivery, Certificate)
        .join(Certificate, col(Certificate.id) == col(Delivery.delivered_certificate_id))
        .where(Delivery.sync_id == sync.id, col(Delivery.status) != DeliveryStatus.REMOVED)
        .order_by(col(Delivery.id))
    )
    for delivery, certificate in uow.session.exec(locked(query, of=Delivery)).all():
        _plan(uow, sync, delivery, certificate, delivered=False)


def end_probes(uow: UnitOfWork, sync: Sync, delivery_ids: Collection[str]) -> None:
    """Look no more at what deliveries of a sync put in place; what was reported is resolved."""
    if not sync.probes:
        return  # none is left of a sync whose probes were taken away
    for row in uow.session.exec(_of(delivery_ids)).all():
        end_probe(uow, row)


def end_probe(uow: UnitOfWork, row: Probe) -> None:
    """Delete a probe that is locked."""
    if row.reported_at is not None:
        uow.record(ProbeEnded(**facts_of_probe(uow, row)))
    uow.session.delete(row)


def endpoint_of(row: Probe) -> Endpoint:
    """Where a probe looks."""
    return Endpoint(row.protocol, row.host, row.port, row.server_name)


def facts_of_probe(uow: UnitOfWork, row: Probe) -> ProbeFacts:
    """What every event of a probe says of it."""
    lineage = uow.session.get_one(Lineage, row.lineage_id)
    certificate = uow.session.get_one(Certificate, row.certificate_id)
    delivery = uow.session.get(Delivery, row.delivery_id) if row.delivery_id else None
    sync = uow.session.get_one(Sync, delivery.sync_id) if delivery else None
    return ProbeFacts(
        subject_id=row.id,
        application_id=lineage.application_id,
        common_name=next(iter(names_of(certificate)), ""),
        sync=sync.slug if sync else None,
        endpoint=str(endpoint_of(row)),
        lineage_id=row.lineage_id,
        certificate_id=row.certificate_id,
    )


def _plan(
    uow: UnitOfWork, sync: Sync, delivery: Delivery, certificate: Certificate, *, delivered: bool
) -> None:
    name = next(iter(names_of(certificate)), "")
    settings = [ProbeSettings.stored(values) for values in sync.probes]
    wanted = {each.endpoint(name): each for each in settings}
    rows = {endpoint_of(row): row for row in uow.session.exec(_of([delivery.id])).all()}
    for endpoint in rows.keys() - wanted.keys():
        end_probe(uow, rows.pop(endpoint))
    for endpoint, probe in wanted.items():
        row = rows.get(endpoint)
        if row is None or delivered:
            row = _due(uow, row or _new(uow, delivery, endpoint), certificate, probe)
        row.grace_seconds, row.interval_seconds = probe.grace_seconds, probe.interval_seconds
        uow.session.add(row)


def _new(uow: UnitOfWork, delivery: Delivery, endpoint: Endpoint) -> Probe:
    return Probe(
        id=uow.new_id(),
        created_at=uow.now,
        lineage_id=delivery.lineage_id,
        delivery_id=delivery.id,
        protocol=endpoint.protocol,
        host=endpoint.host,
        port=endpoint.port,
        server_name=endpoint.server_name,
        certificate_id="",
    )


def _due(uow: UnitOfWork, row: Probe, certificate: Certificate, probe: ProbeSettings) -> Probe:
    """Due at once. Another `look`, so that a look that is under way says nothing of the new certificate."""
    row.certificate_id, row.look, row.failures = certificate.id, row.look + 1, 0
    row.verdict, row.reason, row.found = None, "", None
    row.changed_at = row.due_at = uow.now
    row.grace_until = uow.now + timedelta(seconds=probe.grace_seconds)
    return row


def _of(delivery_ids: Collection[str]) -> SelectOfScalar[Probe]:
    query = select(Probe).where(col(Probe.delivery_id).in_(delivery_ids)).order_by(col(Probe.id))
    return locked(query)
