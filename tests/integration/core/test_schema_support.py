"""Which versions may work on a schema: processes go on beside a newer version, and stop before they would fail."""

import ast
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from tests.integration.conftest import KEYRING
from tests.support.postgres import fresh_database

from certrail.persistence import migrate as module
from certrail.persistence.database import Database
from certrail.persistence.migrate import SCRIPTS, migrate, newest, schema_of
from certrail.services.core.audit_seal import empty_head
from certrail.services.operations import schema_watch
from certrail.services.operations.schema_watch import NotMigrated, SchemaWatch, prepare

NEWER = "9998"


def later(database: Database, oldest: str) -> None:
    """As a later version leaves the schema that its migrations made."""
    with database.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = :newer"), {"newer": NEWER})
        connection.execute(text("delete from schema_support"))
        connection.execute(
            text("insert into schema_support (id, oldest_revision) values (1, :oldest)"), {"oldest": oldest}
        )


@pytest.fixture
def own(database: Database) -> Database:
    """A database whose schema is said to be another one; the next test finds it as it was."""
    return database


@pytest.fixture(autouse=True)
def as_before(own: Database) -> object:
    yield
    with own.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = :newest"), {"newest": newest()})
        connection.execute(text("delete from schema_support"))
    return None


def test_this_versions_schema_is_worked_on(own: Database) -> None:
    found = schema_of(own)
    assert (found.present, found.is_behind, found.is_newer, found.is_unsupported) == (
        newest(),
        False,
        False,
        False,
    )
    prepare(own, KEYRING)


def test_one_that_a_newer_version_expanded_is_worked_on(
    own: Database, caplog: pytest.LogCaptureFixture
) -> None:
    later(own, newest())
    prepare(own, KEYRING)
    assert f"migrated the database to schema {NEWER}; this one knows {newest()}" in caplog.text
    migrate(own, lambda: empty_head(KEYRING))
    assert schema_of(own).present == NEWER, "and is not set back"


def test_one_that_a_newer_version_contracted_is_refused(own: Database) -> None:
    later(own, NEWER)
    with pytest.raises(NotMigrated, match=f"has schema {NEWER}, for processes that know {NEWER} or later"):
        prepare(own, KEYRING)


def test_one_that_names_no_version_is_refused(own: Database) -> None:
    later(own, newest())
    with own.engine.begin() as connection:
        connection.execute(text("delete from schema_support"))
    with pytest.raises(NotMigrated, match=f"this version knows {newest()}"):
        prepare(own, KEYRING)


def test_a_process_is_stopped_when_its_schema_is_contracted(
    own: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schema_watch, "LOOK_SECONDS", 0.05)
    stopped = threading.Event()
    later(own, newest())
    with SchemaWatch(own, stopped.set):
        assert not stopped.wait(0.3), "expanded only"
        later(own, NEWER)
        assert stopped.wait(30)
    assert "Start the new version, and no process of this one" in caplog.text


def test_every_later_revision_says_which_versions_it_supports() -> None:
    for script in sorted((SCRIPTS / "versions").glob("v[0-9]*.py"))[1:]:
        assert supported(script) is not None, f"{script.name} does not call supports()"
    template = (SCRIPTS / "script.py.mako").read_text()
    assert "supports(${repr(down_revision)})" in template, "and a new one is made so"


def supported(script: Path) -> object:
    calls = [node for node in ast.walk(ast.parse(script.read_text())) if isinstance(node, ast.Call)]
    found = [call.args[0] for call in calls if getattr(call.func, "id", "") == "supports"]
    return next((arg.value for arg in found if isinstance(arg, ast.Constant)), None)


def test_migrations_at_the_same_time_are_one(postgres: str) -> None:
    url = fresh_database(postgres)

    def run(_: int) -> str | None:
        database = Database(url)
        migrate(database, lambda: empty_head(KEYRING))
        present = schema_of(database).present
        database.close()
        return present

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(run, range(3))) == [newest()] * 3


def test_a_migration_waits_for_a_lock_in_turns_that_let_others_pass(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that somebody reads for long: the migration's statement gives its place in the queue up again."""
    monkeypatch.setattr(module, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(module, "LOCK_PAUSE", 0.05)
    database = Database(fresh_database(postgres))
    attempts: list[int] = []

    def upgrade(connection: object, *_: object) -> None:
        attempts.append(1)
        connection.execute(text("alter table held add column more integer"))  # type: ignore[attr-defined]
        connection.commit()  # type: ignore[attr-defined]

    monkeypatch.setattr(module, "_upgrade", upgrade)
    with database.engine.begin() as connection:
        connection.execute(text("create table held (id integer)"))
    with ThreadPoolExecutor(1) as pool:
        with database.engine.begin() as reader:
            reader.execute(text("select * from held"))
            migrating = pool.submit(migrate, database, lambda: empty_head(KEYRING))
            while len(attempts) < 3:
                with database.engine.begin() as other:
                    other.execute(text("select * from held")).all()
        migrating.result(60)
    with database.engine.connect() as connection:
        assert {column["name"] for column in inspect(connection).get_columns("held")} == {"id", "more"}
        assert connection.execute(text("show lock_timeout")).scalar() == "0"
    database.close()
