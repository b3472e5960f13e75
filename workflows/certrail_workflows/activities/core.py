"""Steps on our own database."""

from typing import TYPE_CHECKING

from temporalio import activity

from certrail_workflows.messages import DeliveryStatus, GiveUp, Progress

if TYPE_CHECKING:
    from certrail.services.deliveries import Deliveries
    from certrail.services.dispatcher import Dispatcher
    from certrail.services.issuance import Issuance


class CoreActivities:
    """Each is one transaction, short enough to be a local activity."""

    def __init__(self, issuance: "Issuance", deliveries: "Deliveries", dispatcher: "Dispatcher") -> None:
        self._issuance = issuance
        self._deliveries = deliveries
        self._dispatcher = dispatcher

    @activity.defn
    def advance_issuance(self, request_id: str) -> Progress:
        """Take the next step of a request."""
        advance = self._issuance.advance(request_id)
        return Progress(advance.status, advance.wake_at)

    @activity.defn
    def fail_issuance(self, give_up: GiveUp) -> None:
        """Record that a request cannot go on."""
        self._issuance.fail(give_up.request_id, give_up.reason)

    @activity.defn
    def delivery_state(self, delivery_id: str) -> DeliveryStatus:
        """Where a delivery stands."""
        state = self._deliveries.state(delivery_id)
        return DeliveryStatus(state.desired_certificate_id, state.delivered_certificate_id, state.status)

    @activity.defn
    async def drain_outbox(self) -> int:
        """Send what is due in the outbox."""
        return await self._dispatcher.drain()
