"""Deliveries: one lineage at one sync, kept right by a workflow that calls these steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from sqlmodel import Session, col, or_, select

from certrail.checkpoints import checkpoint
from certrail.crypto.purposes import CERTIFICATE_KEY_PURPOSE
from certrail.domain.errors import NotFound
from certrail.domain.events.delivery import (
    DeliveryDelivered,
    DeliveryDriftDetected,
    DeliveryFailed,
    DeliveryRecovered,
    DeliveryRetried,
    DeliveryUnverified,
    DeliveryVerified,
)
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, Delivery, PreviousTarget, Sync
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.failure import Failure
from certrail.services.core.paging import PAGE, Position, newest_first
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.delivery import retirement_planner
from certrail.services.delivery.desired_state import REMOVED, bump_generation, facts_of
from certrail.services.delivery.rate_limits import RateSlot, acquire_slot, lock_rate_limit
from certrail.services.integrations.plugin_config import destination_of
from certrail_sdk import Bundle, Context, Deployment, Destination, Observation, Observes, Receipt, Target

FAILED = "failed"


@dataclass(frozen=True)
class Work:
    """One try: which plugin object gets which deployment.

    Attributes:
        place: where the sync points now, kept only if it has been pointed elsewhere when the receipt comes.
    """

    delivery_id: str
    generation: int
    certificate_id: str
    destination: Destination[Any]
    deployment: Deployment
    plugin: str
    place: PreviousTarget


@dataclass(frozen=True)
class VerifyWork:
    """One read-back."""

    delivery_id: str
    certificate_id: str
    destination: Destination[Any]
    target: Target
    fingerprint: str
    plugin: str


@dataclass(frozen=True)
class DeliveryState:
    """What the workflow needs to know between its steps.

    Attributes:
        generation: number of the present one.
        in_place: it is granted.
    """

    generation: int
    delivered_certificate_id: str | None
    status: str
    in_place: bool
    retiring: bool = False


class Deliveries:
    """Every step may run twice and lands on the same row."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def begin(self, delivery_id: str, attempt: int) -> Work | RateSlot | None:
        """Record the intent to deliver, then hand out the work; ``None`` when it is done already.

        Where the connection has a rate, what has to wait is told its turn, which is kept for it.

        The intent is committed before the destination is touched: whoever finds it later without a
        receipt knows that an object may be there.
        """
        with self._context.unit_of_work(SYSTEM) as uow:
            rated = lock_rate_limit(uow.session, delivery_id)
            delivery = _locked(uow.session, delivery_id)
            if delivery is None or delivery.status in (FAILED, REMOVED):
                return None
            if delivery.observed_generation == delivery.generation:
                return None
            may_exist = delivery.intent_at is not None
            sync = uow.session.get_one(Sync, delivery.sync_id)
            certificate = uow.session.get_one(Certificate, delivery.desired_certificate_id)
            unwanted = sync.deletion_requested or certificate.status == "revoked"
            if unwanted and not may_exist:  # what may exist is brought to its receipt first, and leaves by it
                if delivery.delivered_certificate_id == certificate.id:  # it leaves by its receipt, if at all
                    delivery.status, delivery.observed_generation = "delivered", delivery.generation
                    uow.session.add(delivery)
                else:
                    retirement_planner.cancel_and_retire(uow, sync, delivery)
                return None
            if rated is not None and (turn := acquire_slot(uow, rated, delivery)):
                delivery.next_try_at = turn.at
                return turn
            work = Work(
                delivery_id=delivery.id,
                generation=delivery.generation,
                certificate_id=certificate.id,
                destination=destination_of(self._context, uow.session, sync, Context()),
                deployment=self._deployment(delivery, sync, certificate, may_exist),
                plugin=self._plugin(sync),
                place=retirement_planner.target_snapshot(uow, sync),
            )
            delivery.intent_at = delivery.intent_at or uow.now
            delivery.status = "delivering"
            delivery.attempts = attempt
            delivery.next_try_at = None
            uow.session.add(delivery)
        checkpoint("delivery.intended")
        return work

    def complete(self, work: Work, receipt: Receipt) -> None:
        """Record the receipt. A newer generation that came meanwhile stays wanted."""
        checkpoint("delivery.deployed")
        with self._context.unit_of_work(SYSTEM) as uow:
            delivery = _locked(uow.session, work.delivery_id)
            if delivery is None or delivery.observed_generation >= work.generation:
                return
            recovered = delivery.last_error is not None
            sync = uow.session.get_one(Sync, delivery.sync_id)
            if delivery.receipt and delivery.receipt["reference"] != receipt.reference:
                retirement_planner.superseded(uow, sync, delivery)
            delivery.delivered_certificate_id, delivery.observed_generation = (
                work.certificate_id,
                work.generation,
            )
            delivery.receipt = receipt.model_dump(mode="json")
            delivery.intent_at = None
            retirement_planner.record_target(uow, sync, delivery, work.place)
            delivery.delivered_at = uow.now
            delivery.verified_at = None
            delivery.last_error = None
            if delivery.generation == work.generation:
                delivery.status, delivery.last_transition_at = "delivered", uow.now
            uow.session.add(delivery)
            certificate = uow.session.get_one(Certificate, work.certificate_id)
            retirement_planner.delivered(uow, sync, delivery, certificate)
            event = DeliveryRecovered if recovered else DeliveryDelivered
            uow.record(
                event(
                    **facts_of(uow, delivery),
                    certificate_id=work.certificate_id,
                    reference=receipt.reference,
                    version=receipt.version,
                    changed=receipt.changed,
                )
            )
        checkpoint("delivery.recorded")

    def begin_verify(self, delivery_id: str) -> VerifyWork | None:
        """What to read back; ``None`` when the destination cannot be read or nothing is delivered."""
        with self._context.db.read() as session:
            delivery = session.get(Delivery, delivery_id)
            if delivery is None or delivery.receipt is None or delivery.delivered_certificate_id is None:
                return None
            sync = session.get_one(Sync, delivery.sync_id)
            if retirement_planner.has_due(session, delivery.id, delivery.receipt["reference"]):
                return None  # it is about to leave
            destination = destination_of(self._context, session, sync, Context(), delivery.previous_target_id)
            if not isinstance(destination, Observes):
                return None
            certificate = session.get_one(Certificate, delivery.delivered_certificate_id)
            return VerifyWork(
                delivery_id=delivery.id,
                certificate_id=certificate.id,
                destination=destination,
                target=_target(delivery),
                fingerprint=certificate.fingerprint,
                plugin=self._plugin(sync),
            )

    def verified(self, delivery_id: str, certificate_id: str, observation: Observation) -> bool:
        """Record what was read back; ``False`` when it is not what we delivered, which is then wanted anew."""
        with self._context.unit_of_work(SYSTEM) as uow:
            delivery = _locked(uow.session, delivery_id)
            if delivery is None or delivery.delivered_certificate_id != certificate_id:
                return True
            expected = uow.session.get_one(Certificate, certificate_id).fingerprint
            good = (
                observation.present
                and observation.fingerprint == expected
                and observation.key_matches is not False
            )
            delivery.observed = {**observation.model_dump(mode="json"), "good": good}
            delivery.verified_at = uow.now if good else None
            if not good:
                delivery.generation += 1
                delivery.status, delivery.last_transition_at = "pending", uow.now
                uow.record(DeliveryDriftDetected(**facts_of(uow, delivery), found=observation.fingerprint))
            else:
                uow.record(DeliveryVerified(**facts_of(uow, delivery), certificate_id=certificate_id))
            uow.session.add(delivery)
        checkpoint("delivery.verified")
        return good

    def unverified(self, delivery_id: str, certificate_id: str, failure: Failure) -> None:
        """Record that a delivery could not be read back; what was delivered stands."""
        with self._context.unit_of_work(SYSTEM) as uow:
            delivery = _locked(uow.session, delivery_id)
            if delivery is None or delivery.delivered_certificate_id != certificate_id:
                return
            first = delivery.observed is None or "error" not in delivery.observed
            delivery.observed = {"good": None, "error": failure.stored(uow.now)}
            uow.session.add(delivery)
            if first or failure.permanent:
                uow.record(
                    DeliveryUnverified(
                        **facts_of(uow, delivery), message=failure.message, action=failure.action
                    )
                )

    def failed(self, delivery_id: str, generation: int, failure: Failure) -> None:
        """Record a failed try; the first of a series, and the final one, become events."""
        with self._context.unit_of_work(SYSTEM) as uow:
            if failure.permanent:
                retirement_planner.lock_sync_of(uow.session, delivery_id)
            delivery = _locked(uow.session, delivery_id)
            if (
                delivery is None
                or delivery.generation != generation
                or delivery.observed_generation == generation
            ):
                return  # what was granted has not failed
            first = delivery.last_error is None
            if first:
                delivery.last_transition_at = uow.now
            delivery.status = FAILED if failure.permanent else "retrying"
            delivery.last_error = failure.stored(uow.now)
            delivery.next_try_at = failure.next_try_at
            uow.session.add(delivery)
            if first or failure.permanent:
                uow.record(
                    DeliveryFailed(
                        **facts_of(uow, delivery),
                        kind=failure.kind,
                        message=failure.message,
                        action=failure.action,
                        permanent=failure.permanent,
                    )
                )
            sync = uow.session.get_one(Sync, delivery.sync_id)
            if sync.deletion_requested and failure.permanent:
                retirement_planner.delete_if_drained(uow, sync)

    def state(self, delivery_id: str) -> DeliveryState:
        """Where the delivery stands; a deleted one counts as done."""
        with self._context.db.read() as session:
            delivery = session.get(Delivery, delivery_id)
            if delivery is None:
                return DeliveryState(0, None, "deleted", in_place=True)
            return DeliveryState(
                delivery.generation,
                delivery.delivered_certificate_id,
                delivery.status,
                delivery.observed_generation == delivery.generation,
                retirement_planner.has_due(session, delivery_id),
            )

    def retry(self, actor: Actor, delivery_id: str) -> Delivery:
        """Deliver it now, by hand, also what is delivered: that changes nothing where all is as it should be."""
        with self._context.unit_of_work(actor) as uow:
            delivery = _locked(uow.session, delivery_id)
            if delivery is None:
                raise NotFound("delivery")
            bump_generation(uow, uow.session.get_one(Sync, delivery.sync_id), delivery)
            uow.record(DeliveryRetried(**facts_of(uow, delivery)))
            return delivery

    def get(self, delivery_id: str) -> tuple[Delivery, Sync]:
        """One delivery with its sync. Raises NotFound."""
        with self._context.db.read() as session:
            delivery = session.get(Delivery, delivery_id)
            if delivery is None:
                raise NotFound("delivery")
            return delivery, session.get_one(Sync, delivery.sync_id)

    def list(
        self,
        application_id: str | None,
        *,
        sync: str | None = None,
        lineage_id: str | None = None,
        status: str | None = None,
        after: Position | None = None,
        limit: int = PAGE,
    ) -> Sequence[tuple[Delivery, Sync]]:
        """One page of the deliveries of an Application, newest first: all, or those of one sync, lineage or status.

        Args:
            sync: slug or id.
        """
        with self._context.db.read() as session:
            query = select(Delivery, Sync).join(Sync, col(Sync.id) == col(Delivery.sync_id))
            query = query.where(Sync.application_id == application_id)
            if sync:
                query = query.where(or_(Sync.slug == sync, Sync.id == sync))
            if status:
                query = query.where(Delivery.status == status)
            if lineage_id:
                query = query.where(Delivery.lineage_id == lineage_id)
            return session.exec(newest_first(query, Delivery, after, limit)).all()

    def _deployment(
        self, delivery: Delivery, sync: Sync, certificate: Certificate, may_exist: bool
    ) -> Deployment:
        return Deployment(
            **dict(_target(delivery)),
            application=certificate.application_id or "",
            lineage=certificate.lineage_id,
            certificate=certificate.id,
            bundle=self._bundle(certificate, sync.include_root),
            keep_identity=sync.keep_identity,
            may_exist=may_exist,
        )

    def _bundle(self, certificate: Certificate, include_root: bool) -> Bundle:
        key = None
        if certificate.key_sealed:
            key = SecretStr(
                self._context.keyring.open(certificate.key_sealed, CERTIFICATE_KEY_PURPOSE).decode()
            )
        return Bundle(
            certificate=certificate.pem,
            chain=tuple(certificate.chain),
            root=certificate.root if include_root else None,
            private_key=key,
            fingerprint=certificate.fingerprint,
            serial=certificate.serial,
            common_name=certificate.common_name,
            dns_names=tuple(certificate.names.get("dns", ())),
            not_before=certificate.not_before,
            not_after=certificate.not_after,
        )

    def _plugin(self, sync: Sync) -> str:
        return f"{sync.destination} {self._context.plugins.info('destination', sync.destination).version}"


def _locked(session: Session, delivery_id: str) -> Delivery | None:
    return session.exec(locked(select(Delivery).where(Delivery.id == delivery_id))).first()


def _target(delivery: Delivery) -> Target:
    receipt = Receipt.model_validate(delivery.receipt) if delivery.receipt else None
    return Target(delivery=delivery.id, name=delivery.object_name, receipt=receipt)
