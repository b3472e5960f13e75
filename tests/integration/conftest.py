"""Services on a real database: SQLite, and a PostgreSQL server that the suite starts."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from sqlalchemy import event
from tests.integration.cli_shell import Shell, at_work
from tests.support.postgres import EmptiedDatabase, fresh_database, statements_of

from certrail import checkpoints
from certrail.crypto.keyring import Keyring
from certrail.domain.access import Role
from certrail.domain.content import Subject
from certrail.persistence.database import Database
from certrail.persistence.migrate import migrate
from certrail.persistence.tables import Principal
from certrail.plugins.registry import PluginRegistry
from certrail.services.access.membership import actor_of
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor
from certrail.services.core.audit_seal import empty_head
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.facade import Services

KEYRING = Keyring.generate()
"""Of every database that is copied from the migrated, empty one: its audit log is sealed from the start."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give what no database decides to `make postgresql` where it would run on PostgreSQL too."""
    for item in items:
        if item.get_closest_marker("any_database") and "postgresql" in _parameters(item):
            item.add_marker(pytest.mark.postgresql)


def _parameters(item: pytest.Item) -> list[object]:
    call = getattr(item, "callspec", None)
    return list(call.params.values()) if call else []


@pytest.fixture(scope="session", autouse=True)
def trust_anchors() -> Iterator[None]:
    """Read once: every client reads those of the system, and none of these tests speaks TLS with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture(scope="session")
def plugins() -> PluginRegistry:
    """What is installed."""
    return PluginRegistry.discover()


@dataclass(frozen=True)
class Origin:
    """What tests need to know of an installation that was made once, and copied for them."""

    admin: Actor
    application: str


@dataclass(frozen=True)
class Fresh:
    """One database, and how it is made as new.

    Every test gets the same one: what SQLAlchemy learnt of its statements would be learnt anew for another.

    Attributes:
        renew: makes it empty.
        fill: puts an installation into the empty one.
        origin: of that installation.
        copied: keeps what is there now; returns what puts it back.
    """

    database: Database
    renew: Callable[[], None]
    fill: Callable[[], None]
    origin: Origin
    copied: Callable[[], Callable[[], None]]


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory, plugins: PluginRegistry) -> Fresh:
    """A SQLite file that is overwritten with a migrated one."""
    folder = tmp_path_factory.mktemp("sqlite")
    empty, filled, file = (folder / name for name in ("empty.db", "filled.db", "certrail.db"))
    for template in (empty, filled):
        _migrated(f"sqlite:///{template}").close()
    installation = Database(f"sqlite:///{filled}")
    origin = _install(installation, plugins)
    installation.close()
    database = Database(f"sqlite:///{file}")
    event.listen(database.engine, "connect", without_waiting_for_disks)

    def copy(template: Path) -> None:
        database.close()
        for leftover in folder.glob("certrail.db*"):
            leftover.unlink()
        shutil.copy(template, file)

    def copied() -> Callable[[], None]:
        database.close()  # the last connection brings the write-ahead log into the file
        template = folder / f"{uuid.uuid4().hex}.db"
        shutil.copy(file, template)
        return partial(copy, template)

    return Fresh(database, partial(copy, empty), partial(copy, filled), origin, copied)


@pytest.fixture(scope="session")
def postgresql(postgres: str, plugins: PluginRegistry) -> Iterator[Fresh]:
    """A database on a PostgreSQL server that is emptied, with its connections kept."""
    empty, filled = fresh_database(postgres), fresh_database(postgres)
    for template in (empty, filled):
        _migrated(template).close()
    installation = Database(filled)
    origin = _install(installation, plugins)
    installation.close()
    renewed = EmptiedDatabase(postgres, empty)
    database = Database(renewed.url)

    def copied() -> Callable[[], None]:
        return partial(renewed.fill, statements_of(renewed.url))

    yield Fresh(database, renewed.renew, partial(renewed.fill, statements_of(filled)), origin, copied)
    database.close()
    renewed.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated, empty database."""
    fresh: Fresh = request.getfixturevalue(request.param)
    fresh.renew()
    yield fresh.database
    if fresh.database.is_sqlite:  # its file is replaced; a connection to a server may serve the next test
        fresh.database.close()


def without_waiting_for_disks(connection: Any, _record: object) -> None:
    """A file that lives no longer than a test need not be on the disk when a transaction is answered."""
    connection.execute("PRAGMA synchronous=OFF")


def _migrated(url: str) -> Database:
    database = Database(url)
    migrate(database, lambda: empty_head(KEYRING))
    return database


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass
class Team:
    """An Application `app` with a profile `web` and people in it."""

    services: Services
    clock: Clock
    admin: Actor
    application: str

    def person(self, slug: str, role: Role | None = Role.OPERATOR, kind: str = "user") -> Actor:
        """A principal, a member with this role or none at all."""
        email = f"{slug}@example.com" if kind == "user" else None
        row: Principal = self.services.principals.create(
            self.admin, kind=kind, slug=slug, name=slug, email=email
        )
        if role is not None:
            self.services.applications.set_member(self.admin, self.application, slug, role)
        return actor_of(row)

    def actor(self, who: str) -> Actor:
        """A principal that exists, by slug or id, as the one who acts."""
        return actor_of(next(row for row in self.services.principals.list() if who in (row.slug, row.id)))

    def guard(self, *steps: Step, **options: object) -> None:
        """Approval steps for the profile."""
        self.services.approval_policies.create(
            self.admin,
            self.application,
            slug=f"guard-{uuid.uuid4().hex[:8]}",
            name="Guard",
            steps=steps,
            **{"profiles": ["web"], **options},  # type: ignore[arg-type]
        )

    def ask(self, actor: Actor, name: str = "a.example.com", **content: object) -> tuple[str, str | None]:
        """Submit a request; returns its id and that of its approval."""
        row = self.services.requests.submit(
            actor, self.application, profile="web", content={"sans": {"dns": [name]}, **content}
        )
        approval = self.services.approvals.of_subject(row.id)
        return row.id, approval.id if approval else None


@pytest.fixture
def team(request: pytest.FixtureRequest, database: Database, plugins: PluginRegistry) -> Team:
    """A fresh installation."""
    fresh: Fresh = request.getfixturevalue("sqlite" if database.is_sqlite else "postgresql")
    assert fresh.database is database
    return installed(fresh, plugins)


@pytest.fixture
def shell(
    sqlite: Fresh, plugins: PluginRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shell]:
    """The command line of a Product Admin."""
    with at_work(installed(sqlite, plugins), tmp_path, monkeypatch) as shell:
        yield shell
    sqlite.database.close()


def installed(fresh: Fresh, plugins: PluginRegistry) -> Team:
    """An installation with an authority, a policy, a profile and an Application, in place of what there was."""
    fresh.fill()
    services, clock = _services(fresh.database, plugins)
    return Team(services, clock, fresh.origin.admin, fresh.origin.application)


def made(database: Database, plugins: PluginRegistry) -> Team:
    """An installation in a new database."""
    _migrated(str(database.engine.url)).close()
    origin = _install(database, plugins)
    return Team(*_services(database, plugins), origin.admin, origin.application)


def _services(database: Database, plugins: PluginRegistry) -> tuple[Services, Clock]:
    clock = Clock()
    context = ServiceContext(
        db=database,
        keyring=KEYRING,
        plugins=plugins,
        clock=clock,
        new_id=lambda: uuid.uuid4().hex,
    )
    return Services.build(context), clock


def _install(database: Database, plugins: PluginRegistry) -> Origin:
    services, _ = _services(database, plugins)
    admin = actor_of(services.principals.bootstrap("Admin")[0])
    catalog = services.catalog
    services.authorities.create_root(admin, slug="root", name="Root", subject=Subject(common_name="Root"))
    catalog.create_policy(
        admin, slug="tls", name="TLS", rules={"sans": {"dns": {"allowed": ["*.example.com"]}}}
    )
    catalog.create_profile(admin, slug="web", name="Web", ca="root", policy="tls", ttl=timedelta(days=47))
    application = services.applications.create(admin, slug="app", name="App", profiles=["web"])
    return Origin(admin, application.id)


@pytest.fixture
def at_checkpoint() -> Iterator[dict[str, Callable[[], None]]]:
    """By checkpoint: what happens there, once."""
    calls: dict[str, Callable[[], None]] = {}

    def hook(name: str) -> None:
        if call := calls.pop(name, None):
            call()

    checkpoints.install(hook)
    yield calls
    checkpoints.install(None)
