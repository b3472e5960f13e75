"""Removals in memory, scripted by the tests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from tests.workflows.fake_plugins import PLUGIN, FakeDestination, Tries

from certrail.services.core.failure import Failure
from certrail.services.delivery.remove import RemoveCall
from certrail_sdk import Removal, Target


class ReadsNothingBack:
    """A verb whose answer is recorded as it is."""

    def read_back(self, call: object, answer: object) -> None:
        return None


@dataclass
class FakeRetirements(ReadsNothingBack):
    """Objects of the one delivery that are to be removed; the plugin's attempts say how it goes."""

    tries: Tries = field(default_factory=Tries)
    due: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    verb: str = "remove"

    def begin(self, delivery_id: str, attempt: int, tried: Collection[str] = ()) -> RemoveCall | None:
        left = [name for name in self.due if name not in tried]
        if not left:
            return None
        target = Target(delivery=delivery_id, name=left[0])
        destination = FakeDestination(self.tries, [])
        return RemoveCall(subject_id=left[0], destination=destination, target=target, plugin=PLUGIN)

    def fail_to_begin(self, delivery_id: str, failure: Failure) -> None:
        for name in list(self.due):
            self.fail(name, failure)

    def complete(self, call: RemoveCall, removal: Removal) -> None:
        self.gone.append(call.subject_id)
        self.due.remove(call.subject_id)

    def fail(self, retirement_id: str, failure: Failure, generation: int | None = None) -> None:
        self.failures.append(failure)
        if failure.permanent and retirement_id in self.due:
            self.due.remove(retirement_id)

    def result(self, delivery_id: str) -> None:
        return None
