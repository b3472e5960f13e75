"""What a person is told when something is not as it should be: one line, what to change, and no traceback."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.support.command_line import run
from tests.support.postgres import fresh_database

from certrail_server.cli import SECTIONS, app
from certrail_server.settings import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, with nothing in it."""
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("CERTRAIL_TOKEN", raising=False)
    return tmp_path


@pytest.fixture
def installation(folder: Path) -> Path:
    """The same with data in it, as after `certrail dev`."""
    assert run("migrate").exit_code == 0
    return folder


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


def test_a_keyring_that_others_can_read_is_refused(installation: Path) -> None:
    assert run("token", "bootstrap").exit_code == 0
    (installation / "keyring.json").chmod(0o644)
    assert "chmod 600" in refused("token", "create", "admin")


@pytest.mark.usefixtures("installation")
def test_the_first_admin_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTRAIL_HOST", "0.0.0.0")
    monkeypatch.setenv("CERTRAIL_PORT", "8181")
    first = run("token", "bootstrap", "--name", "Ada")
    token = first.stdout.strip()
    assert re.fullmatch(r"crt_[0-9a-z]+_\S+", token)
    assert "export CERTRAIL_URL=http://127.0.0.1:8181\n" in first.stderr
    assert "export CERTRAIL_TOKEN=" in first.stderr
    assert token not in first.stderr
    assert "already" in refused("token", "bootstrap", "--name", "Eve")


@pytest.mark.usefixtures("installation")
def test_a_token_is_limited_and_taken_away() -> None:
    run("token", "bootstrap", "--name", "Ada")
    assert "scopes" in refused("token", "create", "ada", "--scope", "everything")
    assert "47d" in refused("token", "create", "ada", "--lifetime", "soon")
    token = run("token", "create", "ada", "--scope", "request", "--lifetime", "90d").stdout.strip()
    assert run("token", "revoke", token.split("_")[1]).exit_code == 0
    assert "no such" in refused("token", "revoke", "unknown")


@pytest.mark.usefixtures("installation")
def test_the_doctor_says_what_is_wrong_and_what_to_do() -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert re.search(r"FAIL temporal", result.stdout, re.IGNORECASE)
    assert re.search(r"does `certrail dev` run with", result.stdout)


@pytest.mark.parametrize(
    "command",
    [
        ("token", "bootstrap"),
        ("token", "create", "alice"),
        ("token", "revoke", "x"),
        ("audit", "verify"),
        ("audit", "export"),
        ("keyring", "rotate"),
        ("keyring", "re-encrypt"),
        ("migration", "load", "{export}"),
    ],
    ids=" ".join,
)
def test_a_command_in_the_wrong_folder_says_so_and_makes_nothing(
    command: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = tmp_path_factory.mktemp("wrong"), tmp_path_factory.mktemp("export")
    export = elsewhere / "export.json"
    export.write_text(
        json.dumps({"format": "certrail-project-export", "version": 1, "project": {"slug": "a", "name": "A"}})
    )
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CERTRAIL_DATA_DIR")
    line = refused(*(word.format(export=export) for word in command))
    assert f"there is no certrail data in {folder / '.certrail'}" in line
    assert "`certrail dev`" in line
    assert "CERTRAIL_DATA_DIR / CERTRAIL_DATABASE_URL" in line
    assert list(folder.iterdir()) == []


def test_a_database_file_that_is_not_there_is_the_wrong_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTRAIL_DATABASE_URL", f"sqlite:///{folder}/other/certrail.db")
    assert f"there is no certrail data in {folder}/other:" in refused("audit", "verify")
    assert run("migrate").exit_code == 0
    assert run("audit", "verify").exit_code == 0


def test_the_doctor_asks_where_the_installation_is(folder: Path) -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "Does `certrail dev` run in this folder?" in result.stdout
    assert list(folder.iterdir()) == []


def test_data_without_its_keyring_gets_no_other(installation: Path) -> None:
    (installation / "keyring.json").unlink()
    assert "restore the keyring" in refused("token", "bootstrap")
    assert not (installation / "keyring.json").exists()


@pytest.mark.parametrize(
    ("variable", "value", "reported"),
    [
        ("CERTRAIL_LOG_LEVEL", "foo", "use one of DEBUG, INFO, WARNING, ERROR"),
        ("CERTRAIL_LOG_FORMAT", "xml", "'json'"),
        ("CERTRAIL_DATABASE_URL", "mysql://x", "postgresql://user:password@host/name or sqlite:///file"),
        ("CERTRAIL_DATABASE_URL", "postgresql://host:port/name", "postgresql://user:password@host/name"),
        ("CERTRAIL_OIDC_ISSUER", "http://login.example.com", "is an https URL"),
        ("CERTRAIL_METRICS_TOKEN", "short", "CERTRAIL_METRICS_TOKEN: give at least 16; these are 5"),
    ],
)
@pytest.mark.parametrize("command", ["plugins", "doctor", "migrate", "dev"])
def test_a_wrong_setting_is_one_line(
    command: str, variable: str, value: str, reported: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    line = refused(command)
    assert reported in line
    assert f"{variable}: " in line
    assert "Value error" not in line


def test_an_unknown_queue_is_refused_with_those_that_there_are() -> None:
    line = refused("worker", "--queue", "nope")
    assert "there is no queue nope" in line
    assert "certrail, plugin-destination-aws-acm" in line


def test_the_version_is_reported() -> None:
    assert re.fullmatch(r"certrail \d+\.\d+\.\d+\S*\n", run("--version").stdout)


def loaded_by(*arguments: str, status: int) -> set[str]:
    """The modules of a process in which a command ran."""
    code = (
        "import sys; from typer.testing import CliRunner; from certrail_server.cli import app;"
        f"result = CliRunner().invoke(app, {list(arguments)});"
        f" assert result.exit_code == {status}, result.output; print(*sys.modules)"
    )
    env = {**os.environ, "CERTRAIL_TOKEN": "crt_a_b", "CERTRAIL_URL": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_commands_that_only_call_the_api_load_only_what_they_need() -> None:
    """They start in a fraction of the time; what is loaded is looked at, as time says little on a busy machine."""
    loaded = loaded_by("cert", "list", "app", status=1)
    assert {"certrail_server.cli.api.certificate", "certrail_client"} <= loaded
    assert not loaded & {
        *("certrail.services", "certrail.persistence", "sqlmodel", "sqlalchemy", "temporalio"),
        *("cryptography", "fastapi", "pydantic_settings"),
    }


def test_the_list_of_commands_loads_none_of_them() -> None:
    loaded = loaded_by("--help", status=0)
    assert not {name for name in loaded if name.startswith("certrail_server.cli.")} - {
        "certrail_server.cli.lazy"
    }
    assert not loaded & {"rich.console", "rich.markdown", "certrail", "certrail_client", "httpx2", "pydantic"}


@pytest.mark.parametrize("name", [name for section in SECTIONS.values() for name in section])
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    command: Any = typer.main.get_command(app)
    loaded = command.commands[name]
    entry = next(section[name] for section in SECTIONS.values() if name in section)
    assert loaded.name == name
    assert " ".join(loaded.help.split("\n\n")[0].split()) == entry.summary
