"""Deliveries in bulk, in memory: what a batch began, recorded, failed and handed over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from certrail.services.core.failure import Failure
from certrail.services.delivery.batch import BegunDeliveries
from certrail.services.delivery.deploy import DeployCall
from certrail.services.delivery.observation import ObserveCall
from certrail_sdk import Observation, Receipt


@dataclass
class FakeDeliveryBatch:
    """At most `chunk` deliveries are begun at a time.

    Attributes:
        call_of: composes a call.
        observing: composes a call that reads back.
        read: what was read back after its receipt.
        later: what the destination told to come later.
        together: what comes back in another batch, and when.
    """

    call_of: Callable[[str], DeployCall]
    observing: Callable[[str, str], ObserveCall]
    chunk: int = 100
    groups: list[list[str]] = field(default_factory=list)
    seen: dict[str, bool] = field(default_factory=dict)
    failed: dict[str, Failure] = field(default_factory=dict)
    together: dict[str, datetime] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    later: dict[str, Failure] = field(default_factory=dict)
    apart: dict[str, bool] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    refusal: Exception | None = None
    completing: Callable[[], None] = lambda: None

    def begin(self, batch_id: str, delivery_ids: Sequence[str]) -> BegunDeliveries:
        if self.refusal is not None:
            raise self.refusal
        taken = delivery_ids[: self.chunk]
        return BegunDeliveries([self.call_of(ident) for ident in taken], delivery_ids[self.chunk :])

    def read_back(self, call: DeployCall, answer: Receipt) -> ObserveCall | None:
        return self.observing(call.subject_id, call.certificate_id)

    def complete(
        self,
        batch_id: str,
        answers: Sequence[tuple[DeployCall, Receipt]],
        reading: Collection[str] = (),
    ) -> Collection[str]:
        self.completing()
        self.groups.append([call.subject_id for call, _ in answers])
        self.seen |= {call.subject_id: call.seen is not None for call, _ in answers}
        return {call.subject_id for call, _ in answers}

    def fail(self, batch_id: str, call: DeployCall, failure: Failure) -> None:
        self.failed[call.subject_id] = failure

    def read_again(self, delivery_id: str) -> ObserveCall | None:
        return self.observing(delivery_id, "certificate")

    def put_off(self, batch_id: str, failures: Sequence[tuple[DeployCall, Failure]]) -> None:
        self.later |= {call.subject_id: failure for call, failure in failures}

    def observed(self, seen: Sequence[tuple[ObserveCall, Observation]]) -> None:
        self.read += [call.subject_id for call, _ in seen]
        self.seen |= dict.fromkeys(self.read, True)

    def superseded(self, calls: Collection[DeployCall]) -> Collection[str]:
        return self.gone

    def hand_over(
        self,
        batch_id: str,
        delivery_ids: Collection[str],
        *,
        called: Collection[str],
        later: datetime | None = None,
    ) -> None:
        if later is None:
            self.apart |= {ident: ident in called for ident in delivery_ids}
        else:
            self.together |= dict.fromkeys(delivery_ids, later)

    @property
    def recorded(self) -> list[str]:
        return [ident for group in self.groups for ident in group]
