"""Every secret setting may be a file; what is wrong with the file is one line that never has its content."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from certrail.crypto.keyring import Keyring, KeyringError
from certrail_server.bootstrap import load_keyring
from certrail_server.secret_files import LARGEST
from certrail_server.settings import SECRETS, Settings

CANARY = "canary-7d1f0c55a4b2e9"
VALUES = {"database_url": f"postgresql://certrail:{CANARY}@db/certrail"}
OTHERS = sorted(set(SECRETS) - set(VALUES))


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CERTRAIL_")]:
        monkeypatch.delenv(name)


def value_of(name: str) -> str:
    return VALUES.get(name, CANARY)


def given(name: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv(f"CERTRAIL_{name.upper()}_FILE", str(file))
    return Settings()


def refused(name: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    with pytest.raises(ValidationError) as refusal:
        given(name, file, monkeypatch)
    (fault,) = refusal.value.errors()
    assert CANARY not in str(refusal.value)
    return str(fault["msg"])


def test_every_secret_has_a_file() -> None:
    secret = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    assert sorted(secret) == sorted((*SECRETS, "keyring"))
    assert all(f"{name}_file" in Settings.model_fields for name in secret)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_is_read_from_its_file(
    name: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text(value_of(name) + end, newline="")
    file.chmod(0o444)
    found = getattr(given(name, file, monkeypatch), name)
    assert isinstance(found, SecretStr)
    assert found.get_secret_value() == value_of(name)


def test_white_space_of_a_secret_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text(f" {CANARY} \n")
    found = given("temporal_api_key", file, monkeypatch).temporal_api_key
    assert found is not None
    assert found.get_secret_value() == f" {CANARY} "


@pytest.mark.parametrize("name", SECRETS)
def test_a_value_and_a_file_are_one_too_many(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text(value_of(name))
    variable = f"CERTRAIL_{name.upper()}"
    monkeypatch.setenv(variable, value_of(name))
    assert f"give {variable} or {variable}_FILE, not both" in refused(name, file, monkeypatch)


def test_a_keyring_and_its_file_are_one_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTRAIL_KEYRING", CANARY)
    message = refused("keyring", tmp_path / "keyring.json", monkeypatch)
    assert "give CERTRAIL_KEYRING or CERTRAIL_KEYRING_FILE, not both" in message


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (CANARY.encode() + b"\xff", "is not UTF-8 text"),
        (CANARY.encode() + b"x" * LARGEST, f"is larger than {LARGEST} bytes"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    name: str, content: bytes | None, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    message = refused(name, file, monkeypatch)
    assert message.endswith(f"CERTRAIL_{name.upper()}_FILE: {file} {fault}")


def test_a_folder_and_a_pipe_are_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    assert f"{pipe} is no regular file" in refused("database_url", pipe, monkeypatch)
    assert f"{tmp_path} is no regular file" in refused("database_url", tmp_path, monkeypatch)


def test_what_a_file_says_is_checked_like_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"mysql://certrail:{CANARY}@db/certrail")
    assert "postgresql://user:password@host/name" in refused("database_url", file, monkeypatch)


def test_a_keyring_on_a_read_only_mount_may_be_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file := tmp_path / "keyring.json").write_text(Keyring.generate().to_text())
    file.chmod(0o444)
    with pytest.raises(KeyringError, match="may be read by others"):
        load_keyring(given("keyring", file, monkeypatch))
    found = os.statvfs(file)
    mounted = os.statvfs_result((*found[:8], found.f_flag | os.ST_RDONLY, found.f_namemax))
    monkeypatch.setattr(os, "statvfs", lambda _file: mounted)
    assert repr(load_keyring(given("keyring", file, monkeypatch))).startswith("<Keyring")
