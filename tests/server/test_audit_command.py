"""`certrail audit`: the chain is verified where the record is, and anywhere else from an export."""

import json
import sqlite3
from pathlib import Path

import pytest
from tests.support.command_line import run


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with a little history."""
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path))
    assert run("migrate").exit_code == 0
    assert run("token", "bootstrap").exit_code == 0
    assert run("token", "create", "admin").exit_code == 0
    return tmp_path


def tamper(folder: Path) -> None:
    (file,) = folder.glob("*.db")
    with sqlite3.connect(file) as connection:
        connection.execute("update event set actor_name = 'Somebody' where seq = 2")


def test_an_untouched_record_is_verified() -> None:
    result = run("audit", "verify", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["events"], facts["faults"], facts["seal_checked"]) == (3, [], True)
    assert facts["head"] == f"3:{facts['hash']}"
    assert run("audit", "verify").stdout == f"ok 3 events, head {facts['head']}\n"


def test_a_head_that_was_noted_shows_an_older_record_that_was_put_back(installation: Path) -> None:
    (file,) = installation.glob("*.db")
    noted_before = json.loads(run("audit", "verify", "--json").stdout)["head"]
    with sqlite3.connect(file) as connection:
        (older,) = connection.execute("select hash, mac, seal from audit_chain_head")
    assert run("token", "create", "admin").exit_code == 0
    export = installation / "record.jsonl"
    noted = json.loads(run("audit", "verify", "--json").stdout)["head"]
    for head in (noted_before, noted):
        assert run("audit", "verify", "--head", head).exit_code == 0
    with sqlite3.connect(file) as connection:
        connection.execute("delete from event where seq = 4")
        connection.execute("update audit_chain_head set seq = 3, hash = ?, mac = ?, seal = ?", older)
    run("audit", "export", "--output", str(export))
    assert run("audit", "verify", str(export)).exit_code == 0
    # In the data folder the witness knows better, without a head from elsewhere.
    result = run("audit", "verify")
    assert (result.exit_code, "event 4 was remembered: it was set back" in result.stdout) == (1, True)
    assert "audit log" in next(line for line in run("doctor").stdout.splitlines() if "event 4" in line)
    for where in ((), (str(export),)):
        result = run("audit", "verify", *where, "--head", noted)
        assert (result.exit_code, "event 4 was remembered: it was set back" in result.stdout) == (1, True)
    wrong = run("audit", "verify", "--head", "4")
    assert (wrong.exit_code, "NUMBER:HASH" in wrong.stderr) == (1, True)


def test_a_restored_backup_is_accepted(installation: Path) -> None:
    (file,) = installation.glob("*.db")
    with sqlite3.connect(file) as connection, sqlite3.connect(installation / "backup") as backup:
        connection.backup(backup)
    assert run("token", "create", "admin").exit_code == 0
    with sqlite3.connect(installation / "backup") as backup, sqlite3.connect(file) as connection:
        backup.backup(connection)
    assert "it was set back" in run("audit", "verify").stdout
    accepted = run("audit", "accept")
    assert (accepted.exit_code, "it remembered 4:" in accepted.stdout) == (0, True)
    assert run("audit", "verify").exit_code == 0
    tamper(installation)
    refused = run("audit", "accept")
    assert (refused.exit_code, "event 2 was changed" in refused.stderr) == (1, True)


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
    assert "The seal of the head and the keyed links were not checked" in verified.stdout
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
    ("content", "reported"), [(None, "cannot be read"), ("x", "not a JSON object"), ("ü", "not an export")]
)
def test_what_is_no_export_is_reported(tmp_path: Path, content: str | None, reported: str) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_text(content)
    result = run("audit", "verify", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert reported in result.stderr


def test_the_doctor_says_where_no_witness_can_be_kept(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "sealed, and not set back" in run("doctor").stdout
    (file,) = installation.glob("*.db")
    monkeypatch.setenv("CERTRAIL_DATABASE_URL", f"sqlite:///{file}")
    monkeypatch.setenv("CERTRAIL_KEYRING_FILE", str(installation / "keyring.json"))
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(file / "no-folder"))
    assert "an older log that is put back goes unnoticed here" in run("doctor").stdout
