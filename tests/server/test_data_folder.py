"""The data folder is this account's alone: whoever can exchange the keyring or the database is certrail."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from temporalio.service import TLSConfig
from tests.support.command_line import run

from certrail.crypto.keyring import KeyringError
from certrail_server import bootstrap
from certrail_server.bootstrap import build
from certrail_server.settings import Settings
from certrail_workflows.client import Credentials


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """As that of a careless account."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_is_made_is_closed_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data"
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(folder))
    for words in (("migrate",), ("token", "bootstrap")):
        assert run(*words).exit_code == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert {"certrail.db", "keyring.json", "audit-witness"} <= modes.keys()
    assert {name for name, mode in modes.items() if mode & 0o077} == set()


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
def test_a_folder_in_which_others_may_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path))
    assert run("migrate").exit_code == 0
    tmp_path.chmod(mode)
    for words in (("migrate",), ("token", "bootstrap"), ("doctor",)):
        refused = run(*words)
        assert refused.exit_code == 1
        assert "Others may write in the data folder" in refused.stderr
        assert "chmod 700" in refused.stderr
    tmp_path.chmod(0o700)
    assert run("token", "bootstrap").exit_code == 0


def test_a_folder_of_another_account_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(Settings(data_dir=tmp_path))
    monkeypatch.setattr(bootstrap, "ROOT_USER", -1)
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 4000)
    with pytest.raises(KeyringError, match="belongs to user"):
        build(Settings(data_dir=tmp_path))


def test_temporal_cloud_is_reached_with_a_key_or_a_certificate(tmp_path: Path) -> None:
    assert Credentials().tls() is False
    assert Credentials(api_key="k").tls() == TLSConfig()
    assert Credentials(use_tls=True).tls() == TLSConfig()
    files = {name: tmp_path / name for name in ("ca", "certificate", "key")}
    for name, path in files.items():
        path.write_text(name)
    found = Credentials(
        ca_file=files["ca"], certificate_file=files["certificate"], key_file=files["key"]
    ).tls()
    assert isinstance(found, TLSConfig)
    assert (found.server_root_ca_cert, found.client_cert, found.client_private_key) == (
        b"ca",
        b"certificate",
        b"key",
    )
    assert "a-secret" not in repr(Credentials(api_key="a-secret"))
    with pytest.raises(ValidationError, match="together"):
        Settings(temporal_tls_certificate_file=files["certificate"])
    chosen = Settings(data_dir=tmp_path / "data", temporal_api_key="a-key")
    assert build(chosen).orchestrator._credentials.api_key == "a-key"
