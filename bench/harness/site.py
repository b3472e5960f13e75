"""An installation that a benchmark measures: ``certrail dev`` with a root CA, a profile, people and tokens."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from examples.demo.installation import Api, Installation
from sqlmodel import col, select
from tests.support.aged import APPLICATION, Aged

from bench.floor.client import Floor, floor
from bench.harness.databases import Databases, databases
from bench.harness.load import Watch
from bench.harness.run import Run, folder
from certrail.persistence.tables import OutboxRow
from certrail.services.core.actor import SYSTEM
from certrail_server.settings import Settings

PROFILE = "web"
CALLER = "deployer"
ISSUED = "select id from certificate_request where id in ({idents}) and status = 'issued'"
VERIFIED = (
    "select r.id from certificate_request r join certificate c on c.id = r.certificate_id"
    " join delivery d on d.lineage_id = c.lineage_id where r.id in ({idents}) and d.verified_at is not null"
)
IDLE_SECONDS = 3.0
"""After which a connection is not used again: the server closes it a little later."""
ALONE_EVERY, MANY_EVERY = 0.002, 0.01
"""Seconds between two looks for one request that is alone, and for many."""


@dataclass
class Site:
    """One installation on one database.

    Attributes:
        fleet: its services in this process, for what is filled in beforehand and not measured.
        caller: a machine identity, once it is started.
    """

    run: Run
    kind: str
    folder: Path
    databases: Databases
    installation: Installation
    fleet: Aged
    database_url: str
    stack: ExitStack
    caller: "Caller" = field(init=False)

    def start(self) -> None:
        """Start it, and make the machine identity that requests certificates."""
        self.installation.start()
        self.caller = self.new_caller(CALLER)

    @property
    def admin(self) -> Api:
        """The API as the Product Admin calls it."""
        return Api(self.installation.url, self.fleet.token)

    def new_caller(self, slug: str) -> "Caller":
        """A machine identity, an Operator of the Application, with a client of its own."""
        self.admin.post("/machine-identities", {"slug": slug, "name": slug})
        self.admin.put(f"/applications/{APPLICATION}/members/{slug}", {"role": "operator"})
        caller = Caller(self.run, f"{self.installation.url}/api/v1", self.token_of(slug))
        self.stack.callback(caller.close)
        return caller

    def token_of(self, slug: str) -> str:
        """A token as `certrail token create` makes it: one that an admin makes casts no vote."""
        return self.fleet.services.tokens.issue(SYSTEM, slug, name="bench")[1]

    def application(self, slug: str) -> None:
        """One more Application, with the same profile and caller."""
        self.admin.post("/applications", {"slug": slug, "name": slug, "profiles": [PROFILE]})
        self.admin.put(f"/applications/{slug}/members/{CALLER}", {"role": "operator"})

    def connection(self, slug: str, kind: str, config: dict[str, Any]) -> None:
        """Credentials, or a folder."""
        self.admin.post("/connections", {"slug": slug, "name": slug, "type": kind, "config": config})

    def watch(self, statement: str, every: float) -> Watch:
        """A look at the installation's database; closed with the installation."""
        watch = Watch(self.database_url, statement, every)
        self.stack.callback(watch.close)
        return watch

    def is_dispatched(self) -> bool:
        """Whether every workflow was started that is to be."""
        with self.fleet.services.context.db.read() as session:
            return (
                session.exec(select(OutboxRow).where(col(OutboxRow.dispatched_at).is_(None))).first() is None
            )

    def floor(self) -> Floor:
        """The floor on the same Temporal server, with a database of its own of the same kind."""
        settings = Settings(data_dir=self.installation.data_dir)
        url = self.databases.make("floor")
        return self.stack.enter_context(
            floor(self.run, settings.temporal(), settings.temporal_namespace, url)
        )


class Caller:
    """An HTTP client with one token, cheap enough to be measured with on the same two cores."""

    def __init__(self, run: Run, url: str, token: str) -> None:
        self._run = run
        self._url = url
        self._session = run.wait(_session(token))

    async def get(self, path: str) -> dict[str, Any]:
        """GET; raises ClientResponseError."""
        async with self._session.get(f"{self._url}{path}") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def request(self, name: str, application: str = APPLICATION) -> dict[str, Any]:
        """Request a certificate for a name; returns as soon as it is accepted."""
        url = f"{self._url}/applications/{application}/certificate-requests"
        body = {"profile": PROFILE, "subject": {"common_name": name}, "sans": {"dns": [name]}}
        try:
            return await self._post(url, body, name)
        except aiohttp.ServerDisconnectedError:
            # The server closed an idle connection at the instant of its use; the key makes the second try harmless.
            return await self._post(url, body, name)

    async def _post(self, url: str, body: Mapping[str, Any], key: str) -> dict[str, Any]:
        async with self._session.post(url, json=body, headers={"Idempotency-Key": key}) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    def close(self) -> None:
        """Close the connections."""
        self._run.wait(self._session.close())


async def _session(token: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {token}"},
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
        timeout=aiohttp.ClientTimeout(total=180),
        raise_for_status=True,
    )


@contextmanager
def site(run: Run, kind: str, *, start: bool = True) -> Iterator[Site]:
    """Start an installation on a database of this kind; everything that it made is removed at the end.

    Args:
        start: left out, the caller fills the database first, and calls `Site.start`.
    """
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        made = stack.enter_context(databases(kind, place))
        data = place / "certrail"
        url = made.make("certrail") if kind == "PostgreSQL" else f"sqlite:///{data / 'certrail.db'}"
        fleet = Aged(data, url)
        stack.callback(fleet.close)
        fleet.stock(PROFILE, 0)
        installation = Installation(data, CERTRAIL_DATABASE_URL=url)
        stack.callback(installation.stop)
        found = Site(run, kind, place, made, installation, fleet, url, stack)
        if start:
            found.start()
        yield found
