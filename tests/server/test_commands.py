"""What a person is told when something is not as it should be: one line, what to change, and no traceback."""

import re
from pathlib import Path

import pytest
from tests.support.postgres import fresh_database
from typer.testing import CliRunner, Result

from certrail_server.cli import app
from certrail_server.settings import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own, with nothing in it."""
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def refused(*arguments: str) -> str:
    """The one line on standard error."""
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    return line


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTRAIL_PORT", "99999")
    line = refused("migrate")
    assert "CERTRAIL_PORT" in line
    assert "65535" in line
    assert "99999" not in line


def test_settings_do_not_show_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTRAIL_DATABASE_URL", "postgresql://certrail:canary@db/certrail")
    assert "canary" not in repr(Settings())


def test_a_database_out_of_reach_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTRAIL_DATABASE_URL", "postgresql://certrail:canary@127.0.0.1:9/certrail")
    for command in (("migrate",), ("server",), ("worker",), ("token", "bootstrap")):
        line = refused(*command)
        assert "The database cannot be used" in line
        assert "CERTRAIL_DATABASE_URL" in line
        assert "canary" not in line


def test_a_shared_database_is_migrated_by_hand_and_first(
    monkeypatch: pytest.MonkeyPatch, postgres: str
) -> None:
    monkeypatch.setenv("CERTRAIL_DATABASE_URL", fresh_database(postgres))
    for command in (("server",), ("worker",), ("token", "bootstrap")):
        assert "Run: certrail migrate" in refused(*command)
    assert run("migrate").exit_code == 0
    assert run("token", "bootstrap").exit_code == 0


def test_a_keyring_that_others_can_read_is_refused(folder: Path) -> None:
    assert run("token", "bootstrap").exit_code == 0
    (folder / "keyring.json").chmod(0o644)
    assert "chmod 600" in refused("token", "create", "admin")


def test_the_first_admin_is_made_once() -> None:
    first = run("token", "bootstrap", "--name", "Ada")
    assert re.fullmatch(r"crt_[0-9a-z]+_\S+", first.stdout.strip())
    assert "already" in refused("token", "bootstrap", "--name", "Eve")


def test_a_token_is_limited_and_taken_away() -> None:
    run("token", "bootstrap", "--name", "Ada")
    assert "scopes" in refused("token", "create", "ada", "--scope", "everything")
    assert "47d" in refused("token", "create", "ada", "--lifetime", "soon")
    token = run("token", "create", "ada", "--scope", "request", "--lifetime", "90d").stdout.strip()
    assert run("token", "revoke", token.split("_")[1]).exit_code == 0
    assert "no such" in refused("token", "revoke", "unknown")


def test_the_doctor_says_what_is_wrong_and_what_to_do(folder: Path) -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert re.search(r"FAIL temporal", result.stdout, re.IGNORECASE)
