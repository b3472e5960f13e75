"""`certrail audit`: the chain is verified where the record is, and anywhere else from an export."""

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from certrail_server.cli import app


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with a little history."""
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path))
    assert run("token", "bootstrap").exit_code == 0
    assert run("token", "create", "admin").exit_code == 0
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def tamper(folder: Path) -> None:
    (file,) = folder.glob("*.db")
    with sqlite3.connect(file) as connection:
        connection.execute("update event set actor_name = 'Somebody' where seq = 2")


def test_an_untouched_record_is_verified() -> None:
    result = run("audit", "verify", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["events"], facts["faults"], facts["seal_checked"]) == (3, [], True)
    assert run("audit", "verify").stdout == f"ok 3 events, head {facts['hash']}\n"


def test_a_changed_event_is_named(installation: Path) -> None:
    tamper(installation)
    result = run("audit", "verify")
    assert result.exit_code == 1
    assert result.stdout == "FAULT event 2 was changed, or is not the one that was recorded here\n"


def test_an_export_is_verified_elsewhere(
    installation: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path_factory.mktemp("elsewhere") / "record.jsonl"
    exported = run("audit", "export", "--output", str(file))
    assert (exported.exit_code, exported.stdout) == (0, "")
    assert "3 events written" in exported.stderr
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(file.parent))
    verified = run("audit", "verify", str(file))
    assert verified.exit_code == 0, verified.output
    assert "The seal of the head was not checked" in verified.stdout
    assert [path.name for path in file.parent.iterdir()] == ["record.jsonl"]  # nothing is made on the way
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:2] + lines[3:]) + "\n")
    assert run("audit", "verify", str(file)).exit_code == 1


def test_an_export_goes_to_standard_output_too() -> None:
    lines = run("audit", "export").stdout.splitlines()
    assert [json.loads(line).get("type") for line in lines[1:-1]] == [
        "principal.created",
        "token.created",
        "token.created",
    ]


@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot be read"), ("x", "no JSON object"), ("ü", "no export")]
)
def test_what_is_no_export_is_told(tmp_path: Path, content: str | None, told: str) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_text(content)
    result = run("audit", "verify", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr
