"""The effect of a CRL mirror: the present CRL is published at a destination until its receipt is recorded."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import select
from typing_extensions import override

from certrail.domain.events.authorities import CrlMirrorFailed, CrlMirrorPublished
from certrail.domain.rate_limits import RateSlot
from certrail.domain.states import MirrorStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import Crl, CrlCopy, CrlMirror
from certrail.services.core.effects import Effect, PluginCall
from certrail.services.core.failure import Failure
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.integrations.plugin_config import destination_of, plugin_version
from certrail.services.integrations.receipts import checked_receipt
from certrail_sdk import Destination, Misconfigured, Publication, Publishes, Receipt

MEDIA_TYPE = "application/pkix-crl"
"""RFC 5280, 4.2.1.13 and RFC 2585: a DER-encoded CRL over HTTP."""


@dataclass(frozen=True, kw_only=True)
class PublishCall(PluginCall[Receipt]):
    """One attempt to publish a CRL; `generation` is its CRL number."""

    generation: int
    destination: Destination[Any]
    publication: Publication

    @override
    async def perform(self) -> Receipt:
        """Publish, and return the destination's receipt. Raises Misconfigured where it cannot hold public files."""
        if not isinstance(self.destination, Publishes):
            raise Misconfigured("destination", f"{self.plugin} cannot hold public files; choose another")
        sent = hashlib.sha256(self.publication.content).hexdigest()
        return checked_receipt(await self.destination.publish(self.publication), sent)


class PublishEffect(Effect[CrlCopy, PublishCall, Receipt]):
    """Publishes the present CRL of one key at one mirror."""

    verb, noun = "mirror", "mirror"

    @override
    def prepare(
        self, uow: UnitOfWork, subject_id: str, tried: Collection[str]
    ) -> tuple[CrlCopy, PublishCall] | RateSlot | None:
        """The call; ``None`` when the present CRL is published, or was refused for good."""
        copy = self.lock(uow, subject_id)
        crl = uow.session.get_one(Crl, copy.crl_id) if copy else None
        if copy is None or crl is None or copy.number == crl.number or copy.status == MirrorStatus.FAILED:
            return None
        mirror = uow.session.get_one(CrlMirror, copy.mirror_id)
        publication = Publication(
            delivery=copy.id,
            name=copy.object_name,
            receipt=Receipt.model_validate(copy.receipt) if copy.receipt else None,
            content=x509.load_pem_x509_crl(crl.pem.encode()).public_bytes(Encoding.DER),
            media_type=MEDIA_TYPE,
            may_exist=copy.intent_at is not None,
        )
        call = PublishCall(
            subject_id=copy.id,
            generation=crl.number,
            destination=destination_of(self.context, uow.session, mirror, f"CRL copy {copy.id}"),
            publication=publication,
            plugin=plugin_version(self.context, "destination", mirror.destination),
        )
        return copy, call

    @override
    def lock(self, uow: UnitOfWork, subject_id: str) -> CrlCopy | None:
        """The copy under ``FOR NO KEY UPDATE``."""
        return uow.session.exec(locked(select(CrlCopy).where(CrlCopy.id == subject_id))).first()

    @override
    def awaits(self, row: CrlCopy, call: PublishCall) -> bool:
        """One publication is recorded once."""
        return row.number != call.generation

    @override
    def may_fail(self, row: CrlCopy, generation: int | None) -> bool:
        """What is published already has not failed."""
        return generation is None or row.number != generation

    @override
    def received(
        self, uow: UnitOfWork, row: CrlCopy, call: PublishCall, answer: Receipt, *, recovered: bool
    ) -> None:
        """Observed state: this CRL number."""
        row.number, row.status, row.published_at = call.generation, MirrorStatus.PUBLISHED, uow.now
        mirror = uow.session.get_one(CrlMirror, row.mirror_id)
        uow.record(
            CrlMirrorPublished(
                mirror.id, slug=mirror.slug, number=call.generation, reference=answer.reference
            )
        )

    @override
    def failed(self, uow: UnitOfWork, row: CrlCopy, failure: Failure, *, first: bool) -> None:
        """Tell of the first and of the permanent failure."""
        if first or failure.permanent:
            mirror = uow.session.get_one(CrlMirror, row.mirror_id)
            uow.record(CrlMirrorFailed(mirror.id, slug=mirror.slug, **failure.facts()))
