"""The effect of a retirement: an object that is not desired any more is removed from its destination."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar
from typing_extensions import override

from certrail.domain.events.delivery import DeliveryRemovalFailed, DeliveryRemoved, RemovalFacts
from certrail.domain.rate_limits import RateSlot
from certrail.domain.states import CertificateStatus, DeliveryStatus, RetirementStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, Delivery, Retirement, Sync
from certrail.services.core.effects import Effect, PluginCall, checked
from certrail.services.core.failure import Failure
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.delivery.connection_rate import acquire_slot
from certrail.services.delivery.desired_state import bump_generation, facts_of
from certrail.services.delivery.locks import lock_delivery, lock_with_rate_limit
from certrail.services.delivery.probes.schedule import end_probes
from certrail.services.delivery.retirement_planner import (
    RetirementReason,
    delete_if_drained,
    lock_sync_of,
)
from certrail.services.integrations.plugin_config import destination_of, plugin_version
from certrail.services.inventory.selectors import selects
from certrail_sdk import (
    ConcurrentModification,
    Destination,
    Misconfigured,
    Observation,
    Observes,
    Receipt,
    Removal,
    Removes,
    Target,
)


@dataclass(frozen=True, kw_only=True)
class RemoveCall(PluginCall[Removal]):
    """One attempt to remove an object."""

    destination: Destination[Any]
    target: Target

    @override
    async def perform(self) -> Removal:
        """Remove the object, unless something still uses it.

        Raises:
            Misconfigured: the destination cannot remove anything.
            ConcurrentModification: the object is in use; tried again until it is not.
        """
        destination = self.destination
        if not isinstance(destination, Removes):
            raise Misconfigured("prune", f"{self.plugin} cannot remove anything; switch pruning off")
        if isinstance(destination, Observes):
            observation = checked(await destination.observe(self.target), Observation)
            if observation.in_use_by:
                users = ", ".join(observation.in_use_by[:5])
                raise ConcurrentModification(
                    f"{self.target.name} is still used by {users}.",
                    action="Have them use the newer certificate, or none; the object is removed after that.",
                )
        return checked(await destination.remove(self.target), Removal)


class RemoveEffect(Effect[Retirement, RemoveCall, Removal]):
    """Planned beside a delivery and run by its workflow, so that a removal never races the deploy of the same object.

    The subject of `begin` is the delivery: its due retirements are called for one after another.
    """

    verb, noun = "remove", "retirement"
    retrying = RetirementStatus.DUE

    @override
    def prepare(
        self, uow: UnitOfWork, subject_id: str, tried: Collection[str]
    ) -> tuple[Retirement, RemoveCall] | RateSlot | None:
        """The next due removal; ``None`` when there is none. An object that is desired again is kept."""
        _, rated = lock_with_rate_limit(uow.session, subject_id)
        for row in _due(uow.session, subject_id):
            if row.id in tried:
                continue
            delivery = uow.session.get_one(Delivery, row.delivery_id)
            sync = uow.session.get_one(Sync, delivery.sync_id)
            uow.session.add(row)
            if not is_unwanted(uow, row, delivery, sync):
                # A removal that is planned for later stays planned: else the object would stay after its end.
                later = row.remove_at > uow.now
                row.status = RetirementStatus.WAITING if later else RetirementStatus.KEPT
                continue
            if rated is not None and (slot := acquire_slot(uow, rated, delivery)):
                row.next_try_at = slot.at
                return slot
            return row, self._call(uow, row, delivery, sync)
        return None

    @override
    def lock(self, uow: UnitOfWork, subject_id: str) -> Retirement | None:
        """The retirement under ``FOR NO KEY UPDATE``."""
        return lock_retirement(uow.session, subject_id)

    @override
    def lock_to_complete(self, uow: UnitOfWork, subject_id: str) -> Retirement | None:
        """Lock order: sync, delivery, retirement. Only one transaction may find that a sync is drained."""
        if (known := uow.session.get(Retirement, subject_id)) is None:
            return None
        lock_sync_of(uow.session, known.delivery_id)
        lock_delivery(uow.session, known.delivery_id)
        return self.lock(uow, subject_id)

    @override
    def awaits(self, row: Retirement, call: RemoveCall) -> bool:
        """A removal is recorded once."""
        return row.status != RetirementStatus.REMOVED

    @override
    def may_fail(self, row: Retirement, generation: int | None) -> bool:
        """A removal that was recorded, kept or given up has no failure to record."""
        return row.status == RetirementStatus.DUE

    @override
    def fail_to_begin(self, subject_id: str, failure: Failure) -> None:
        """Record the failure for every due removal of a delivery, as its destination cannot be called."""
        with self.context.db.read() as session:
            due = [row.id for row in session.exec(_due_of(subject_id)).all()]
        for ident in due:
            self.fail(ident, failure)

    @override
    def received(
        self, uow: UnitOfWork, row: Retirement, call: RemoveCall, answer: Removal, *, recovered: bool
    ) -> None:
        """Observed state: the object is gone."""
        row.status, row.removed_at = RetirementStatus.REMOVED, uow.now
        delivery = uow.session.get_one(Delivery, row.delivery_id)
        sync = uow.session.get_one(Sync, delivery.sync_id)
        if delivery.receipt and delivery.receipt["reference"] == row.reference:
            _clear_observed(uow, row, delivery, sync)
        uow.record(DeliveryRemoved(**_facts_of(uow, row, delivery), changed=answer.changed))
        if sync.deletion_requested:
            delete_if_drained(uow, sync)

    @override
    def failed(self, uow: UnitOfWork, row: Retirement, failure: Failure, *, first: bool) -> None:
        """Tell of the first and of the permanent failure."""
        if first or failure.permanent:
            delivery = uow.session.get_one(Delivery, row.delivery_id)
            uow.record(DeliveryRemovalFailed(**_facts_of(uow, row, delivery), **failure.facts()))

    def _call(self, uow: UnitOfWork, row: Retirement, delivery: Delivery, sync: Sync) -> RemoveCall:
        return RemoveCall(
            subject_id=row.id,
            destination=destination_of(
                self.context, uow.session, sync, f"retirement {row.id}", row.previous_target_id
            ),
            target=Target(
                delivery=delivery.id,
                name=delivery.object_name,
                receipt=Receipt.model_validate(row.object_receipt),
            ),
            plugin=plugin_version(self.context, "destination", sync.destination),
        )


def lock_retirement(session: Session, retirement_id: str) -> Retirement | None:
    """A retirement under ``FOR NO KEY UPDATE``."""
    return session.exec(locked(select(Retirement).where(Retirement.id == retirement_id))).first()


def _clear_observed(uow: UnitOfWork, row: Retirement, delivery: Delivery, sync: Sync) -> None:
    """The delivery's object is gone; if it became desired again while the removal ran, it is deployed again."""
    unwanted = is_unwanted(uow, row, delivery, sync)
    delivery.receipt = delivery.delivered_certificate_id = delivery.observed = None
    delivery.verified_at = None
    uow.session.add(delivery)
    if delivery.observed_generation != delivery.generation:
        return  # a newer generation is pending and deploys by itself
    if unwanted:
        delivery.status, delivery.last_transition_at = DeliveryStatus.REMOVED, uow.now
        end_probes(uow, sync, [delivery.id])
    else:
        bump_generation(uow, sync, delivery)


def is_unwanted(uow: UnitOfWork, row: Retirement, delivery: Delivery, sync: Sync) -> bool:
    """Whether the object of a planned removal is not desired any more, by the present state."""
    present = delivery.receipt["reference"] if delivery.receipt else None
    if sync.deletion_requested:
        return True
    if not sync.prune:
        return False
    if present != row.reference:
        return True
    if row.reason == RetirementReason.SUPERSEDED or _awaits_successor(uow, row, delivery):
        return False
    certificate = uow.session.get_one(Certificate, row.certificate_id)
    if row.reason == RetirementReason.UNSELECTED:
        return not selects(sync.selection, certificate)
    return (
        certificate.status == CertificateStatus.REVOKED
        if row.reason == RetirementReason.REVOKED
        else certificate.not_after <= uow.now
    )


def _awaits_successor(uow: UnitOfWork, row: Retirement, delivery: Delivery) -> bool:
    """Whether another certificate is about to replace this one in the same object."""
    wanted = delivery.desired_certificate_id
    if wanted == row.certificate_id or delivery.status == DeliveryStatus.REMOVED:
        return False
    return uow.session.get_one(Certificate, wanted).status != CertificateStatus.REVOKED


def _due(session: Session, delivery_id: str) -> Sequence[Retirement]:
    return session.exec(locked(_due_of(delivery_id))).all()


def _due_of(delivery_id: str) -> SelectOfScalar[Retirement]:
    query = select(Retirement).where(
        Retirement.delivery_id == delivery_id, Retirement.status == RetirementStatus.DUE
    )
    return query.order_by(col(Retirement.remove_at), col(Retirement.id))


def _facts_of(uow: UnitOfWork, row: Retirement, delivery: Delivery) -> RemovalFacts:
    return RemovalFacts(
        **facts_of(uow, delivery),
        retirement_id=row.id,
        certificate_id=row.certificate_id,
        reference=row.reference,
        reason=row.reason,
    )
