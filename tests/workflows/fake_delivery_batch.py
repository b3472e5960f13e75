"""Deliveries in bulk, in memory: what a batch began, recorded, failed and handed over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from certrail.services.core.failure import Failure
from certrail.services.delivery.batch import BegunDeliveries
from certrail.services.delivery.deploy import DeployCall
from certrail.services.delivery.observation import ObserveCall
from certrail_sdk import Receipt


@dataclass
class FakeDeliveryBatch:
    """`call_of` composes a call; `observing` one that reads back. At most `chunk` deliveries are begun at a time."""

    call_of: Callable[[str], DeployCall]
    observing: Callable[[str, str], ObserveCall]
    chunk: int = 100
    groups: list[list[str]] = field(default_factory=list)
    seen: dict[str, bool] = field(default_factory=dict)
    failed: dict[str, Failure] = field(default_factory=dict)
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

    def complete(self, batch_id: str, answers: Sequence[tuple[DeployCall, Receipt]]) -> Collection[str]:
        self.completing()
        self.groups.append([call.subject_id for call, _ in answers])
        self.seen |= {call.subject_id: call.seen is not None for call, _ in answers}
        return {call.subject_id for call, _ in answers}

    def fail(self, batch_id: str, call: DeployCall, failure: Failure) -> None:
        self.failed[call.subject_id] = failure

    def superseded(self, calls: Collection[DeployCall]) -> Collection[str]:
        return self.gone

    def hand_over(self, batch_id: str, delivery_ids: Collection[str], *, called: Collection[str]) -> None:
        self.apart |= {ident: ident in called for ident in delivery_ids}

    @property
    def recorded(self) -> list[str]:
        return [ident for group in self.groups for ident in group]
