"""Use cases and plugins in memory, scripted by the tests; the activities and flows around them are real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from pydantic import SecretStr
from temporalio.client import Client
from tests.workflows.fake_delivery_batch import FakeDeliveryBatch
from tests.workflows.fake_plugins import PLUGIN, FakeDestination, FakeNotifier, Tries
from tests.workflows.fake_renewals import FakeRenewalWaits
from tests.workflows.fake_requests import FakeIssuance, FakeIssuanceBatch, FakeRevocation, FakeValidation
from tests.workflows.fake_retirements import FakeRetirements, ReadsNothingBack

from certrail.persistence.tables import PreviousTarget
from certrail.services.alerting.notify import NotifyCall
from certrail.services.approvals.message_effect import RefreshStep
from certrail.services.approvals.messages import MessageWork
from certrail.services.authorities.crl_publication import PublishCall
from certrail.services.core.failure import Failure
from certrail.services.delivery.deliveries import DeliveryState
from certrail.services.delivery.deploy import DeployCall, DeployOutcome
from certrail.services.delivery.observation import ObserveCall
from certrail.services.integrations.plugin_faults import CallFault
from certrail_sdk import (
    Bundle,
    Deployment,
    Notification,
    Observation,
    Publication,
    Question,
    Receipt,
    Sent,
    Target,
)
from certrail_workflows.activities.calls import Calls
from certrail_workflows.messages import CORE_QUEUE, PluginTaskInput, plugin_queue
from certrail_workflows.worker import core_worker, plugin_worker

QUEUE = plugin_queue("destination-fake")
INSTANT = datetime(2026, 1, 1, tzinfo=UTC)
PRIVATE_KEY = "canary-private-key"


def task(subject_id: str) -> PluginTaskInput:
    """Work for the fake plugin."""
    return PluginTaskInput(subject_id, QUEUE)


@dataclass
class FakeDeliveries:
    """One delivery."""

    tries: Tries = field(default_factory=Tries)
    desired: str = "certificate-1"
    delivered: str | None = None
    generation: int = 1
    observed_generation: int = 0
    status: str = "pending"
    failures: list[Failure] = field(default_factory=list)
    deployed: list[str] = field(default_factory=list)
    observations: list[Observation | Exception] = field(default_factory=list)
    refusal: Exception | None = None
    looked: int = 0
    retirements: FakeRetirements = field(default_factory=FakeRetirements)
    verb: str = "deliver"

    def begin(self, delivery_id: str, attempt: int, tried: Collection[str] = ()) -> DeployCall | None:
        if self.refusal is not None:
            raise self.refusal
        if self.observed_generation == self.generation:
            return None
        return self.call_of(delivery_id)

    def call_of(self, delivery_id: str) -> DeployCall:
        target = PreviousTarget(
            id="target", created_at=INSTANT, sync_id="sync", config_sealed="", config_revision=1
        )
        return DeployCall(
            subject_id=delivery_id,
            generation=self.generation,
            certificate_id=self.desired,
            destination=FakeDestination(self.tries, self.observations),
            deployment=_deployment(delivery_id, self.desired),
            plugin=PLUGIN,
            target=target,
        )

    def read_back(self, call: DeployCall, receipt: Receipt) -> ObserveCall:
        return self.observing(call.subject_id, call.certificate_id)

    def complete(self, call: DeployCall, receipt: Receipt) -> DeployOutcome:
        self.deployed.append(call.certificate_id)
        self.delivered, self.observed_generation = call.certificate_id, call.generation
        if call.generation == self.generation:
            self.status = "delivered"
        verified = None if call.seen is None else self.looked_at(call.seen)
        state = self.state(call.subject_id)
        settled = state.status == "delivered" and state.in_place and not state.retiring
        return DeployOutcome(call.seen is not None, verified, settled)

    def observing(self, delivery_id: str, certificate_id: str) -> ObserveCall:
        return ObserveCall(
            subject_id=delivery_id,
            certificate_id=certificate_id,
            destination=FakeDestination(self.tries, self.observations),
            target=Target(delivery=delivery_id, name="object"),
            plugin=PLUGIN,
        )

    def looked_at(self, observation: Observation) -> bool:
        good = observation.fingerprint == "ab"
        self.looked += 1
        if not good:
            self.generation, self.status = self.generation + 1, "pending"
        return good

    def fail(self, delivery_id: str, failure: Failure, generation: int | None = None) -> None:
        if generation not in (None, self.generation):
            return
        self.failures.append(failure)
        self.status = "failed" if failure.permanent else "retrying"

    def fail_to_begin(self, delivery_id: str, failure: Failure) -> None:
        self.fail(delivery_id, failure)

    def result(self, delivery_id: str) -> None:
        return None

    def state(self, delivery_id: str) -> DeliveryState:
        in_place = self.observed_generation == self.generation
        return DeliveryState(self.status, in_place, bool(self.retirements.due))

    def set_desired(self, certificate_id: str) -> None:
        """A newer certificate is desired."""
        self.desired, self.generation, self.status = certificate_id, self.generation + 1, "pending"


@dataclass
class FakeVerification(ReadsNothingBack):
    """Reads the one delivery back."""

    deliveries: FakeDeliveries
    verb: str = "verify"

    def begin(self, delivery_id: str, attempt: int, tried: Collection[str] = ()) -> ObserveCall | None:
        delivered = self.deliveries.delivered
        return self.deliveries.observing(delivery_id, delivered) if delivered is not None else None

    def complete(self, call: ObserveCall, observation: Observation) -> bool:
        return self.deliveries.looked_at(observation)

    def fail(self, delivery_id: str, failure: Failure, generation: int | None = None) -> None:
        self.deliveries.failures.append(failure)

    def fail_to_begin(self, delivery_id: str, failure: Failure) -> None:
        self.fail(delivery_id, failure)

    def result(self, delivery_id: str) -> None:
        return None


@dataclass
class FakeMirrors(ReadsNothingBack):
    """One copy of a CRL; `number` is that of the present one."""

    tries: Tries = field(default_factory=Tries)
    number: int = 1
    there: int | None = None
    failures: list[Failure] = field(default_factory=list)
    verb: str = "mirror"

    def begin(self, copy_id: str, attempt: int, tried: Collection[str] = ()) -> PublishCall | None:
        if self.there == self.number:
            return None
        return PublishCall(
            subject_id=copy_id,
            generation=self.number,
            destination=FakeDestination(self.tries, []),
            publication=Publication(
                delivery=copy_id, name="list.crl", content=b"list", media_type="text/plain"
            ),
            plugin=PLUGIN,
        )

    def complete(self, call: PublishCall, receipt: Receipt) -> None:
        self.there = call.generation

    def fail(self, copy_id: str, failure: Failure, generation: int | None = None) -> None:
        self.failures.append(failure)

    def fail_to_begin(self, copy_id: str, failure: Failure) -> None:
        self.fail(copy_id, failure)

    def result(self, copy_id: str) -> None:
        return None


@dataclass
class FakeNotifications(ReadsNothingBack):
    """One message."""

    tries: Tries = field(default_factory=Tries)
    status: str = "pending"
    failures: list[Failure] = field(default_factory=list)
    verb: str = "notify"

    def begin(self, notification_id: str, attempt: int, tried: Collection[str] = ()) -> NotifyCall | None:
        if self.status == "sent":
            return None
        notification = Notification(
            id=notification_id, event_type="certificate.issued", occurred_at=INSTANT, title="T", summary="S"
        )
        notifier = FakeNotifier(self.tries)
        return NotifyCall(
            subject_id=notification_id, notifier=notifier, notification=notification, plugin=PLUGIN
        )

    def complete(self, call: NotifyCall, sent: Sent) -> None:
        self.status = "sent"

    def fail(self, notification_id: str, failure: Failure, generation: int | None = None) -> None:
        self.failures.append(failure)
        self.status = "failed" if failure.permanent else "retrying"

    def fail_to_begin(self, notification_id: str, failure: Failure) -> None:
        self.fail(notification_id, failure)

    def result(self, notification_id: str) -> None:
        return None


@dataclass
class FakeApprovalMessages:
    """One approval message; `status` is what it should show now."""

    tries: Tries = field(default_factory=Tries)
    status: str = "open"
    closed: bool = False
    reference: str | None = None
    seen: str | None = None
    failures: list[Failure] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.notifier = FakeNotifier(self.tries)

    def begin(self, message_id: str) -> MessageWork | None:
        if self.seen == self.status:
            return None
        question = Question(id=message_id, title="T", summary="S", status=self.status)
        return MessageWork(
            message_id, self.notifier, question, self.reference, self.closed, self.status, PLUGIN
        )

    def shown(self, message_id: str, version: str, reference: str, closed: bool) -> None:
        self.seen, self.reference = version, reference

    def is_closed(self, message_id: str) -> bool:
        return self.closed

    def failed(self, message_id: str, failure: Failure) -> None:
        self.failures.append(failure)


@dataclass
class Fakes:
    """All use cases that workers call."""

    issuance: FakeIssuance = field(default_factory=FakeIssuance)
    issuance_batch: FakeIssuanceBatch = field(default_factory=FakeIssuanceBatch)
    revocation: FakeRevocation = field(default_factory=FakeRevocation)
    validation: FakeValidation = field(default_factory=FakeValidation)
    renewal_waits: FakeRenewalWaits = field(default_factory=FakeRenewalWaits)
    deliveries: FakeDeliveries = field(default_factory=FakeDeliveries)
    notifications: FakeNotifications = field(default_factory=FakeNotifications)
    approval_messages: FakeApprovalMessages = field(default_factory=FakeApprovalMessages)
    mirrors: FakeMirrors = field(default_factory=FakeMirrors)
    drained: int = 0
    due: list[int] = field(default_factory=list)
    looked: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    calls: Calls = field(default_factory=Calls)
    faults: list[CallFault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.delivery_batch = FakeDeliveryBatch(self.deliveries.call_of, self.deliveries.observing)

    @property
    def services(self) -> Any:
        """In the shape that the workers take."""
        context = SimpleNamespace(clock=lambda: INSTANT)
        steps = (
            self.deliveries,
            self.deliveries.retirements,
            FakeVerification(self.deliveries),
            self.mirrors,
            self.notifications,
            RefreshStep(cast(Any, self.approval_messages)),
        )
        return SimpleNamespace(
            context=context,
            issuance=self.issuance,
            issuance_batch=self.issuance_batch,
            revocation=self.revocation,
            acme_validation=self.validation,
            renewal_waits=self.renewal_waits,
            deliveries=self.deliveries,
            delivery_batch=self.delivery_batch,
            effects=SimpleNamespace(all=lambda: steps),
            plugin_faults=SimpleNamespace(record=self.faults.append),
            sweeps={"renewals": lambda: self.due.pop(0) if self.due else 0},
        )

    async def drain(self) -> int:
        self.drained += 1
        self.looked.put_nowait(self.drained)
        return 1

    @asynccontextmanager
    async def workers(self, client: Client, *queues: str) -> AsyncIterator[None]:
        """Serve the given queues, by default all."""
        async with AsyncExitStack() as stack:
            for queue in queues or (CORE_QUEUE, QUEUE):
                if queue == CORE_QUEUE:
                    worker = core_worker(client, self.services, self.drain)
                else:
                    worker = plugin_worker(client, self.services, queue, self.calls)
                await stack.enter_async_context(worker)
            yield


def _deployment(delivery_id: str, certificate_id: str) -> Deployment:
    bundle = Bundle(
        certificate="leaf",
        private_key=SecretStr(PRIVATE_KEY),
        fingerprint="ab",
        serial="01",
        not_before=INSTANT,
        not_after=INSTANT + timedelta(days=1),
    )
    return Deployment(
        delivery=delivery_id,
        name="object",
        application="application",
        lineage="lineage",
        certificate=certificate_id,
        bundle=bundle,
    )
