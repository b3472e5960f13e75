"""Verification by itself: where what was deployed could not be read back at once, by the step that deployed it."""

from collections.abc import Collection

from sqlmodel import and_, col, select
from typing_extensions import override

from certrail.checkpoints import checkpoint
from certrail.domain.events.delivery import DeliveryUnverified
from certrail.domain.states import RetirementStatus
from certrail.persistence.database import session_cache
from certrail.persistence.tables import Connection, Delivery, Retirement, Sync
from certrail.services.core.actor import SYSTEM
from certrail.services.core.effects import PluginStep
from certrail.services.core.failure import Failure
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.delivery.deploy import sync_with, target_of_receipt
from certrail.services.delivery.desired_state import facts_of
from certrail.services.delivery.locks import lock_delivery
from certrail.services.delivery.observation import ObserveCall, note_observation, record_observation
from certrail.services.integrations.plugin_config import destination_of, plugin_version
from certrail_sdk import Observation, Observes


class VerifyStep(PluginStep):
    """Changes nothing outside, so it has no intent and no receipt: it may run any number of times."""

    verb = "verify"

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    @override
    def begin(self, subject_id: str, attempt: int, tried: Collection[str] = ()) -> ObserveCall | None:
        """What to read back; ``None`` when the destination cannot be read or nothing is delivered."""
        with self._context.db.read() as session, session_cache(session):
            due = and_(
                col(Retirement.delivery_id) == col(Delivery.id), Retirement.status == RetirementStatus.DUE
            )
            query = (
                select(Delivery, Sync, Connection, Retirement.reference)
                .select_from(Delivery)
                .join(Sync, col(Sync.id) == col(Delivery.sync_id))
                .join(Connection, col(Connection.id) == col(Sync.connection_id), isouter=True)
                .join(Retirement, due, isouter=True)
            )
            rows = session.exec(query.where(Delivery.id == subject_id)).all()
            if not rows:
                return None
            delivery, sync, _, _ = rows[0]
            if delivery.receipt is None or delivery.delivered_certificate_id is None:
                return None
            if delivery.receipt["reference"] in {reference for *_, reference in rows}:
                return None  # its removal is due: that it is missing afterwards is no drift
            destination = destination_of(
                self._context, session, sync, f"delivery {delivery.id}", delivery.previous_target_id
            )
            if not isinstance(destination, Observes):
                return None
            return ObserveCall(
                subject_id=delivery.id,
                certificate_id=delivery.delivered_certificate_id,
                destination=destination,
                target=target_of_receipt(delivery),
                plugin=plugin_version(self._context, "destination", sync.destination),
            )

    @override
    def complete(self, call: ObserveCall, answer: Observation) -> bool:
        """Record what was read back; ``False`` when it is not what was delivered, which is then deployed again."""
        with self._context.unit_of_work(SYSTEM) as uow, session_cache(uow.session):
            delivery = lock_delivery(uow.session, call.subject_id)
            # Another certificate was delivered while this one was read: there is nothing to compare any more.
            if delivery is None or delivery.delivered_certificate_id != call.certificate_id:
                return True
            _, certificate = sync_with(uow.session, delivery, call.certificate_id)
            good = note_observation(uow, delivery, certificate.fingerprint, answer)
            record_observation(uow, delivery, certificate.id, answer, good=good)
        checkpoint("delivery.verified")
        return good

    @override
    def fail(self, subject_id: str, failure: Failure, generation: int | None = None) -> None:
        """Record that a delivery could not be read back; it stays delivered."""
        with self._context.unit_of_work(SYSTEM) as uow:
            delivery = lock_delivery(uow.session, subject_id)
            if delivery is None or delivery.delivered_certificate_id is None:
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
