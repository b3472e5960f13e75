"""What the files destination promises beyond the contract."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from pydantic import ValidationError

from certrail_destination_files import FilesConfig
from certrail_sdk import Misconfigured, Permanent
from certrail_sdk.testing import make_deployment, renewed

from .folders import PASSWORD, files, key_of, mode_of, names_in, without_key


async def test_pem_files_hold_what_their_names_say(tmp_path: Path) -> None:
    deployment = make_deployment("web")
    bundle = deployment.bundle
    receipt = await files(tmp_path).deploy(deployment)
    found = {path.name: path.read_text() for path in (tmp_path / "web" / "current").iterdir()}
    assert found == {
        "cert.pem": bundle.certificate,
        "chain.pem": bundle.chain_pem,
        "fullchain.pem": bundle.certificate + bundle.chain_pem,
        "privkey.pem": key_of(bundle),
    }
    assert receipt.reference == str(tmp_path / "web")
    assert receipt.version == bundle.fingerprint


async def test_combined_file_holds_key_certificate_and_chain(tmp_path: Path) -> None:
    deployment = make_deployment("web")
    await files(tmp_path, format="combined").deploy(deployment)
    combined = tmp_path / "web" / "current" / "combined.pem"
    bundle = deployment.bundle
    assert combined.read_text() == key_of(bundle) + bundle.certificate + bundle.chain_pem
    assert mode_of(combined) == 0o600


async def test_pkcs12_opens_with_the_password_only(tmp_path: Path) -> None:
    deployment = make_deployment("web", rsa_key=True)
    await files(tmp_path, format="pkcs12", password=PASSWORD).deploy(deployment)
    path = tmp_path / "web" / "current" / "bundle.p12"
    key, leaf, chain = pkcs12.load_key_and_certificates(path.read_bytes(), PASSWORD.encode())
    assert key
    assert leaf
    assert key.public_key() == load_pem_private_key(key_of(deployment.bundle).encode(), None).public_key()
    assert leaf.public_key() == key.public_key()
    assert len(chain) == 1
    assert mode_of(path) == 0o600
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_key_and_certificates(path.read_bytes(), b"another")


async def test_a_new_password_writes_a_new_file(tmp_path: Path) -> None:
    deployment = make_deployment("web")
    await files(tmp_path, format="pkcs12", password=PASSWORD).deploy(deployment)
    assert (await files(tmp_path, format="pkcs12", password="another").deploy(deployment)).changed
    seen = await files(tmp_path, format="pkcs12", password="another").observe(deployment)
    assert (seen.fingerprint, seen.key_matches) == (deployment.bundle.fingerprint, True)


async def test_modes_are_those_of_the_configuration(tmp_path: Path) -> None:
    deployment = make_deployment("web")
    await files(tmp_path).deploy(deployment)
    current = tmp_path / "web" / "current"
    assert (mode_of(current / "cert.pem"), mode_of(current / "privkey.pem")) == (0o644, 0o600)
    changed = files(tmp_path, certificate_mode="0640", key_mode="0400")
    assert (await changed.deploy(deployment)).changed
    assert (mode_of(current / "cert.pem"), mode_of(current / "privkey.pem")) == (0o640, 0o400)
    assert not (await changed.deploy(deployment)).changed


async def test_owner_and_group_are_those_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _handle, uid, gid: given.append((uid, gid)))
    await files(tmp_path, owner="root").deploy(make_deployment("web"))
    assert given == [(0, -1)] * 4


@pytest.mark.parametrize("field", ["owner", "group"])
async def test_unknown_accounts_are_named(tmp_path: Path, field: str) -> None:
    with pytest.raises(Misconfigured, match="nobody-has-this-name") as raised:
        await files(tmp_path, **{field: "nobody-has-this-name"}).check()
    assert raised.value.field == field


@pytest.mark.parametrize(
    "wrong",
    [
        {"key_mode": "600x"},
        {"key_mode": "0o600"},
        {"root": "here"},
        {"directory": "/etc"},
        {"directory": "../other"},
        {"password": PASSWORD},
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as raised:
        FilesConfig.parse({"root": str(tmp_path), **wrong})
    assert PASSWORD not in str(raised.value)


async def test_a_damaged_version_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    deployment = make_deployment("web")
    await files(tmp_path).deploy(deployment)
    (tmp_path / "web" / "current" / "fullchain.pem").write_text("rubbish")
    seen = await files(tmp_path).observe(deployment)
    assert (seen.present, seen.fingerprint) == (True, None)
    receipt = await files(tmp_path).deploy(deployment)
    assert (receipt.changed, receipt.version) == (True, f"{deployment.bundle.fingerprint}.2")
    assert (await files(tmp_path).observe(deployment)).fingerprint == deployment.bundle.fingerprint


async def test_a_foreign_key_is_seen(tmp_path: Path) -> None:
    deployment = make_deployment("web")
    await files(tmp_path).deploy(deployment)
    (tmp_path / "web" / "current" / "privkey.pem").write_text(key_of(make_deployment().bundle))
    assert (await files(tmp_path).observe(deployment)).key_matches is False
    assert (await files(tmp_path).deploy(deployment)).changed
    assert (await files(tmp_path).observe(deployment)).key_matches is True


async def test_without_a_key_pem_holds_the_certificate_only(tmp_path: Path) -> None:
    deployment = without_key(make_deployment("web"))
    await files(tmp_path).deploy(deployment)
    assert not (tmp_path / "web" / "current" / "privkey.pem").exists()
    assert (await files(tmp_path).observe(deployment)).key_matches is None


@pytest.mark.parametrize("form", ["combined", "pkcs12"])
async def test_formats_with_a_key_need_one(tmp_path: Path, form: str) -> None:
    with pytest.raises(Permanent, match="needs the private key"):
        await files(tmp_path, format=form).deploy(without_key(make_deployment("web")))
    assert not names_in(tmp_path)


async def test_the_version_before_stays_for_its_readers(tmp_path: Path) -> None:
    deployment = make_deployment("web")
    last: list[str] = []
    for _ in range(4):
        await files(tmp_path).deploy(deployment)
        last = [*last, deployment.bundle.fingerprint][-2:]
        deployment = renewed(deployment)
    assert names_in(tmp_path / "web" / "versions") == set(last)
