"""Delivered certificates: ``python -m bench delivery``.

To one folder: from the request to the record that the certificate was read back there, against the floor. To ACM:
lineages that are issued already are delivered by a new sync and read back, against boto3 that imports as many, and
once more while another account, which throttles every third call, is delivered to as well.

To ACM a delivery is three calls (import, get, describe), and a bare import is one. One process of plugins makes them,
so that Python's lock of the interpreter is the limit. It used 21 ms of processor time for each: 4 to make two
clients, 1.5 to close their connections, 3 to search answers for secrets. Clients that are kept, a search that looks
for places only where there is something, and receipts in larger groups left 12 ms; a single round on SQLite had 51 of
248 imports a second. What is left is boto3's own work for three calls, and the threads and tasks around each.

Beside the throttled account it was not the healthy one that waited for anything: refused deliveries had workflows of
their own, each attempt listed the whole account to look for an object, and that used 20 s of the worker and 7 s of
Temporal in 29 s. Refused ones now come back in batches, look for nothing where nothing was written, and the account
is called less often: 4 s and 0.3 s, in a single round on SQLite 36 of 248 imports a second. What is left is that both
accounts share one process.

On PostgreSQL a certificate that is delivered to a folder takes 40 to 50 ms of Python's processor time, in the server,
the worker's core and its plugins together: statements are sent one by one, and each waits for its answer.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import select
from tests.support.aged import APPLICATION

from bench.floor.client import Floor
from bench.harness.destinations import Acm, acm
from bench.harness.figures import Figure, Goal, Series, at_least, none, ratio
from bench.harness.load import Load, closed_loop
from bench.harness.run import Run
from bench.harness.site import ALONE_EVERY, MANY_EVERY, VERIFIED, Site, site
from bench.issuance import CERTRAIL, FLOOR, MANY, medians, rates
from certrail.domain.states import DeliveryStatus
from certrail.persistence.tables import Delivery

TO_FOLDER, TO_ACM, BESIDE_THROTTLED = at_least(0.6), at_least(0.3), at_least(0.2)
NONE = none()
BARE = "bare boto3"
THREADS = 8
"""Of bare boto3: more do not import faster."""
THIRD = 3
FOLDER = "in-folder"
READ_BACK = (
    "select desired_certificate_id from delivery where desired_certificate_id in ({{idents}})"
    " and sync_id = '{sync}' and verified_at is not null"
)
OPEN = (DeliveryStatus.PENDING, DeliveryStatus.DELIVERING, DeliveryStatus.RETRYING)
CATCH_UP_SECONDS = 45.0
"""For the account that throttles. What was not imported by then has a next attempt, or counts as lost."""


def measure(run: Run) -> list[Figure]:
    """To a folder, to ACM, and to ACM beside a throttled account, on each database."""
    figures = []
    for kind in run.databases:
        with acm() as healthy, acm() as throttling, site(run, kind, start=False) as place:
            bulk = Bulk(run, place, healthy, throttling)
            place.start()
            figures += _to_a_folder(run, place, place.floor())
            figures += bulk.measured()
    return figures


def _to_a_folder(run: Run, place: Site, floor: Floor) -> list[Figure]:
    place.application(FOLDER)
    target = place.folder / "delivered"
    target.mkdir()
    place.connection("folder", "folder", {"root": str(target)})
    sync = {"slug": "files", "name": "files", "destination": "files", "connection": "folder"}
    place.admin.post(f"/applications/{FOLDER}/syncs", sync)
    alone, many = place.watch(VERIFIED, ALONE_EVERY), place.watch(VERIFIED, MANY_EVERY)
    few = run.pick("requests to a folder, one at a time", quick=3, default=30)
    count = run.pick("requests to a folder, 48 at once", quick=12, default=192)

    def delivered(how_many: int, at_once: int) -> Load:
        prefix, watch = uuid.uuid4().hex[:8], alone if at_once == 1 else many

        async def job(number: int) -> None:
            accepted = await place.caller.request(f"{prefix}-{number}.example.com", FOLDER)
            await watch.until_done(accepted["id"])

        return run.wait(closed_loop(job, how_many, at_once))

    floor.one_activity(few, 1)
    delivered(few, 1)
    one = run.interleaved(
        f"delivery to a folder, {place.kind}, one at a time",
        {FLOOR: lambda: floor.one_activity(few, 1), CERTRAIL: lambda: delivered(few, 1)},
    )
    found = run.interleaved(
        f"delivery to a folder, {place.kind}, {MANY} at once",
        {FLOOR: lambda: floor.one_activity(count, MANY), CERTRAIL: lambda: delivered(count, MANY)},
    )
    return [
        ratio(
            "issued, delivered to a folder and read back per second, 48 at once, to the floor's",
            place.kind,
            rates("certrail", found[CERTRAIL]),
            rates("floor", found[FLOOR]),
            TO_FOLDER,
        ),
        ratio(
            "request to read back from a folder, alone, p50 to the floor's",
            place.kind,
            medians("certrail", one[CERTRAIL]),
            medians("floor", one[FLOOR]),
        ),
    ]


@dataclass(frozen=True)
class Delivered:
    """One round: lineages a second, and what went wrong."""

    rate: float
    lost: int
    twice: int
    later: int


class Bulk:
    """Lineages that were issued before the installation starts, a profile for each round, and the syncs for them."""

    def __init__(self, run: Run, place: Site, healthy: Acm, throttling: Acm) -> None:
        self._run, self._place, self._healthy, self._throttling = run, place, healthy, throttling
        self._count = run.pick("lineages to ACM", quick=6, default=200, full=1000)
        run.say(f"delivery, {place.kind}: issuing {self._count} lineages for each round")
        profiles = [f"acm-{number}" for number in range(2 * run.rounds)]
        self._stock = iter([(profile, place.fleet.stock(profile, self._count)) for profile in profiles])

    def measured(self) -> list[Figure]:
        """Of this database."""
        place = self._place
        for slug, account in (("healthy", self._healthy), ("throttling", self._throttling)):
            place.connection(slug, "aws", account.connection())
        found = self._run.interleaved(
            f"delivery to ACM, {place.kind}",
            {BARE: self._bare, "certrail": self._alone, "beside a throttled account": self._beside},
        )
        bare = Series(BARE, "/s", [round_.rate for round_ in found[BARE]])
        return [
            self._figure("delivered to ACM and read back per second", found["certrail"], bare, TO_ACM),
            self._figure(
                "… beside an account that throttles every third call",
                found["beside a throttled account"],
                bare,
                BESIDE_THROTTLED,
            ),
            Figure(
                "lineages lost or imported twice, in both accounts",
                place.kind,
                [
                    float(alone.lost + alone.twice + beside.lost + beside.twice)
                    for alone, beside in zip(
                        found["certrail"], found["beside a throttled account"], strict=True
                    )
                ],
                NONE,
                unit="",
                series=[
                    Series(
                        f"not read back after {CATCH_UP_SECONDS:.0f} s",
                        "lineages",
                        [float(beside.later) for beside in found["beside a throttled account"]],
                    )
                ],
            ),
        ]

    def _figure(self, what: str, rounds: list[Delivered], bare: Series, goal: Goal) -> Figure:
        rate = Series("certrail", "/s", [round_.rate for round_ in rounds])
        return ratio(f"{what}, to bare boto3's", self._place.kind, rate, bare, goal)

    def _bare(self) -> Delivered:
        self._healthy.empty()
        return Delivered(self._healthy.imported_by_boto3(self._count, THREADS), 0, 0, 0)

    def _alone(self) -> Delivered:
        self._healthy.empty()
        rate, sync = self._deliver(*next(self._stock))
        wrong = self._wrong(sync, self._healthy)
        self._remove(sync)
        return Delivered(rate, *wrong)

    def _beside(self) -> Delivered:
        self._healthy.empty()
        self._throttling.empty(throttle_every=THIRD)
        profile, certificates = next(self._stock)
        throttled = self._sync(profile, "throttling")
        rate, sync = self._deliver(profile, certificates)
        wrong = self._wrong(sync, self._healthy)
        began = time.monotonic()
        while self._wrong(throttled, self._throttling)[2] and time.monotonic() - began < CATCH_UP_SECONDS:
            time.sleep(1)
        assert self._throttling.throttled(), "the other account throttled nothing"
        also_wrong = self._wrong(throttled, self._throttling)
        self._remove(sync)
        self._remove(throttled)
        return Delivered(rate, *(a + b for a, b in zip(wrong, also_wrong, strict=True)))

    def _deliver(self, profile: str, certificates: Sequence[str]) -> tuple[float, str]:
        """Lineages a second from the creation of the sync until the last of them was read back; and the sync's id."""
        began = time.perf_counter()
        sync = self._sync(profile, "healthy")
        watch = self._place.watch(READ_BACK.format(sync=sync), MANY_EVERY)
        self._run.wait(watch.until_all_are_done(certificates))
        return self._count / (time.perf_counter() - began), sync

    def _sync(self, profile: str, account: str) -> str:
        """Select what has a profile for an account; returns the sync's id."""
        slug = f"{profile}-{account}"
        sync = {"slug": slug, "name": slug, "destination": "aws-acm", "connection": account}
        path = f"/applications/{APPLICATION}/syncs"
        return str(self._place.admin.post(path, {**sync, "selection": {"profiles": [profile]}})["id"])

    def _remove(self, sync: str) -> None:
        """Its deliveries end, so that they are no load of the next round."""
        self._place.admin.delete(f"/applications/{APPLICATION}/syncs/{sync}")

    def _wrong(self, sync: str, account: Acm) -> tuple[int, int, int]:
        """How many lineages are lost, how many imported more than once, and how many are not read back yet."""
        imported = account.objects()
        with self._place.fleet.services.context.db.read() as session:
            rows = session.exec(select(Delivery).where(Delivery.sync_id == sync)).all()
        lost = [row for row in rows if not imported[row.id] and row.status not in OPEN]
        later = [row for row in rows if row.verified_at is None and row not in lost]
        missing = self._count - len(rows)
        return missing + len(lost), sum(count > 1 for count in imported.values()), len(later)
