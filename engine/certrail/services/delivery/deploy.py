"""The effect of a delivery: a certificate is deployed to a destination until its receipt is recorded."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import SecretStr
from sqlmodel import Session, col, select
from typing_extensions import override

from certrail.checkpoints import checkpoint
from certrail.crypto.purposes import CERTIFICATE_KEY_PURPOSE, of_row
from certrail.domain.events.delivery import DeliveryDelivered, DeliveryFailed, DeliveryRecovered
from certrail.domain.rate_limits import RateSlot
from certrail.domain.states import CertificateStatus, DeliveryStatus
from certrail.persistence.database import cached, locked
from certrail.persistence.tables import Certificate, Connection, Delivery, PreviousTarget, Sync
from certrail.services.core.effects import Effect, PluginCall
from certrail.services.core.failure import Failure
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.delivery import retirement_planner
from certrail.services.delivery.connection_rate import acquire_slot
from certrail.services.delivery.desired_state import claim_name, facts_of
from certrail.services.delivery.locks import lock_delivery, lock_with_rate_limit
from certrail.services.delivery.observation import (
    ObserveCall,
    is_good,
    note_observation,
    record_observation,
)
from certrail.services.delivery.probes.schedule import probe_now
from certrail.services.integrations.plugin_config import destination_of, plugin_version
from certrail.services.integrations.receipts import checked_receipt
from certrail_sdk import Bundle, Deployment, Destination, Observation, Observes, Receipt, Target

WITH_SYNC = "sync and certificate"
"""Kind of the keys by which `sync_with` remembers them within a transaction."""
REMOVAL_DUE = "removal due"
"""Kind of the keys by which it is remembered within a transaction whether a removal is due at a delivery."""
BATCH_LIMIT = timedelta(minutes=5)
"""How long an attempt in a batch may take from its intent; longer than its activity may (`policies.DELIVER_BATCH`)."""


@dataclass(frozen=True, kw_only=True)
class DeployCall(PluginCall[Receipt]):
    """One attempt to deploy.

    Attributes:
        generation: of the desired state that is deployed.
        target: where the sync puts things now, which is recorded if it was retargeted when the receipt comes.
        observer: another plugin object, to read back at once where the destination can be; each is built for one call.
        seen: what was read back after the deploy, if that succeeded.
        attempt: of this generation, counted from 1; known in a batch.
    """

    generation: int
    certificate_id: str
    destination: Destination[Any]
    deployment: Deployment
    target: PreviousTarget
    observer: Observes | None = None
    seen: Observation | None = None
    attempt: int = 1

    @override
    async def perform(self) -> Receipt:
        """Deploy, and return the destination's receipt."""
        return checked_receipt(
            await self.destination.deploy(self.deployment), self.deployment.bundle.fingerprint
        )


class DeployOutcome(NamedTuple):
    """How a deploy ended.

    Attributes:
        read: there is nothing to read back any more.
        verified: whether what was read back is what was deployed; ``None`` where it was not read back.
        settled: it is delivered as desired, and no removal is due.
    """

    read: bool
    verified: bool | None
    settled: bool


class DeployEffect(Effect[Delivery, DeployCall, Receipt]):
    """Brings the desired certificate of a delivery to its destination."""

    verb, noun = "deliver", "delivery"

    @override
    def prepare(
        self, uow: UnitOfWork, subject_id: str, tried: Collection[str]
    ) -> tuple[Delivery, DeployCall] | RateSlot | None:
        """The call; ``None`` when the generation is delivered, or nothing may be put there any more."""
        delivery, rated = lock_with_rate_limit(uow.session, subject_id)
        if delivery is None or is_settled(delivery):
            return None
        if (until := _held_until(delivery)) is not None and until > uow.now:
            return RateSlot(until)
        delivery.batch_id = None
        sync, certificate = sync_with(uow.session, delivery, delivery.desired_certificate_id)
        # With an intent the object may exist already: the attempt is completed first, and its receipt says what
        # has to be removed. Without one there is nothing to remove.
        if is_unwanted(sync, certificate) and delivery.intent_at is None:
            _skip(uow, sync, delivery, certificate)
            return None
        if rated is not None and (slot := acquire_slot(uow, rated, delivery)):
            delivery.next_try_at = slot.at
            return slot
        return delivery, self.compose(uow, delivery, sync, certificate)

    def compose(
        self, uow: UnitOfWork, delivery: Delivery, sync: Sync, certificate: Certificate
    ) -> DeployCall:
        """The call for a delivery that is locked; it is ``delivering`` from now on."""
        if delivery.name_taken:
            claim_name(self.context, uow, sync, delivery, certificate)
        subject = f"delivery {delivery.id}"
        destination = destination_of(self.context, uow.session, sync, subject)
        # After an attempt of which nothing is known the receipt is recorded before anything else is called: a plugin
        # that takes its process with it when it reads back must not keep what it deployed from being on record.
        at_once = delivery.intent_at is None and isinstance(destination, Observes)
        observer = destination_of(self.context, uow.session, sync, subject) if at_once else None
        call = DeployCall(
            subject_id=delivery.id,
            generation=delivery.generation,
            certificate_id=certificate.id,
            destination=destination,
            observer=observer if isinstance(observer, Observes) else None,
            deployment=self._deployment(delivery, sync, certificate),
            plugin=plugin_version(self.context, "destination", sync.destination),
            target=retirement_planner.target_snapshot(uow, sync),
        )
        delivery.status = DeliveryStatus.DELIVERING
        return call

    @override
    def read_back(self, call: DeployCall, answer: Receipt) -> ObserveCall | None:
        """Verify before the receipt is recorded, so that both commit together."""
        if call.observer is None:
            return None
        return ObserveCall(
            subject_id=call.subject_id,
            certificate_id=call.certificate_id,
            destination=call.observer,
            target=Target(delivery=call.subject_id, name=call.deployment.name, receipt=answer),
            plugin=call.plugin,
        )

    @override
    def complete(self, call: DeployCall, answer: Receipt) -> Any:
        """Record the receipt, and with it what was read back."""
        outcome = super().complete(call, answer)
        if call.seen is not None:
            checkpoint("delivery.verified")
        return outcome

    @override
    def outcome(self, uow: UnitOfWork, row: Delivery | None, call: DeployCall) -> DeployOutcome:
        """Where nothing is left to do, the workflow ends without another look."""
        read = call.seen is not None or not isinstance(call.destination, Observes)
        good = None if call.seen is None else is_good(call.seen, call.deployment.bundle.fingerprint)
        due = cached(uow.session, (REMOVAL_DUE, call.subject_id), lambda: True)
        delivered = row is not None and row.status == DeliveryStatus.DELIVERED and is_settled(row)
        return DeployOutcome(read, good, delivered and not due)

    @override
    def lock_to_complete(self, uow: UnitOfWork, subject_id: str) -> Delivery | None:
        """The same statement says whether a removal is due. One that is due from now on is signalled."""
        query = select(Delivery, retirement_planner.any_due()).where(Delivery.id == subject_id)
        found = uow.session.exec(locked(query, of=Delivery)).first()
        if found is None:
            return None
        row, due = found
        cached(uow.session, (REMOVAL_DUE, subject_id), lambda: due)
        return row

    @override
    def lock(self, uow: UnitOfWork, subject_id: str) -> Delivery | None:
        """The delivery under ``FOR NO KEY UPDATE``."""
        return lock_delivery(uow.session, subject_id)

    @override
    def lock_to_fail(self, uow: UnitOfWork, subject_id: str, failure: Failure) -> Delivery | None:
        """A permanent failure may end the deletion of the sync, which is locked before its deliveries."""
        if failure.permanent:
            retirement_planner.lock_sync_of(uow.session, subject_id)
        return self.lock(uow, subject_id)

    @override
    def awaits(self, row: Delivery, call: DeployCall) -> bool:
        """A newer generation that was delivered meanwhile wins; one that the row does not know does not count."""
        return row.observed_generation < call.generation <= row.generation

    @override
    def may_fail(self, row: Delivery, generation: int | None) -> bool:
        """This generation is delivered already, or a newer one is desired: ignore the late failure."""
        return generation in (None, row.generation) and row.observed_generation != row.generation

    @override
    def before_receipt(self, uow: UnitOfWork, row: Delivery, call: DeployCall, answer: Receipt) -> None:
        """Plan the removal of the previous object, if this one is another."""
        if row.receipt and row.receipt["reference"] != answer.reference:
            retirement_planner.superseded(uow, uow.session.get_one(Sync, row.sync_id), row)

    @override
    def received(
        self, uow: UnitOfWork, row: Delivery, call: DeployCall, answer: Receipt, *, recovered: bool
    ) -> None:
        """Observed state: this certificate, at this target. A newer generation stays pending."""
        sync, certificate = sync_with(uow.session, row, call.certificate_id)
        row.delivered_certificate_id, row.observed_generation = call.certificate_id, call.generation
        row.delivered_at, row.verified_at = uow.now, None
        # If the sync was retargeted while this deploy ran, remember that the object is at the old target.
        retirement_planner.record_target(uow, sync, row, call.target)
        if row.generation == call.generation:
            row.status, row.last_transition_at = DeliveryStatus.DELIVERED, uow.now
        else:
            row.next_try_at = uow.now
        retirement_planner.delivered(uow, sync, row, certificate)
        probe_now(uow, sync, row, certificate)
        # What a newer generation replaces, or a deletion removes, is not deployed again for being another.
        wanted = row.generation == call.generation and not sync.deletion_requested
        seen = call.seen if wanted else None
        good = seen is not None and note_observation(uow, row, certificate.fingerprint, seen)
        delivered = DeliveryRecovered if recovered else DeliveryDelivered
        uow.record(
            delivered(
                **facts_of(uow, row),
                certificate_id=call.certificate_id,
                reference=answer.reference,
                version=answer.version,
                changed=answer.changed,
                duration_ms=_milliseconds(row.desired_at or uow.now, uow.now),
            )
        )
        if seen is not None:
            record_observation(uow, row, certificate.id, seen, good=good)

    @override
    def failed(self, uow: UnitOfWork, row: Delivery, failure: Failure, *, first: bool) -> None:
        """Tell of the first and of the permanent failure; a sync that is being deleted waits for it no longer."""
        if first:
            row.last_transition_at = uow.now
        if first or failure.permanent:
            uow.record(DeliveryFailed(**facts_of(uow, row), **failure.facts()))
        sync = uow.session.get_one(Sync, row.sync_id)
        if sync.deletion_requested and failure.permanent:
            retirement_planner.delete_if_drained(uow, sync)

    def _deployment(self, delivery: Delivery, sync: Sync, certificate: Certificate) -> Deployment:
        return Deployment(
            **dict(target_of_receipt(delivery)),
            application=certificate.application_id or "",
            lineage=certificate.lineage_id,
            certificate=certificate.id,
            bundle=self._bundle(certificate, sync.include_root),
            keep_identity=sync.keep_identity,
            may_exist=delivery.intent_at is not None,
        )

    def _bundle(self, certificate: Certificate, include_root: bool) -> Bundle:
        key = None
        if certificate.key_sealed:
            purpose = of_row(CERTIFICATE_KEY_PURPOSE, certificate.id)
            key = SecretStr(self.context.keyring.open(certificate.key_sealed, purpose).decode())
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


def _milliseconds(started: datetime, ended: datetime) -> int:
    """Not below zero: clocks of two hosts may differ."""
    return max(0, (ended - started) // timedelta(milliseconds=1))


def sync_with(session: Session, delivery: Delivery, certificate_id: str) -> tuple[Sync, Certificate]:
    """The sync of a delivery and one of its certificates, with the connection loaded too; after the lock, as it is."""
    return cached(
        session,
        (WITH_SYNC, delivery.sync_id, certificate_id),
        lambda: _sync_with(session, delivery, certificate_id),
    )


def remember_sync(session: Session, delivery: Delivery, sync: Sync, certificate: Certificate) -> None:
    """For a caller that loaded them for many: within `session_cache`, `sync_with` queries nothing."""
    cached(session, (WITH_SYNC, delivery.sync_id, certificate.id), lambda: (sync, certificate))


def _sync_with(session: Session, delivery: Delivery, certificate_id: str) -> tuple[Sync, Certificate]:
    query = (
        select(Sync, Certificate, Connection)
        .select_from(Sync)
        .join(Certificate, col(Certificate.id) == certificate_id)
        .join(Connection, col(Connection.id) == col(Sync.connection_id), isouter=True)
        .where(Sync.id == delivery.sync_id)
    )
    with session.no_autoflush:  # what is being written to the delivery is written once, with the rest
        sync, certificate, _ = session.exec(query).one()
    return sync, certificate


def target_of_receipt(delivery: Delivery) -> Target:
    """The object of a delivery, as plugins know it."""
    receipt = Receipt.model_validate(delivery.receipt) if delivery.receipt else None
    return Target(delivery=delivery.id, name=delivery.object_name, receipt=receipt)


def is_settled(delivery: Delivery) -> bool:
    """Whether there is nothing to deploy: delivered, failed for good, or not desired any more."""
    final = delivery.status in (DeliveryStatus.FAILED, DeliveryStatus.REMOVED)
    return final or delivery.observed_generation == delivery.generation


def is_unwanted(sync: Sync, certificate: Certificate) -> bool:
    """Whether nothing may be put there any more."""
    return sync.deletion_requested or certificate.status == CertificateStatus.REVOKED


def _held_until(delivery: Delivery) -> datetime | None:
    """Until when this attempt has to wait for one in a batch: while that is under way, or after it has failed.

    The end of an attempt that is under way is signalled; its limit counts where the batch was lost.
    """
    if delivery.batch_id is None:
        return None
    if delivery.status == DeliveryStatus.RETRYING:
        return delivery.next_try_at
    return delivery.intent_at + BATCH_LIMIT if delivery.intent_at else None


def _skip(uow: UnitOfWork, sync: Sync, delivery: Delivery, certificate: Certificate) -> None:
    """Do not deploy what is not wanted any more."""
    if delivery.delivered_certificate_id == certificate.id:  # its receipt has planned the removal, if any
        delivery.status, delivery.observed_generation = DeliveryStatus.DELIVERED, delivery.generation
        uow.session.add(delivery)
    else:
        retirement_planner.cancel_and_retire(uow, sync, delivery)
