"""Work done through a plugin, on that plugin's own task queue."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from certrail.services.core.failure import Failure
from certrail.services.delivery.rate_limits import RateSlot
from certrail_sdk import (
    ConcurrentModification,
    Interactive,
    Misconfigured,
    Observation,
    Observes,
    Publishes,
    Receipt,
    Removal,
    Removes,
    Sent,
)
from certrail_workflows import messages
from certrail_workflows.activities.attempts import AttemptRecorder
from certrail_workflows.activities.running import run_with_heartbeat
from certrail_workflows.errors import not_yet
from certrail_workflows.messages import ReadBack, Refreshed

if TYPE_CHECKING:
    from certrail.services.alerting.notifications import Notifications
    from certrail.services.approvals.messages import ApprovalMessages, MessageWork
    from certrail.services.authorities.crl_mirrors import Mirrors
    from certrail.services.delivery.deliveries import Deliveries
    from certrail.services.delivery.retirements import RemovalWork, Retirements

Clock = Callable[[], datetime]
T = TypeVar("T")


class DeliveryActivities:
    """Bring a certificate to a destination, look whether it is there, and take away what is not wanted any more."""

    def __init__(self, deliveries: "Deliveries", retirements: "Retirements", clock: Clock) -> None:
        self._deliveries = deliveries
        self._retirements = retirements
        self._clock = clock

    @activity.defn(name=messages.DELIVER)
    async def deliver(self, delivery_id: str) -> None:
        """Deliver what the record wants now, unless it is delivered."""
        await run_with_heartbeat(self._deliver(delivery_id))

    @activity.defn(name=messages.REMOVE)
    async def remove(self, delivery_id: str) -> None:
        """Take away what is to leave: each object has its turn, whatever holds another."""
        await run_with_heartbeat(self._remove_all(delivery_id))

    @activity.defn(name=messages.VERIFY)
    async def verify(self, delivery_id: str) -> ReadBack:
        """Read back what was delivered, where that is possible."""
        return ReadBack(await run_with_heartbeat(self._verify(delivery_id)))

    async def _remove_all(self, delivery_id: str) -> None:
        attempt, tried, again = activity.info().attempt, list[str](), list[ApplicationError]()
        beginning = AttemptRecorder(
            self._clock, lambda failure: self._retirements.failed_to_begin(delivery_id, failure)
        )
        while work := await beginning.engine_step(
            lambda: self._retirements.begin(delivery_id, attempt, tried=tuple(tried))
        ):
            if isinstance(work, RateSlot):
                again.append(not_yet(work.at, self._clock()))
                break
            tried.append(work.retirement_id)
            try:
                await self._remove(work)
            except ApplicationError as failed:
                if not failed.non_retryable:  # else it rests until a person has acted, which is on record
                    again.append(failed)
        if again:
            raise min(again, key=lambda failed: failed.next_retry_delay or timedelta.max)

    async def _remove(self, work: "RemovalWork") -> None:
        this = AttemptRecorder(
            self._clock, lambda failure: self._retirements.failed(work.retirement_id, failure)
        )
        async with this.plugin_call(work.plugin):
            removal = _checked(await _unused_removed(work), Removal)
        await this.engine_step(lambda: self._retirements.removed(work.retirement_id, removal))

    async def _deliver(self, delivery_id: str) -> None:
        attempt = activity.info().attempt
        beginning = AttemptRecorder(self._clock, lambda failure: self._failed_to_begin(delivery_id, failure))
        work = await beginning.engine_step(lambda: self._deliveries.begin(delivery_id, attempt))
        if work is None:
            return
        if isinstance(work, RateSlot):
            raise not_yet(work.at, self._clock())
        this = AttemptRecorder(
            self._clock, lambda failure: self._deliveries.failed(delivery_id, work.generation, failure)
        )
        async with this.plugin_call(work.plugin):
            receipt = _checked(await work.destination.deploy(work.deployment), Receipt)
        await this.engine_step(lambda: self._deliveries.complete(work, receipt))

    def _failed_to_begin(self, delivery_id: str, failure: Failure) -> None:
        self._deliveries.failed(delivery_id, self._deliveries.state(delivery_id).generation, failure)

    def _unverified(self, delivery_id: str, failure: Failure) -> None:
        # What was delivered stays delivered when nobody can look; that nobody could is on record.
        if delivered := self._deliveries.state(delivery_id).delivered_certificate_id:
            self._deliveries.unverified(delivery_id, delivered, failure)

    async def _verify(self, delivery_id: str) -> bool | None:
        this = AttemptRecorder(self._clock, lambda failure: self._unverified(delivery_id, failure))
        work = await this.engine_step(lambda: self._deliveries.begin_verify(delivery_id))
        if work is None or not isinstance(work.destination, Observes):
            return None
        delivered = work.certificate_id
        async with this.plugin_call(work.plugin):
            observation = _checked(await work.destination.observe(work.target), Observation)
        return await this.engine_step(lambda: self._deliveries.verified(delivery_id, delivered, observation))


class MirrorActivities:
    """Publish revocation lists at their mirrors."""

    def __init__(self, mirrors: "Mirrors", clock: Clock) -> None:
        self._mirrors = mirrors
        self._clock = clock

    @activity.defn(name=messages.MIRROR)
    async def mirror(self, copy_id: str) -> None:
        """Publish the present list, unless it is there."""
        await run_with_heartbeat(self._publish(copy_id))

    async def _publish(self, copy_id: str) -> None:
        attempt = activity.info().attempt
        this = AttemptRecorder(self._clock, lambda failure: self._mirrors.failed(copy_id, failure))
        work = await this.engine_step(lambda: self._mirrors.begin(copy_id, attempt))
        if work is None:
            return
        number, destination = work.number, work.destination
        async with this.plugin_call(work.plugin):
            if not isinstance(destination, Publishes):
                raise Misconfigured("destination", f"{work.plugin} cannot hold public files; choose another")
            receipt = _checked(await destination.publish(work.publication), Receipt)
        await this.engine_step(lambda: self._mirrors.published(copy_id, number, receipt))


class NotificationActivities:
    """Tell people."""

    def __init__(self, notifications: "Notifications", clock: Clock) -> None:
        self._notifications = notifications
        self._clock = clock

    @activity.defn(name=messages.NOTIFY)
    async def notify(self, notification_id: str) -> None:
        """Send one message, unless it was sent."""
        await run_with_heartbeat(self._notify(notification_id))

    async def _notify(self, notification_id: str) -> None:
        attempt = activity.info().attempt
        this = AttemptRecorder(
            self._clock, lambda failure: self._notifications.failed(notification_id, failure)
        )
        work = await this.engine_step(lambda: self._notifications.begin(notification_id, attempt))
        if work is None:
            return
        async with this.plugin_call(work.plugin):
            sent = _checked(await work.notifier.send(work.notification), Sent)
        await this.engine_step(lambda: self._notifications.sent(notification_id, sent))


class ApprovalMessageActivities:
    """Ask people."""

    def __init__(self, approval_messages: "ApprovalMessages", clock: Clock) -> None:
        self._approval_messages = approval_messages
        self._clock = clock

    @activity.defn(name=messages.REFRESH_APPROVAL_MESSAGE)
    async def refresh_approval_message(self, copy_id: str) -> Refreshed:
        """Bring one copy of a question to its present state."""
        return await run_with_heartbeat(self._refresh(copy_id))

    async def _refresh(self, copy_id: str) -> Refreshed:
        this = AttemptRecorder(self._clock, lambda failure: self._approval_messages.failed(copy_id, failure))
        work = await this.engine_step(lambda: self._approval_messages.begin(copy_id))
        if work is None:
            return Refreshed(await this.engine_step(lambda: self._approval_messages.is_closed(copy_id)))
        async with this.plugin_call(work.plugin):
            reference = await _shown(work)
        version, closed = work.version, work.closed
        await this.engine_step(lambda: self._approval_messages.shown(copy_id, version, reference, closed))
        return Refreshed(closed)


async def _unused_removed(work: "RemovalWork") -> Removal:
    destination = work.destination
    if not isinstance(destination, Removes):
        raise Misconfigured("remove", f"{work.plugin} cannot take anything away; switch removal off")
    if isinstance(destination, Observes):
        observation = _checked(await destination.observe(work.target), Observation)
        if observation.in_use_by:
            users = ", ".join(observation.in_use_by[:5])
            raise ConcurrentModification(
                f"{work.target.name} is still used by {users}.",
                action="Have them use the newer certificate, or none; it is then removed by itself.",
            )
    return await destination.remove(work.target)


async def _shown(work: "MessageWork") -> str:
    """Post the question or update its copy; returns where it stands."""
    notifier = work.notifier
    if not isinstance(notifier, Interactive):
        raise Misconfigured("channel", f"{work.plugin} cannot carry questions; choose another channel")
    if work.reference is None:
        return _checked(await notifier.ask(work.question), Sent).reference
    await notifier.update(work.reference, work.question)
    return work.reference


def _checked(answer: object, kind: type[T]) -> T:
    if not isinstance(answer, kind):
        raise TypeError(kind.__name__)
    return answer
