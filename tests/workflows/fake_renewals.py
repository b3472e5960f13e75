"""A renewal round in memory, scripted by the tests."""

import asyncio
from dataclasses import dataclass, field

from certrail.services.lifecycle.renewal_waits import OVER, RoundStep


@dataclass
class FakeRenewalWaits:
    """One renewal round; `steps` are answers of `advance`, of which the last one repeats."""

    steps: list[RoundStep | Exception] = field(default_factory=lambda: [OVER])
    handed_back: list[tuple[str, int]] = field(default_factory=list)
    asked: asyncio.Queue[tuple[str, int]] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def advance(self, lineage_id: str, round_: int) -> RoundStep:
        self._loop.call_soon_threadsafe(self.asked.put_nowait, (lineage_id, round_))
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step

    def hand_back(self, lineage_id: str, round_: int) -> None:
        self.handed_back.append((lineage_id, round_))
