"""Objects that were put at a destination before their sync was known here: deliveries without a deploy."""

from dataclasses import dataclass

from certrail.domain.states import DeliveryStatus
from certrail.persistence.tables import Certificate, Delivery, Sync
from certrail.services.core.unit_of_work import UnitOfWork
from certrail_sdk import Receipt


@dataclass(frozen=True)
class Delivered:
    """Where a certificate is already, put there before this sync was known here.

    Attributes:
        reference: the object's own identifier at the destination, such as an ARN.
    """

    certificate_id: str
    object_name: str
    reference: str


def take_over(uow: UnitOfWork, sync: Sync, known: Delivered) -> None:
    """Make it a delivery of the sync."""
    certificate = uow.session.get_one(Certificate, known.certificate_id)
    receipt = Receipt(reference=known.reference, fingerprint=certificate.fingerprint, changed=False)
    uow.session.add(
        Delivery(
            id=uow.new_id(),
            created_at=uow.now,
            sync_id=sync.id,
            lineage_id=certificate.lineage_id,
            object_name=known.object_name,
            status=DeliveryStatus.DELIVERED,
            last_transition_at=uow.now,
            desired_certificate_id=certificate.id,
            delivered_certificate_id=certificate.id,
            receipt=receipt.model_dump(mode="json"),
            delivered_at=uow.now,
        )
    )
