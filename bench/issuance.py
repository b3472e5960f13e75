"""Issued certificates against the floor: ``python -m bench issuance``.

A request needs no approval and has no destination. Its time is from the call of the API to the commit of the
certificate.

Alone, what comes before the workflow is what the floor has not: the call of the API with two transactions, and the
start from the outbox. On PostgreSQL each of their statements waits for its answer.
"""

import uuid
from collections.abc import Sequence

from bench.floor.client import Floor
from bench.harness.figures import Figure, Series, at_least, at_most, ratio
from bench.harness.load import Load, Watch, closed_loop
from bench.harness.run import Run
from bench.harness.site import ALONE_EVERY, ISSUED, MANY_EVERY, Site, site

FLOOR, CERTRAIL = "floor", "certrail"
MANY = 48
RATE = at_least(1.2)
LATENCY = at_most(1.5)


def measure(run: Run) -> list[Figure]:
    """Alone and 48 at once, on each database."""
    figures = []
    for kind in run.databases:
        with site(run, kind) as place:
            figures += _measured(run, place, place.floor())
    return figures


def issue(place: Site, watch: Watch, count: int, at_once: int, application: str = "fleet") -> Load:
    """Request certificates, so many at once, and wait for each."""
    prefix = uuid.uuid4().hex[:8]

    async def job(number: int) -> None:
        accepted = await place.caller.request(f"{prefix}-{number}.example.com", application)
        await watch.until_done(accepted["id"])

    return place.run.wait(closed_loop(job, count, at_once))


def _measured(run: Run, place: Site, floor: Floor) -> list[Figure]:
    alone, many = place.watch(ISSUED, ALONE_EVERY), place.watch(ISSUED, MANY_EVERY)
    few = run.pick("requests, one at a time", quick=5, default=60)
    count = run.pick("requests, 48 at once", quick=16, default=240)
    # Both are as warm as they will be.
    floor.one_activity(few, 1)
    issue(place, alone, few, 1)
    one = run.interleaved(
        f"issuance, {place.kind}, one at a time",
        {FLOOR: lambda: floor.one_activity(few, 1), CERTRAIL: lambda: issue(place, alone, few, 1)},
    )
    all_at_once = run.interleaved(
        f"issuance, {place.kind}, {MANY} at once",
        {
            FLOOR: lambda: floor.one_activity(count, MANY),
            CERTRAIL: lambda: issue(place, many, count, MANY),
        },
    )
    slowest = Series(
        "certrail p99, 48 at once", "ms", [load.milliseconds(99) for load in all_at_once[CERTRAIL]]
    )
    return [
        ratio(
            "issued per second, 48 at once, to the floor's",
            place.kind,
            rates("certrail", all_at_once[CERTRAIL]),
            rates("floor", all_at_once[FLOOR]),
            RATE,
            beside=[slowest],
        ),
        ratio(
            "request to certificate, alone, p50 to the floor's",
            place.kind,
            medians("certrail", one[CERTRAIL]),
            medians("floor", one[FLOOR]),
            LATENCY,
        ),
        ratio(
            "issued per second, one at a time, to the floor's",
            place.kind,
            rates("certrail", one[CERTRAIL]),
            rates("floor", one[FLOOR]),
        ),
    ]


def rates(name: str, loads: Sequence[Load]) -> Series:
    """Jobs a second in each round."""
    return Series(name, "/s", [load.rate for load in loads])


def medians(name: str, loads: Sequence[Load]) -> Series:
    """The middle job of each round."""
    return Series(f"{name} p50", "ms", [load.milliseconds(50) for load in loads])
