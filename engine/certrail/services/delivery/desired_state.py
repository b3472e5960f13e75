"""What is wanted where: a certificate at a destination, told to the workflow that brings it there."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from certrail.domain.names import ObjectNameSchema
from certrail.persistence.database import locked, recall
from certrail.persistence.tables import Application, Certificate, CertificateProfile, Delivery, Sync
from certrail.services.core.unit_of_work import Change, Kernel
from certrail.services.integrations.plugin_config import destination_class
from certrail.services.inventory.selectors import carries, names_of

REMOVED = "removed"


def wish_everywhere(kernel: Kernel, change: Change, certificate: Certificate) -> None:
    """Bring a new certificate to every automatic sync of its Application that carries it."""
    session, scope = change.session, certificate.application_id
    recall(session, ("scope", scope), lambda: hold_scope(session, scope, shared=True))
    syncs = recall(session, ("syncs", scope), lambda: _automatic(session, scope))
    for sync in syncs:
        if carries(sync.selection, certificate):
            wish(kernel, change, sync, certificate)


def hold_scope(session: Session, application_id: str | None, *, shared: bool = False) -> None:
    """Hold an Application before its syncs are looked at or changed.

    Who has a new certificate holds it shared, who changes a sync alone: else neither would know of the other's.
    """
    held = select(Application.id).where(Application.id == application_id)
    session.exec(locked(held, may_be_named=not shared, shared=shared)).first()


def _automatic(session: Session, application_id: str | None) -> Sequence[Sync]:
    query = select(Sync).where(Sync.application_id == application_id, col(Sync.auto).is_(True))
    return session.exec(query).all()


def wish(kernel: Kernel, change: Change, sync: Sync, certificate: Certificate) -> Delivery:
    """Want this certificate at that sync. A newer wish replaces an older one, never the other way round."""
    existing = select(Delivery).where(
        Delivery.sync_id == sync.id, Delivery.lineage_id == certificate.lineage_id
    )
    delivery = change.session.exec(locked(existing)).first()
    if delivery is None:
        delivery = Delivery(
            id=change.new_id(),
            created_at=change.now,
            sync_id=sync.id,
            lineage_id=certificate.lineage_id,
            object_name=object_name(kernel, change.session, sync.destination, sync.name_schema, certificate),
            desired_certificate_id=certificate.id,
        )
    else:
        present = change.session.get_one(Certificate, delivery.desired_certificate_id)
        if present.not_before > certificate.not_before:
            return delivery
        if present.id != certificate.id:
            delivery.desired_certificate_id, delivery.last_error = certificate.id, None
    wish_again(change, sync, delivery)
    return delivery


def wish_again(change: Change, sync: Sync, delivery: Delivery) -> None:
    """Want what is wanted already, but from now on: whatever is on its way does not count any more."""
    delivery.wishes += 1
    delivery.status, delivery.since, delivery.attempts = "pending", change.now, 0
    delivery.next_try_at = change.now
    change.session.add(delivery)
    enqueue_delivery(change, sync, delivery, f"wish-{delivery.wishes}")


def drop(change: Change, delivery: Delivery) -> None:
    """Want nothing there any more; what went wrong on the way there is over, too."""
    delivery.status, delivery.since, delivery.next_try_at = REMOVED, change.now, None
    delivery.last_error = None
    change.session.add(delivery)
    delivery_event(change, "delivery.dropped", delivery)


def delivery_event(change: Change, type_: str, delivery: Delivery, **data: Any) -> None:
    """Put on record what became of a delivery."""
    sync = change.session.get_one(Sync, delivery.sync_id)
    change.event(
        type_,
        "delivery",
        delivery.id,
        sync.application_id,
        sync=sync.slug,
        destination=sync.destination,
        object_name=delivery.object_name,
        lineage_id=delivery.lineage_id,
        **data,
    )


def enqueue_delivery(change: Change, sync: Sync, delivery: Delivery, reference: str) -> None:
    """Tell the delivery's workflow that there is something to do."""
    change.enqueue(
        "delivery",
        f"delivery-{sync.id}-{delivery.lineage_id}",
        delivery.id,
        plugin=f"destination-{sync.destination}",
        signal=reference,
    )


def object_name(
    kernel: Kernel, session: Session, destination: str, schema: str, certificate: Certificate
) -> str:
    """What the certificate's object is called at a destination."""
    plugin = destination_class(kernel, destination)
    profile = session.get(CertificateProfile, certificate.profile_id) if certificate.profile_id else None
    application = session.get(Application, certificate.application_id) if certificate.application_id else None
    return ObjectNameSchema.parse(schema).render(
        certificate_id=certificate.id,
        lineage_id=certificate.lineage_id,
        common_name=next(iter(names_of(certificate)), ""),
        profile=profile.slug if profile else "",
        application=application.slug if application else "",
        pattern=plugin.name_pattern,
        length=plugin.name_length,
    )


def is_wished(session: Session, sync: Sync, certificate: Certificate) -> bool:
    """Whether this certificate is what is wanted at the sync already."""
    query = select(Delivery.id).where(
        Delivery.sync_id == sync.id,
        Delivery.desired_certificate_id == certificate.id,
        col(Delivery.status) != REMOVED,
    )
    return session.exec(query).first() is not None
