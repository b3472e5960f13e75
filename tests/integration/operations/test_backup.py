"""A backup restored to another place loses nothing, and holds no secret in clear."""

import json
import stat
import subprocess
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from sqlmodel import col, select
from tests.integration.backup_world import (
    ON_POSTGRESQL,
    PASSPHRASE,
    BackupWorld,
    Rows,
    backup_world,
    flight,
    opened,
    rows,
)
from tests.integration.conftest import KEYRING
from tests.integration.flight_world import FIRST
from tests.support.canaries import leaks, private_keys, sqlite_dump
from tests.support.command_line import run
from tests.support.postgres import PROGRAMS
from tests.support.web import serving

from certrail.persistence.tables import Certificate, OutboxRow
from certrail.services.facade import Services
from certrail.services.operations.restored import LOST_ROUNDS
from certrail_server.settings import Settings

__all__ = ["backup_world", "flight"]

READ = (
    "applications",
    "certificates",
    "certificate-authorities",
    "certificate-policies",
    "certificate-profiles",
    "connections",
    "users",
    "audit/events",
    "applications/app/certificate-requests",
    "applications/app/revocation-requests",
    "applications/app/approval-requests",
    "applications/app/syncs",
    "applications/app/deliveries",
    "applications/app/channels",
    "applications/app/alerts",
    "applications/app/notifications",
    "applications/app/members",
)
OF_THE_RESTORE = ("intent_at", "renewal_round", "rerun", "signal")
"""Columns that the restore itself writes, so that nothing is done twice."""


def kept(found: Rows) -> Rows:
    """Without what the restore writes."""
    return {
        name: [
            {column: value for column, value in row.items() if column not in OF_THE_RESTORE} for row in there
        ]
        for name, there in found.items()
        if name not in ("reconciliation_state", "audit_chain_head", "event")
    }


def test_nothing_is_lost(backup_world: BackupWorld) -> None:
    before = rows(backup_world.database)
    assert sum(bool(there) for there in before.values()) >= 35, "most tables have rows"
    file = backup_world.make()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    place = backup_world.elsewhere()
    done = backup_world.restored()
    assert done.exit_code == 0, (done.output, done.exception)
    assert "secrets opened" in done.stdout
    there = opened()
    after = rows(there.context.db)
    assert kept(after) == kept(before)
    assert after["event"][:-1] == before["event"]
    assert after["event"][-1]["type"] == "backup.restored"
    assert {row["id"]: row["renewal_round"] - LOST_ROUNDS for row in after["lineage"]} == {
        row["id"]: row["renewal_round"] for row in before["lineage"]
    }
    assert there.context.keyring.key_ids == KEYRING.key_ids
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()}
    assert modes["keyring.json"] == 0o600
    assert all(mode & 0o077 == 0 for name, mode in modes.items() if name != "plugins.json"), modes
    assert not [name for name in modes if name.startswith(".")], "nothing is left of the way there"
    assert run("audit", "verify").exit_code == 0
    there.context.db.close()


def test_everything_is_readable_over_the_api(backup_world: BackupWorld) -> None:
    team = backup_world.flight.team
    _, token = team.services.tokens.issue(team.admin, team.admin.principal_id or "", name="t")
    with team.services.context.db.read() as session:
        held = session.exec(select(Certificate).where(col(Certificate.key_sealed).is_not(None))).first()
    assert held is not None
    before = answers(team.services, token)
    backup_world.make()
    backup_world.elsewhere()
    assert backup_world.restored().exit_code == 0
    there = opened()
    after = answers(there.services, token)
    assert after["audit/events"].pop()["type"] == "backup.restored"
    assert after == before
    assert all(before.values()), "there is something of each kind"
    with serving(there.services) as url, caller(url, token) as client:
        exported = client.post(
            f"certificates/{held.id}/export", json={"format": "pkcs12", "password": PASSPHRASE}
        )
    assert exported.status_code == 200, exported.text
    key, leaf, _ = pkcs12.load_key_and_certificates(exported.content, PASSPHRASE.encode())
    assert key is not None
    assert leaf is not None
    assert key.public_key() == leaf.public_key()
    assert f"{leaf.serial_number:x}" == held.serial
    there.context.db.close()


def caller(url: str, token: str) -> httpx2.Client:
    return httpx2.Client(
        base_url=f"{url}/api/v1/", headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60
    )


def answers(services: Services, token: str) -> dict[str, list[Any]]:
    with serving(services) as url, caller(url, token) as client:
        found = {}
        for path in READ:
            answer = client.get(path, params={"limit": 500} if path == "audit/events" else {})
            assert answer.status_code == 200, (path, answer.text)
            found[path] = [
                {name: value for name, value in row.items() if name not in OF_THE_RESTORE}
                for row in answer.json()["items"]
            ]
        return found


def test_no_secret_is_in_it_in_clear(backup_world: BackupWorld) -> None:
    secrets = secrets_of(backup_world)
    assert any(what.startswith("scalar of CaKey") for what in secrets)
    assert any(what.startswith("scalar of Certificate") for what in secrets)
    found = contents(backup_world.make(), backup_world.folder)
    for name, content in found.items():
        assert not leaks(content, secrets), name
    readable = {"a name": b"approved.example.com"}
    assert leaks(found["database"], readable), "the search reads what is there"


def secrets_of(world: BackupWorld) -> Mapping[str, bytes]:
    keys = json.loads(KEYRING.to_text())["keys"]
    return {
        **private_keys(world.database, KEYRING),
        **{f"key {ident}": key.encode() for ident, key in keys.items()},
        "passphrase": PASSPHRASE.encode(),
        "credential": b"a-secret-of-the-receiver",
    }


def contents(file: Path, folder: Path) -> dict[str, bytes]:
    """A backup, its members, and everything in its database as text."""
    found = {"file": file.read_bytes()}
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            found[name] = archive.read(name)
    copied = folder / "looked-at"
    copied.write_bytes(found.get("database.sqlite3") or found["database.dump"])
    if "database.sqlite3" in found:
        found["database"] = sqlite_dump(copied)
    else:
        command = [str(PROGRAMS / "pg_restore"), "--file=-", str(copied)]
        found["database"] = subprocess.run(command, capture_output=True, check=True).stdout
    return found


def test_a_copy_is_of_one_time_while_others_write(backup_world: BackupWorld) -> None:
    flight = backup_world.flight
    with ThreadPoolExecutor(1) as pool:
        stop: list[bool] = []
        written = pool.submit(lambda: [flight.request(f"w{n}.example.com") for n in range(400) if not stop])
        for number in range(3):
            file = backup_world.folder / f"{number}.backup"
            backup_world.at_source()
            done = run("backup", "create", str(file), "--passphrase-file", backup_world.passphrase)
            assert done.exit_code == 0, (done.output, done.exception)
            backup_world.elsewhere()
            restored = backup_world.restored(file)
            assert restored.exit_code == 0, restored.output
        stop.append(True)
        assert len(written.result()) > 10, "there were others"


def test_after_it_all_workflows_look_again(backup_world: BackupWorld) -> None:
    """Also in the same Temporal: its workflows are of a later time than the database."""
    backup_world.make()
    backup_world.elsewhere()
    assert backup_world.restored().exit_code == 0
    services = opened().services
    needing = services.reconciliation.report(FIRST)
    assert needing.restored
    assert services.reconciliation.restore(FIRST) > 10
    with services.context.db.read() as session:
        queued = session.exec(select(OutboxRow).where(col(OutboxRow.dispatched_at).is_(None))).all()
    assert all(row.rerun and (row.signal or "").startswith("restored-") for row in queued)
    assert len({row.workflow_id for row in queued}) == len(queued)
    assert {"issuance", "renewal", "delivery", "notification"} <= {row.flow for row in queued}
    (event,) = services.audit_log.events(None, type_="workflows.restarted")
    assert event.data["cause"] == "database-restored"
    assert not services.reconciliation.report(FIRST).restored
    assert services.reconciliation.restore(FIRST) == 0


@ON_POSTGRESQL
def test_the_password_is_in_no_command_line(
    backup_world: BackupWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = backup_world.folder / "bin"
    programs.mkdir()
    seen = backup_world.folder / "seen"
    for name in ("pg_dump", "pg_restore"):
        (programs / name).write_text(f'#!/bin/sh\necho "$0 $*" >> {seen}\nexec {PROGRAMS / name} "$@"\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    with_password(monkeypatch, backup_world.at_source)
    assert (
        run(
            "backup", "create", str(backup_world.file), "--passphrase-file", backup_world.passphrase
        ).exit_code
        == 0
    )
    with_password(monkeypatch, backup_world.elsewhere)
    assert backup_world.restored().exit_code == 0
    lines = seen.read_text()
    assert "pg_dump" in lines
    assert "pg_restore" in lines
    assert "canary" not in lines


def with_password(monkeypatch: pytest.MonkeyPatch, go: Any) -> None:
    """The URL of a server that takes any password."""
    go()
    from sqlalchemy import make_url

    url = make_url(Settings().database()).set(password="canary")
    monkeypatch.setenv("CERTRAIL_DATABASE_URL", url.render_as_string(hide_password=False))
