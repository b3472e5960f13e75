"""Use cases behind the steps of requests and challenges, without a database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from certrail.services.enrollment.acme.validation import ValidationAdvance
from certrail.services.issuance.issuance import Advance


@dataclass
class FakeIssuance:
    """One request; `steps` are answers of `advance`, of which the last one repeats."""

    steps: list[Advance | Exception] = field(default_factory=lambda: [Advance("issued")])
    reasons: list[str] = field(default_factory=list)
    attempts: int = 0
    asked: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def advance(self, request_id: str) -> Advance:
        self.attempts += 1
        self._loop.call_soon_threadsafe(self.asked.put_nowait, request_id)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step

    def fail(self, request_id: str, reason: str) -> None:
        self.reasons.append(reason)


@dataclass
class FakeIssuanceBatch:
    """Requests in bulk; `steps` are how many of the requests each chunk issues, or its error; the last one repeats."""

    steps: list[int | Exception] = field(default_factory=lambda: [100])
    chunks: list[tuple[str, ...]] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)

    def advance(self, request_ids: Sequence[str]) -> Sequence[str]:
        self.chunks.append(tuple(request_ids))
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return request_ids[step:]

    def start_own_workflows(self, request_ids: Sequence[str]) -> None:
        self.apart += request_ids


@dataclass
class FakeRevocation(FakeIssuance):
    """One revocation request; as `FakeIssuance`."""

    steps: list[Advance | Exception] = field(default_factory=lambda: [Advance("revoked")])


@dataclass
class FakeValidation:
    """One ACME challenge; `steps` are answers of `begin`, of which the last one repeats."""

    steps: list[ValidationAdvance | Exception] = field(default_factory=lambda: [ValidationAdvance("valid")])
    reasons: list[str] = field(default_factory=list)
    attempts: int = 0

    def begin(self, challenge_id: str) -> ValidationAdvance:
        self.attempts += 1
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step

    def fail(self, challenge_id: str, reason: str) -> None:
        self.reasons.append(reason)
