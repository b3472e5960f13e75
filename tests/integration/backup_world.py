"""An installation with work of every kind in flight, whose backups a test makes and restores to another place."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text
from tests.integration.conftest import KEYRING, Team
from tests.integration.flight_world import Flight, in_flight
from tests.support.command_line import run
from tests.support.postgres import PROGRAMS, fresh_database
from typer.testing import Result

from certrail.crypto import passphrase
from certrail.persistence.database import Database
from certrail_server.bootstrap import App, build
from certrail_server.settings import Settings

PASSPHRASE = "correct horse battery staple"
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What is about the file, and not about what is in it."""
ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
Rows = dict[str, list[dict[str, Any]]]


@dataclass
class BackupWorld:
    """The command line beside the installation.

    Attributes:
        new_database: makes an empty one and returns its URL; ``None`` where a folder is enough.
    """

    flight: Flight
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    new_database: Callable[[], str] | None
    file: Path = field(init=False)
    _places: int = 0

    def __post_init__(self) -> None:
        self.file = self.folder / "certrail.backup"
        (self.folder / "keyring.json").touch(0o600)
        KEYRING.save(self.folder / "keyring.json")
        (self.folder / "passphrase").write_text(f"{PASSPHRASE}\n")
        self.monkeypatch.setenv("PATH", f"{PROGRAMS}:/usr/bin:/bin")
        self.at_source()

    @property
    def database(self) -> Database:
        return self.flight.team.services.context.db

    def at_source(self) -> None:
        """What is run next is run where the installation is."""
        url = self.database.engine.url.render_as_string(hide_password=False)
        self._at(self.folder / "data", url, self.folder / "keyring.json")

    def elsewhere(self, keyring: Path | None = None) -> Path:
        """What is run next is run in another, empty place; returns its data folder."""
        self._places += 1
        place = self.folder / f"place-{self._places}"
        self._at(place, self.new_database() if self.new_database else None, keyring)
        return place

    def _at(self, data: Path, url: str | None, keyring: Path | None) -> None:
        self.monkeypatch.setenv("CERTRAIL_DATA_DIR", str(data))
        for name, value in (("CERTRAIL_DATABASE_URL", url), ("CERTRAIL_KEYRING_FILE", keyring)):
            if value is None:
                self.monkeypatch.delenv(name, raising=False)
            else:
                self.monkeypatch.setenv(name, str(value))

    def make(self, *options: str) -> Path:
        """A backup of the installation with its keyring under the passphrase."""
        self.at_source()
        done = run("backup", "create", str(self.file), "--passphrase-file", self.passphrase, *options)
        assert done.exit_code == 0, (done.output, done.exception)
        return self.file

    @property
    def passphrase(self) -> str:
        return str(self.folder / "passphrase")

    def restored(self, file: Path | None = None) -> Result:
        """Restore in the place that is set, with the passphrase."""
        return run("backup", "restore", str(file or self.file), "--passphrase-file", self.passphrase)

    def refused(self, file: Path | None = None, *options: str) -> str:
        """What is said of a restore that must fail, after which there is nothing but what was there before."""
        place = Path(Settings().data_dir)
        before = listing(place)
        options = options or ("--passphrase-file", self.passphrase)
        done = run("backup", "restore", str(file or self.file), *options)
        assert done.exit_code == 1, done.output
        assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit)
        assert listing(place) == before
        if self.new_database is not None:
            database = Database(Settings().database())
            with database.engine.connect() as connection:
                assert inspect(connection).get_table_names() == []
            database.close()
        (line,) = done.stderr.strip().splitlines()
        return line


def listing(folder: Path) -> list[str]:
    """The names in a folder, hidden ones too, but for the cache of plugins and an empty folder."""
    return sorted(path.name for path in folder.glob("*") if path.name != "plugins.json")


def opened() -> App:
    """The installation that the environment names."""
    return build(Settings(), make_keyring=False)


def rows(database: Database) -> Rows:
    """Every row of every table."""
    with database.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        found = {name: connection.execute(text(f'select * from "{name}"')).mappings() for name in names}
        return {
            name: sorted(map(dict, there), key=lambda row: (row.get("seq", 0), json.dumps(row, default=str)))
            for name, there in found.items()
        }


@pytest.fixture
def backup_world(
    request: pytest.FixtureRequest, flight: Flight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> BackupWorld:
    server = None
    if not flight.team.services.context.db.is_sqlite:
        server = request.getfixturevalue("postgres")
    folder = tmp_path / "backups"
    folder.mkdir(mode=0o700)
    # The true cost is half a second and 128 MiB a key: `tests/unit/crypto` pays it.
    monkeypatch.setattr(passphrase, "COST", 2**10)
    return BackupWorld(flight, folder, monkeypatch, (lambda: fresh_database(server)) if server else None)


@pytest.fixture
async def flight(team: Team, tmp_path: Path) -> Flight:
    folder = tmp_path / "files"
    folder.mkdir(mode=0o700)
    flight = await in_flight(team, folder)
    flight.request("queued.example.com")
    return flight
