"""Opening pages over a small inventory and a large one: ``python -m bench console``.

Each page is opened many times in both, by turns, through the whole server but without a network; its 95th percentile
over the large one may be three times that over the small one.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import quote
from uuid import uuid4

import httpx2
from tests.support.fleet import SPREAD_DAYS, certificate_of, fill
from tests.support.web import NoWorkflows

from bench.harness.databases import Databases, databases
from bench.harness.figures import Figure, Series, at_most, ratio
from bench.harness.run import Run, folder
from certrail.crypto.keyring import Keyring
from certrail.persistence.database import Database
from certrail.persistence.migrate import migrate
from certrail.plugins.registry import PluginRegistry
from certrail.services.access.membership import actor_of
from certrail.services.access.sessions import Claims
from certrail.services.core.audit_seal import empty_head
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.facade import Services
from certrail_server.api.app import create_app
from certrail_server.api.pages import encode_cursor

GROWTH = at_most(3, kept=True)
START = datetime(2026, 1, 1, tzinfo=UTC)
FLEET = "/console/applications/fleet/certificates"
WINDOW = timedelta(days=4)
"""Long enough for a full page over the small inventory, too."""
KEYRING = Keyring.generate()


def addresses(count: int, smallest: int, seed: int) -> dict[str, str]:
    """Of each page, with other parameters for each number; `count` is how many certificates there are."""
    random = Random(seed)
    name = certificate_of(random.randrange(count), count, "", START)["common_name"]
    begin = START + timedelta(days=SPREAD_DAYS) * random.random()
    turned = encode_cursor(START + timedelta(seconds=random.randrange(smallest // 2, smallest)), "z")
    return {
        "list page": FLEET,
        "list page, turned": f"{FLEET}?cursor={quote(turned)}",
        "list page, by name": f"{FLEET}?search={name}",
        "list page, by end": f"{FLEET}?sort=expiry&expires_after={_date(begin)}&expires_before={_date(begin + WINDOW)}",
        "list of all certificates": "/console/certificates",
        "search": f"/console/search?q={name}",
    }


def measure(run: Run) -> list[Figure]:
    """Each page on each database."""
    figures = []
    for kind in run.databases:
        with folder() as place, databases(kind, place) as made:
            figures += _Sizes(run, made).measured()
    return figures


@dataclass(frozen=True)
class _Site:
    """A server over an inventory, and a browser in which a Product Admin is signed in."""

    count: int
    browser: httpx2.AsyncClient

    async def opened(self, address: str) -> float:
        """Milliseconds until the page is there."""
        began = time.perf_counter()
        answer = await self.browser.get(address)
        took = 1000 * (time.perf_counter() - began)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        assert "/console/certificates/c" in answer.text, f"{address} shows a certificate"
        return took


class _Sizes:
    """A small inventory and a large one on one kind of database."""

    def __init__(self, run: Run, made: Databases) -> None:
        self._run, self._made = run, made
        self._small = run.pick("certificates of the small inventory", quick=300, default=10_000)
        self._large = run.pick("certificates of the large inventory", quick=600, default=1_000_000)
        self._times = run.pick("pages of a round", quick=10, default=100)

    def measured(self) -> list[Figure]:
        """Growth of each page."""
        with self._served(self._small) as small, self._served(self._large) as large:
            return [self._growth((small, large), page) for page in addresses(1, 2, 0)]

    def _growth(self, sites: Sequence[_Site], page: str) -> Figure:
        self._percentiles(sites, page)  # both are as warm as they will be
        rounds = [self._percentiles(sites, page) for _ in range(self._run.rounds)]
        small, large = zip(*rounds, strict=True)
        self._run.say(f"console, {self._made.kind}: {page}")
        return ratio(
            f"console: {page}, p95 of {self._large:,} to {self._small:,}",
            self._made.kind,
            Series(f"{self._large:,}", "ms", large),
            Series(f"{self._small:,}", "ms", small),
            GROWTH,
        )

    def _percentiles(self, sites: Sequence[_Site], page: str) -> Sequence[float]:
        """95th percentile of the milliseconds of a page over each; by turns, so both have the same weather."""
        took = [
            [self._run.wait(site.opened(addresses(site.count, self._small, seed)[page])) for site in sites]
            for seed in range(self._times)
        ]
        return [statistics.quantiles(times, n=20)[-1] for times in zip(*took, strict=True)]

    @contextmanager
    def _served(self, count: int) -> Iterator[_Site]:
        """A server over an inventory of this size."""
        database = Database(self._made.make(f"console-{count}"))
        try:
            migrate(database, lambda: empty_head(KEYRING))
            services = Services.build(_context(database))
            admin = actor_of(services.principals.bootstrap("Admin", "admin@example.com")[0])
            fleet = services.applications.create(admin, slug="fleet", name="Fleet")
            self._run.say(f"console, {self._made.kind}: filling in {count:,} certificates")
            fill(database, count, fleet.id, START, self._run.counter(count, "certificates"))
            cookie = services.sessions.begin(
                Claims("https://login.example", "admin", "admin@example.com", "A")
            )
            app = httpx2.ASGITransport(create_app(services, NoWorkflows()))
            browser = httpx2.AsyncClient(
                transport=app,
                base_url="http://console",
                cookies={"certrail": cookie},
                headers={"accept": "text/html"},
            )
            yield _Site(count, browser)
            self._run.wait(browser.aclose())
        finally:
            database.close()


def _date(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _context(database: Database) -> ServiceContext:
    return ServiceContext(
        db=database,
        keyring=KEYRING,
        plugins=PluginRegistry(),
        clock=lambda: START + timedelta(hours=1),
        new_id=lambda: uuid4().hex,
    )
