"""Accepting a burst: ``python -m bench accept``.

So many callers request certificates as fast as they are answered, and wait for none of them. Each call is a transaction
of the server, while the worker issues what was accepted: the slowest of a hundred should not wait much longer than the
middle one.
"""

import time
import uuid

from bench.harness.figures import Figure, Series, at_most, ratio
from bench.harness.load import Load, closed_loop
from bench.harness.run import Run
from bench.harness.site import ISSUED, MANY_EVERY, Site, site

CALLERS = (16, 48)
SPREAD = at_most(5)


def measure(run: Run) -> list[Figure]:
    """16 and 48 callers, on each database."""
    figures = []
    for kind in run.databases:
        with site(run, kind) as place:
            figures += _measured(run, place)
    return figures


def _measured(run: Run, place: Site) -> list[Figure]:
    watch = place.watch(ISSUED, MANY_EVERY)
    count = run.pick("requests of a burst", quick=32, default=240)

    def burst(callers: int) -> tuple[Load, float]:
        """The calls, and how many a second were issued until the last one was."""
        prefix, idents, began = uuid.uuid4().hex[:8], list[str](), time.perf_counter()

        async def job(number: int) -> None:
            idents.append((await place.caller.request(f"{prefix}-{number}.example.com"))["id"])

        load = run.wait(closed_loop(job, count, callers))
        # The next burst begins when nothing of this one is left to do.
        run.wait(watch.until_all_are_done(idents))
        return load, len(idents) / (time.perf_counter() - began)

    burst(CALLERS[0])
    found = run.interleaved(
        f"accept, {place.kind}",
        {f"{callers} callers": lambda callers=callers: burst(callers) for callers in CALLERS},  # type: ignore[misc]
    )
    return [
        ratio(
            f"accept, {callers} callers at once, p99 to p50",
            place.kind,
            Series("p99", "ms", [load.milliseconds(99) for load, _ in found[f"{callers} callers"]]),
            Series("p50", "ms", [load.milliseconds(50) for load, _ in found[f"{callers} callers"]]),
            SPREAD,
            beside=[
                Series("accepted", "/s", [load.rate for load, _ in found[f"{callers} callers"]]),
                Series("issued", "/s", [issued for _, issued in found[f"{callers} callers"]]),
            ],
        )
        for callers in CALLERS
    ]
