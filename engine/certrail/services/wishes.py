"""What is wanted where: a certificate at a destination, told to the workflow that brings it there."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from certrail.domain.names import ObjectNameSchema
from certrail.persistence.database import locked, recall
from certrail.persistence.tables import Application, Certificate, CertificateProfile, Delivery, Sync
from certrail.services.kernel import Change, Kernel
from certrail.services.plugin_config import destination_class

REMOVED = "removed"


def matches(sync: Sync, certificate: Certificate) -> bool:
    """Whether a certificate is among those that a sync carries."""
    chosen = sync.selection
    if chosen.get("lineages"):
        return certificate.lineage_id in chosen["lineages"]
    if chosen.get("profiles") and certificate.profile_id not in chosen["profiles"]:
        return False
    wanted = chosen.get("attributes", {})
    return all(certificate.attributes.get(name) == value for name, value in wanted.items())


def wish_everywhere(kernel: Kernel, change: Change, certificate: Certificate) -> None:
    """Bring a new certificate to every automatic sync of its Application that carries it."""
    session, scope = change.session, certificate.application_id
    syncs = recall(session, ("syncs", scope), lambda: _automatic(session, scope))
    for sync in syncs:
        if matches(sync, certificate):
            wish(kernel, change, sync, certificate)


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
            object_name=_object_name(kernel, change.session, sync, certificate),
            desired_certificate_id=certificate.id,
        )
    else:
        present = change.session.get_one(Certificate, delivery.desired_certificate_id)
        if present.not_before > certificate.not_before:
            return delivery
        delivery.desired_certificate_id = certificate.id
    delivery.status = "pending"
    delivery.since = change.now
    delivery.last_error = None
    delivery.next_try_at = change.now
    delivery.attempts = 0
    change.session.add(delivery)
    enqueue_delivery(change, sync, delivery, certificate.id)
    return delivery


def enqueue_delivery(change: Change, sync: Sync, delivery: Delivery, reference: str) -> None:
    """Tell the delivery's workflow of a new wish, or of a retry by hand."""
    change.enqueue(
        "delivery",
        f"delivery-{sync.id}-{delivery.lineage_id}",
        delivery.id,
        plugin=f"destination-{sync.destination}",
        signal=reference,
    )


def _object_name(kernel: Kernel, session: Session, sync: Sync, certificate: Certificate) -> str:
    plugin = destination_class(kernel, sync.destination)
    profile = session.get(CertificateProfile, certificate.profile_id) if certificate.profile_id else None
    application = session.get(Application, certificate.application_id) if certificate.application_id else None
    return ObjectNameSchema.parse(sync.name_schema).render(
        certificate_id=certificate.id,
        lineage_id=certificate.lineage_id,
        common_name=certificate.common_name,
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
