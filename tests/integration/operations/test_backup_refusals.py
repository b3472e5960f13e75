"""A backup that is not whole, was altered or is of a newer version is refused in words, and leaves nothing behind."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.backup_world import (
    ON_POSTGRESQL,
    ON_SQLITE,
    BackupWorld,
    backup_world,
    flight,
    listing,
    opened,
)
from tests.support.command_line import run

from certrail.crypto.keyring import Keyring

__all__ = ["backup_world", "flight"]


@ON_SQLITE
def test_a_backup_that_was_cut_off_is_refused(backup_world: BackupWorld) -> None:
    whole, cut = backup_world.make().read_bytes(), backup_world.folder / "cut"
    backup_world.elsewhere()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:length])
        assert "was cut off" in backup_world.refused(cut)


@ON_SQLITE
def test_a_backup_that_was_altered_is_refused(backup_world: BackupWorld) -> None:
    file = backup_world.make()
    backup_world.elsewhere()
    for what, changed in alterations(file):
        altered = backup_world.folder / "altered"
        with zipfile.ZipFile(altered, "w") as archive:
            for name, content in changed.items():
                archive.writestr(name, content)
        assert "altered" in backup_world.refused(altered), what
    assert backup_world.restored().exit_code == 0, "the one that was not altered is restored"


def alterations(file: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    database = next(name for name in parts if name.startswith("database"))
    flipped = bytearray(parts[database])
    flipped[len(flipped) // 2] ^= 1
    yield "one bit of the database", {**parts, database: bytes(flipped)}
    yield "a shorter database", {**parts, database: parts[database][:-1]}
    yield "a longer database", {**parts, database: parts[database] + b"\0"}
    yield "another keyring", {**parts, "keyring.wrapped": parts["keyring.wrapped"][::-1]}
    yield "no database", {name: part for name, part in parts.items() if name != database}
    yield "one more file", {**parts, "../evil": b"x"}
    yield "another seal", {**parts, "manifest.seal": Keyring.generate().seal(b"x", "backup").encode()}
    manifest = json.loads(parts["manifest.json"])
    manifest["rows"]["principal"] += 1
    yield "the manifest", {**parts, "manifest.json": json.dumps(manifest).encode()}
    huge = {**manifest["parts"], "keyring.wrapped": {"size": 1 << 30, "sha256": "0" * 64}}
    yield "a huge keyring", {**parts, "manifest.json": json.dumps({**manifest, "parts": huge}).encode()}
    yield "an unknown member", {**parts, "manifest.json": json.dumps({**manifest, "x": 1}).encode()}


@ON_SQLITE
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": 2, "certrail": "9.1"}, "format 2 and was made by a newer certrail, 9.1"),
        ({"revision": "9999", "certrail": "9.1"}, "schema 9999 and was made by a newer certrail, 9.1"),
        ({"format": "other"}, "is no backup of certrail"),
    ],
)
def test_what_a_newer_certrail_made_is_refused(
    backup_world: BackupWorld, changed: dict[str, Any], said: str
) -> None:
    with zipfile.ZipFile(backup_world.make()) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = {**json.loads(parts["manifest.json"]), **changed}
    newer = backup_world.folder / "newer"
    with zipfile.ZipFile(newer, "w") as archive:
        for name, content in {**parts, "manifest.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, content)
    backup_world.elsewhere()
    assert said in backup_world.refused(newer)


@ON_SQLITE
def test_the_keyring_decides(backup_world: BackupWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    file, folder = backup_world.make(), backup_world.folder
    backup_world.elsewhere()
    (folder / "wrong").write_text("another passphrase, as long\n")
    assert "not the one" in backup_world.refused(file, "--passphrase-file", str(folder / "wrong"))
    assert "give --passphrase-file" in refused_bare(backup_world)
    other = folder / "other.json"
    Keyring.generate().save(other)
    backup_world.elsewhere(other)
    assert "The keyring has no key" in refused_bare(backup_world)
    backup_world.elsewhere(folder / "keyring.json")
    done = run("backup", "restore", str(file))
    assert done.exit_code == 0, "a keyring that is in its place needs no passphrase"


def refused_bare(world: BackupWorld) -> str:
    done = run("backup", "restore", str(world.file))
    assert done.exit_code == 1
    return done.stderr


@ON_SQLITE
def test_without_a_passphrase_the_keyring_is_not_in_it(backup_world: BackupWorld) -> None:
    done = run("backup", "create", str(backup_world.file))
    assert done.exit_code == 0, done.output
    assert "keep that elsewhere" in done.stderr
    with zipfile.ZipFile(backup_world.file) as archive:
        assert "keyring.wrapped" not in archive.namelist()
    backup_world.elsewhere()
    assert "none is within this backup" in backup_world.refused()
    verified = run("backup", "verify", str(backup_world.file))
    assert verified.exit_code == 0
    assert "The seal of the manifest was not checked" in verified.stdout
    backup_world.at_source()
    assert json.loads(run("backup", "verify", str(backup_world.file), "--json").stdout)["seal_checked"]
    short = backup_world.folder / "short"
    short.write_text("too short\n")
    refused = run("backup", "create", str(backup_world.folder / "b"), "--passphrase-file", str(short))
    assert (refused.exit_code, "16 characters" in refused.stderr) == (1, True)
    assert "is there already" in run("backup", "create", str(backup_world.file)).stderr
    assert sorted(listing(backup_world.folder)) == [
        "certrail.backup",
        "data",
        "keyring.json",
        "passphrase",
        "place-1",
        "short",
    ]


def test_a_place_that_is_not_empty_is_refused(backup_world: BackupWorld) -> None:
    backup_world.make()
    backup_world.elsewhere()
    assert backup_world.restored().exit_code == 0
    head = opened().services.audit_log.head()
    done = backup_world.restored()
    assert done.exit_code == 1
    assert "Restore to" in done.stderr
    assert opened().services.audit_log.head() == head
    assert run("audit", "verify").exit_code == 0


def test_a_backup_of_the_other_database_is_refused(backup_world: BackupWorld) -> None:
    with zipfile.ZipFile(backup_world.make()) as archive:
        kind = json.loads(archive.read("manifest.json"))["database"]
    backup_world.elsewhere()
    other = (
        "postgresql://nobody@127.0.0.1:9/x" if kind == "sqlite" else f"sqlite:///{backup_world.folder}/x.db"
    )
    backup_world.monkeypatch.setenv("CERTRAIL_DATABASE_URL", other)
    done = backup_world.restored()
    assert (done.exit_code, f"This is a backup of {kind}" in done.stderr) == (1, True)
    assert not (backup_world.folder / "x.db").exists()


@ON_POSTGRESQL
def test_what_to_install_is_said_where_the_programs_are_missing(
    backup_world: BackupWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup_world.make()
    monkeypatch.setenv("PATH", "/nowhere")
    backup_world.elsewhere()
    assert "pg_restore is not on the PATH. Install" in backup_world.refused()
    backup_world.at_source()
    refused = run("backup", "create", str(backup_world.folder / "second"))
    assert refused.exit_code == 1
    assert "pg_dump is not on the PATH. Install" in refused.stderr
    assert "postgresql-client-" in refused.stderr
