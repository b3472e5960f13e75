"""What a destination holds, as it was read back, compared with what was delivered (drift detection)."""

from dataclasses import dataclass

from typing_extensions import override

from certrail.domain.events.delivery import DeliveryDriftDetected, DeliveryVerified
from certrail.domain.states import DeliveryStatus
from certrail.persistence.tables import Delivery
from certrail.services.core.effects import PluginCall, checked
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.delivery.desired_state import facts_of
from certrail_sdk import Observation, Observes, Target


@dataclass(frozen=True, kw_only=True)
class ObserveCall(PluginCall[Observation]):
    """One read-back of a delivered certificate."""

    certificate_id: str
    destination: Observes
    target: Target

    @override
    async def perform(self) -> Observation:
        """Read what the destination holds."""
        return checked(await self.destination.observe(self.target), Observation)


def is_good(seen: Observation, fingerprint: str) -> bool:
    """Whether a destination holds the certificate with this fingerprint, and its key."""
    return seen.present and seen.fingerprint == fingerprint and seen.key_matches is not False


def note_observation(uow: UnitOfWork, delivery: Delivery, fingerprint: str, seen: Observation) -> bool:
    """Observed state after a read-back; ``False`` when it is not what was delivered, which is then deployed again.

    The delivery is locked. Its event is recorded by `record_observation`, after the row has all its new values: each
    event has it flushed.
    """
    good = is_good(seen, fingerprint)
    delivery.observed = {**seen.model_dump(mode="json"), "good": good}
    delivery.verified_at = uow.now if good else None
    if not good:
        delivery.generation += 1
        delivery.desired_at = delivery.last_transition_at = uow.now
        delivery.status = DeliveryStatus.PENDING
    uow.session.add(delivery)
    return good


def record_observation(
    uow: UnitOfWork, delivery: Delivery, certificate_id: str, seen: Observation, *, good: bool
) -> None:
    """The event of a read-back of the certificate that was delivered last."""
    if good:
        uow.record(DeliveryVerified(**facts_of(uow, delivery), certificate_id=certificate_id))
    else:
        uow.record(DeliveryDriftDetected(**facts_of(uow, delivery), found=seen.fingerprint))
