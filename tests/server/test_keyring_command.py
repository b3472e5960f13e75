"""`certrail keyring`: the key changes while processes run, and nothing that was sealed is lost."""

from pathlib import Path

import pytest
from sqlmodel import SQLModel, select
from tests.support.command_line import run

from certrail.services.core.actor import SYSTEM
from certrail.services.operations.key_rotation import SEALED
from certrail_server.bootstrap import App, build
from certrail_server.settings import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def running(folder: Path) -> App:
    """A process that started before the key was changed, with a secret of its own on record."""
    assert run("migrate").exit_code == 0
    assert run("token", "bootstrap").exit_code == 0
    parts = build(Settings())
    config = {"root": str(folder)}
    parts.services.connections.create(SYSTEM, slug="one", name="One", type_="folder", config=config)
    return parts


def sealed_under(parts: App) -> set[str]:
    """The ids of the keys in use, in every column that holds an envelope."""
    with parts.context.db.read() as session:
        columns = [getattr(table, column) for table, column, _ in SEALED]
        envelopes = [envelope for column in columns for envelope in session.exec(select(column))]
    return {envelope.split(".")[1] for envelope in envelopes if envelope}


def test_the_key_changes_while_processes_run(running: App, folder: Path) -> None:
    (old,) = sealed_under(running)
    assert run("keyring", "rotate").exit_code == 0
    result = run("keyring", "re-encrypt")
    assert (result.exit_code, result.stdout) == (0, "3 envelopes re-encrypted\n")
    (new,) = sealed_under(running)
    assert new != old
    connections = running.services.connections
    assert connections.shown(connections.list()[0]) == {"root": str(folder)}
    connections.create(SYSTEM, slug="two", name="Two", type_="folder", config={"root": str(folder)})
    assert sealed_under(running) == {new}, "a process that met the new key uses it"
    assert run("audit", "verify").exit_code == 0
    assert run("keyring", "re-encrypt").stdout == "0 envelopes re-encrypted\n"


def test_a_keyring_in_a_variable_is_not_rotated(monkeypatch: pytest.MonkeyPatch, running: App) -> None:
    monkeypatch.setenv("CERTRAIL_KEYRING", running.context.keyring.to_text())
    result = run("keyring", "rotate")
    assert result.exit_code == 1
    assert "CERTRAIL_KEYRING_FILE" in result.stderr


def test_what_cannot_be_opened_is_reported_and_stays(running: App, folder: Path) -> None:
    before = sealed_under(running)
    (folder / "keyring.json").unlink()
    result = run("keyring", "re-encrypt")
    assert result.exit_code == 1
    assert "restore the keyring" in result.stderr
    assert sealed_under(running) == before


def test_no_sealed_column_is_forgotten() -> None:
    named = {(table.__tablename__, column) for table, column, _ in SEALED}
    present = {
        (table.name, column.name)
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("sealed") or column.name == "seal"
    }
    assert named == present
