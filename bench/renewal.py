"""Renewing a fleet in chunks and with a workflow for each: ``python -m bench renewal``.

All in one run, on one database, with the real Temporal server. In chunks it is to be eight times as fast, though the
worker is killed twice on the way; and an authority with a rate is never used more often, though the worker is killed
twice again. Afterwards nothing was lost and nothing was done twice.

The ratio was 9.3 before single requests became faster. Chunks pause after each kill until the heartbeat of
their activity is missed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from examples.demo.installation import Installation, until
from tests.support.aged import Aged, busiest_minute

from bench.harness.figures import Figure, Series, at_least, at_most, none, ratio
from bench.harness.run import Run, folder

CHUNKS, ONCE = at_least(8), none()
PATIENCE = 1800.0


def rate(instants: Sequence[datetime]) -> float:
    """Certificates per second between the first and the last."""
    return (len(instants) - 1) / (instants[-1] - instants[0]).total_seconds()


@dataclass
class Renewals:
    """A fleet whose certificates are due, in an installation that is not started yet."""

    run: Run
    fleet: Aged
    installation: Installation

    def by_workflow(self, certificates: Sequence[str]) -> Sequence[datetime]:
        """All are requested before anything runs, so that the requests are no part of the time."""
        for certificate in certificates:
            self.fleet.services.renewals.renew(self.fleet.admin, certificate)
        self.installation.start()
        count = len(certificates)
        until(lambda: self.fleet.count_renewed("workflow") == count, "a workflow for each", PATIENCE)
        return self.fleet.renewed("workflow")

    def by_the_clock(self, profile: str, count: int) -> Sequence[datetime]:
        """All due at the same time; the restarts of the killed workers are part of it."""
        self.fleet.renew_by_the_clock(profile, True)
        for share in (1, 2):
            until(
                lambda share=share: self.fleet.count_renewed(profile) >= share * count / 3,  # type: ignore[misc]
                "a third",
                PATIENCE,
            )
            self.installation.kill("worker")
            self.run.say(f"renewal: worker killed after {self.fleet.count_renewed(profile):,} renewals")
        until(lambda: self.fleet.count_renewed(profile) == count, "all renewals", PATIENCE)
        return self.fleet.renewed(profile)


def measure(run: Run) -> list[Figure]:
    """Once, on SQLite: a round is 25,000 renewals with four kills."""
    chunks = run.pick("renewals in chunks", quick=300, default=20_000)
    single = run.pick("renewals by a workflow each", quick=10, default=200)
    bounded = run.pick("renewals at an authority with a rate", quick=30, default=5_000)
    per_minute = run.pick("its renewals a minute", quick=60, default=1_500)
    with folder() as place:
        fleet, installation = Aged(place), Installation(place)
        run.say(f"renewal: issuing {chunks + single + bounded:,} certificates")
        certificates = fleet.stock("workflow", single)
        fleet.stock("chunks", chunks)
        fleet.stock("bounded", bounded, per_minute)
        renewals = Renewals(run, fleet, installation)
        try:
            run.say(f"renewal: {single:,}, a workflow for each")
            slow = rate(renewals.by_workflow(certificates))
            run.say(f"renewal: {chunks:,} in chunks")
            fast = rate(renewals.by_the_clock("chunks", chunks))
            run.say(f"renewal: {bounded:,}, at most {per_minute:,} in a minute")
            busiest = busiest_minute(renewals.by_the_clock("bounded", bounded))
        finally:
            installation.stop()
        generations = fleet.generations()
        fleet.close()
    wrong = chunks + single + bounded - generations.get(2, 0)
    return [
        ratio(
            "renewed per second in chunks, two kills, to a workflow for each",
            "SQLite",
            Series("in chunks", "/s", [fast]),
            Series("a workflow for each", "/s", [slow]),
            CHUNKS,
        ),
        Figure(
            "renewals in the busiest minute at an authority with a rate, two kills",
            "SQLite",
            [float(busiest)],
            at_most(per_minute, kept=True),
            unit="",
        ),
        Figure("lineages not renewed exactly once", "SQLite", [float(wrong)], ONCE, unit=""),
    ]
