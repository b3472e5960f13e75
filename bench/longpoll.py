"""A thousand calls that wait: ``python -m bench longpoll``.

The p50 of a call that reads one request, quiet and beside 1,000 long polls; and how long a decision needs to reach a
poll that waits for it.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from examples.demo.installation import Api
from tests.support.aged import APPLICATION

from bench.harness.figures import Figure, Series, at_most, none, ratio
from bench.harness.load import Load, closed_loop
from bench.harness.run import Run
from bench.harness.site import PROFILE, Caller, Site, site

OF_ONE = 20
"""Calls of one caller that may wait at once."""
WAIT_SECONDS = 60
NORMAL, DELAY, NO_POLL = at_most(2), at_most(0.5), none()
SETTLE_SECONDS = 20.0
TRIES = 3
"""Of a poll, which is answered after a minute in any case."""
REJECTION = {"decision": "reject", "comment": "a benchmark rejects it"}
QUIET, BESIDE = "quiet", "beside polls"


@dataclass(frozen=True)
class Beside:
    """One round beside the polls: normal calls, and the seconds from each vote to each poll that waits for it."""

    normal: Load
    delays: Sequence[float]
    waiting: int


def measure(run: Run) -> list[Figure]:
    """On each database."""
    figures = []
    for kind in run.databases:
        with site(run, kind) as place:
            figures += Polls(run, place).measured()
    return figures


class Polls:
    """One installation with requests that wait for an approval, and callers who wait for the decision."""

    def __init__(self, run: Run, place: Site) -> None:
        self._run, self._place = run, place
        count = run.pick("long polls", quick=40, default=1000)
        self._calls = run.pick("normal calls of a round", quick=20, default=200)
        self._decisions = run.pick("decisions of a round", quick=1, default=5)
        place.admin.post("/users", {"slug": "alice", "name": "Alice", "email": "alice@example.com"})
        place.admin.put(f"/applications/{APPLICATION}/members/alice", {"role": "operator"})
        step = {"name": "Security", "approvers": ["alice"], "channels": []}
        policy = {"slug": "guard", "name": "Guard", "profiles": [PROFILE], "steps": [step]}
        place.admin.post(f"/applications/{APPLICATION}/approval-policies", policy)
        self._alice = Api(place.installation.url, place.token_of("alice"))
        run.say(f"longpoll, {place.kind}: {count // OF_ONE} callers")
        self._callers = [place.new_caller(f"caller-{number}") for number in range(count // OF_ONE)]

    def measured(self) -> list[Figure]:
        """Of this database."""
        run, kind = self._run, self._place.kind
        self._quiet()
        found: dict[str, list[Load | Beside]] = run.interleaved(
            f"longpoll, {kind}", {QUIET: self._quiet, BESIDE: self._beside}
        )
        quiet = [load for load in found[QUIET] if isinstance(load, Load)]
        beside = [load for load in found[BESIDE] if isinstance(load, Beside)]
        polls = len(self._callers) * OF_ONE
        return [
            ratio(
                f"a normal call beside {polls:,} long polls, p50 to quiet",
                kind,
                Series(BESIDE, "ms", [load.normal.milliseconds(50) for load in beside]),
                Series(QUIET, "ms", [load.milliseconds(50) for load in quiet]),
                NORMAL,
                beside=[Series("p99 beside polls", "ms", [load.normal.milliseconds(99) for load in beside])],
            ),
            Figure(
                f"of {polls:,} long polls, refused or ended early",
                kind,
                [float(polls - load.waiting) for load in beside],
                NO_POLL,
                unit="",
            ),
            Figure(
                "a vote until the last poll for it is answered",
                kind,
                [max(load.delays, default=WAIT_SECONDS) for load in beside],
                DELAY,
                unit="s",
            ),
        ]

    def _quiet(self) -> Load:
        request = self._run.wait(self._callers[0].request(f"{uuid.uuid4().hex[:12]}.example.com"))
        load = self._run.wait(self._normal(request["id"]))
        self._usual = load.milliseconds(50) / 1000
        return load

    async def _normal(self, ident: str) -> Load:
        async def job(_number: int) -> None:
            await self._place.caller.get(f"/certificate-requests/{ident}")

        return await closed_loop(job, self._calls, 1)

    def _beside(self) -> Beside:
        return self._run.wait(self._beside_polls())

    async def _beside_polls(self) -> Beside:
        prefix = uuid.uuid4().hex[:8]
        requests = [
            await caller.request(f"{prefix}-{number}.example.com")
            for number, caller in enumerate(self._callers)
        ]
        answered: dict[str, list[asyncio.Task[float]]] = {
            request["id"]: [asyncio.create_task(_poll(caller, request["id"])) for _ in range(OF_ONE)]
            for caller, request in zip(self._callers, requests, strict=True)
        }
        tasks = [task for of_one in answered.values() for task in of_one]
        try:
            await self._settled(requests[0]["id"])
            normal = await self._normal(requests[0]["id"])
            waiting = sum(not task.done() for task in tasks)
            delays = [
                await self._decided(request, answered[request["id"]])
                for request in requests[-self._decisions :]
            ]
            # A call whose caller hangs up waits in the server all the same: the next round needs its share.
            for request in requests[: -self._decisions]:
                await self._decided(request, answered[request["id"]])
            return Beside(normal, [seconds for of_one in delays for seconds in of_one], waiting)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _settled(self, ident: str) -> None:
        """Return when two normal calls are about as fast as usual: then all polls are accepted and wait."""
        began, quick = time.monotonic(), 0
        while quick < 2 and time.monotonic() - began < SETTLE_SECONDS:
            begin = time.perf_counter()
            await self._place.caller.get(f"/certificate-requests/{ident}")
            quick = quick + 1 if time.perf_counter() - begin < 2 * self._usual else 0
            await asyncio.sleep(0.1)

    async def _decided(self, request: Mapping[str, Any], polls: Sequence[asyncio.Task[float]]) -> list[float]:
        """Vote; returns the seconds from its answer until each poll was answered."""
        path = f"/approval-requests/{request['approval_request_id']}/votes"
        await asyncio.to_thread(self._alice.post, path, REJECTION)
        voted = time.perf_counter()
        await asyncio.wait(polls, timeout=WAIT_SECONDS)
        return [max(0.0, task.result() - voted) for task in polls if task.done() and not task.exception()]


async def _poll(caller: Caller, ident: str) -> float:
    """Wait for the end of a request; returns when it was answered. Raises TimeoutError."""
    for _ in range(TRIES):
        found = await caller.get(f"/certificate-requests/{ident}?wait={WAIT_SECONDS}")
        if found["status"] != "pending_approval":
            return time.perf_counter()
    raise TimeoutError(ident)
