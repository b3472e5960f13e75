"""What the files destination promises beyond the contract."""

import asyncio
import errno
import json
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from pydantic import ValidationError

from certrail_destination_files import Files, FilesConfig, public, writing
from certrail_destination_files import folder as folder_module
from certrail_sdk import (
    Bundle,
    Deployment,
    Misconfigured,
    Permanent,
    PluginError,
    Publication,
    QuotaExceeded,
    Receipt,
    Retryable,
    Target,
    Unauthorized,
)
from certrail_sdk.testing import make_deployment, renewed, with_receipt

PASSWORD = "correct horse battery"


class Crash(BaseException):
    """Nothing catches it: the process is gone."""


def crash_after(allowed: int, step: Callable[..., None]) -> Callable[..., None]:
    left = [step] * allowed

    def crash_or_go_on(*args: object) -> None:
        if not left:
            raise Crash
        left.pop()(*args)

    return crash_or_go_on


def files(tmp_path: Path, **config: object) -> Files:
    return Files(FilesConfig.parse({"root": str(tmp_path), **config}))


def key_of(bundle: Bundle) -> str:
    assert bundle.private_key
    return bundle.private_key.get_secret_value()


def without_key(deployment: Deployment) -> Deployment:
    bundle = deployment.bundle.model_copy(update={"private_key": None})
    return deployment.model_copy(update={"bundle": bundle})


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


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


@pytest.mark.parametrize("step", ["write_file", "sync_folder", "make_folder"])
async def test_a_crash_while_writing_leaves_the_old_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Between any two steps, `current` names a certificate and its own key."""
    old = make_deployment("web")
    receipt = await files(tmp_path).deploy(old)
    newer = with_receipt(renewed(old), receipt)
    done = getattr(writing, step)
    for allowed in range(20):
        monkeypatch.setattr(folder_module, step, crash_after(allowed, done))
        try:
            await files(tmp_path).deploy(newer)
        except Crash:
            seen = await files(tmp_path).observe(old)
            assert seen.key_matches
            assert seen.fingerprint in (old.bundle.fingerprint, newer.bundle.fingerprint)
        else:
            break
    monkeypatch.undo()
    assert allowed > 0, "the step was never reached"
    seen = await files(tmp_path).observe(old)
    assert (seen.fingerprint, seen.key_matches) == (newer.bundle.fingerprint, True)
    await files(tmp_path).deploy(renewed(old))
    assert len(names_in(tmp_path / "web" / "versions")) == 2, "what the crashes left is cleared away"


async def test_a_crash_before_the_swap_leaves_the_old_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_deployment("web")
    await files(tmp_path).deploy(old)

    def crash(*_: object) -> None:
        raise Crash

    monkeypatch.setattr(folder_module.Folder, "_point_at", crash)
    with pytest.raises(Crash):
        await files(tmp_path).deploy(renewed(old))
    seen = await files(tmp_path).observe(old)
    assert (seen.fingerprint, seen.key_matches) == (old.bundle.fingerprint, True)


async def test_a_crash_while_removing_can_be_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = make_deployment("web")
    await files(tmp_path).deploy(deployment)

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", crash)
        with pytest.raises(Crash):
            await files(tmp_path).remove(deployment)
    assert not (await files(tmp_path).observe(deployment)).present
    assert (await files(tmp_path).remove(deployment)).changed
    assert not (tmp_path / "web").exists()


async def test_a_directory_is_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    receipt = await files(tmp_path, directory="team").deploy(make_deployment("web"))
    assert receipt.reference == str(tmp_path / "team" / "web")


async def test_what_was_put_into_another_directory_leaves_that_one(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    deployment = make_deployment("web")
    former = await files(tmp_path, directory="old").deploy(deployment)
    present = files(tmp_path, directory="new")
    await present.deploy(with_receipt(deployment, former))
    target = Target(delivery=deployment.delivery, name="web", receipt=former)
    assert (await present.observe(target)).reference == former.reference
    assert (await present.remove(target)).changed
    assert not names_in(tmp_path / "old")
    assert (tmp_path / "new" / "web" / "current" / "cert.pem").exists()
    (tmp_path / "old").rmdir()
    assert not (await present.remove(target)).changed


async def test_what_was_put_outside_of_the_root_is_left_to_a_person(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    deployment = make_deployment("web")
    former = await files(tmp_path / "old").deploy(deployment)
    present = files(tmp_path / "new")
    await present.deploy(with_receipt(deployment, former))
    target = Target(delivery=deployment.delivery, name="web", receipt=former)
    assert not (await present.observe(target)).present
    with pytest.raises(Permanent, match="is outside of"):
        await present.remove(target)
    assert all((tmp_path / name / "web" / "current").exists() for name in ("old", "new"))


async def test_a_root_that_is_missing_is_the_fault_of_the_connection(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="nowhere is not a folder on the worker's machine") as raised:
        await files(tmp_path / "nowhere", directory="team").check()
    assert (raised.value.field, "'root' of the connection" in raised.value.action) == ("root", True)
    with pytest.raises(Misconfigured) as raised:
        await files(tmp_path, directory="team").check()
    assert raised.value.field == "directory"


async def test_a_link_does_not_lead_out_of_the_root(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "team").symlink_to(outside)
    with pytest.raises(Misconfigured, match="leads out of"):
        await files(root, directory="team").deploy(make_deployment("web"))
    assert not list(outside.iterdir())


async def test_writers_take_turns(tmp_path: Path) -> None:
    """A cancelled verb's thread may still write when the next try starts."""
    deployment = make_deployment("web")
    receipts = await asyncio.gather(*(files(tmp_path).deploy(deployment) for _ in range(4)))
    assert sorted(receipt.changed for receipt in receipts) == [False, False, False, True]


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


async def test_foreign_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "precious").write_text("keep")
    deployment = make_deployment("web")
    destination = files(tmp_path)
    for verb in (
        destination.deploy(deployment),
        destination.remove(deployment),
        destination.plan(deployment),
    ):
        with pytest.raises(Permanent, match="not made by this delivery") as raised:
            await verb
        assert "Move it away" in raised.value.action
    assert (tmp_path / "web" / "precious").read_text() == "keep"


async def test_another_delivery_of_the_same_name_is_refused(tmp_path: Path) -> None:
    first = make_deployment("web")
    await files(tmp_path).deploy(first)
    other = make_deployment("web")
    with pytest.raises(Permanent):
        await files(tmp_path).deploy(other)
    with pytest.raises(Permanent):
        await files(tmp_path).remove(other)
    assert (await files(tmp_path).observe(other)).ours is False
    assert (await files(tmp_path).observe(first)).fingerprint == first.bundle.fingerprint


async def test_the_mark_names_the_delivery(tmp_path: Path) -> None:
    deployment = make_deployment("web")
    await files(tmp_path).deploy(deployment)
    mark = json.loads((tmp_path / "web" / "certrail.json").read_text())
    assert mark == {"made_by": "certrail", "delivery": deployment.delivery}


@pytest.mark.parametrize("linked", ["web", "web/versions"])
async def test_links_out_of_the_folder_are_not_followed(tmp_path: Path, linked: str) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    link = inside / linked
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    with pytest.raises(Permanent):
        await files(inside).deploy(make_deployment("web"))
    assert not names_in(outside)


async def test_a_current_that_leads_elsewhere_is_put_right(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    deployment = make_deployment("web")
    await files(inside).deploy(deployment)
    shutil.copytree(inside / "web" / "current", outside, dirs_exist_ok=True)
    (inside / "web" / "current").unlink()
    (inside / "web" / "current").symlink_to(outside)
    assert not (await files(inside).observe(deployment)).present
    assert (await files(inside).deploy(deployment)).changed
    assert (inside / "web" / "current").resolve().is_relative_to(inside / "web" / "versions")


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "..", ""])
async def test_names_stay_inside_the_folder(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(Permanent, match="cannot be a folder or a file"):
        await files(inside).deploy(make_deployment(name))
    assert names_in(tmp_path) == {"inside"}
    assert not names_in(inside)


async def test_the_version_before_stays_for_its_readers(tmp_path: Path) -> None:
    deployment = make_deployment("web")
    last: list[str] = []
    for _ in range(4):
        await files(tmp_path).deploy(deployment)
        last = [*last, deployment.bundle.fingerprint][-2:]
        deployment = renewed(deployment)
    assert names_in(tmp_path / "web" / "versions") == set(last)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, QuotaExceeded),
        (errno.EDQUOT, QuotaExceeded),
        (errno.EACCES, Unauthorized),
        (errno.EPERM, Unauthorized),
        (errno.EROFS, Misconfigured),
        (errno.EIO, Retryable),
    ],
)
async def test_errors_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[PluginError]
) -> None:
    def fail(_handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(expected) as raised:
        await files(tmp_path).deploy(make_deployment("web"))
    assert type(raised.value) is expected
    assert str(tmp_path) in str(raised.value)


async def test_a_disk_that_was_full_takes_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = make_deployment("web")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(QuotaExceeded):
            await files(tmp_path).deploy(deployment)
    assert (await files(tmp_path).deploy(deployment)).changed


def crl(**known: object) -> Publication:
    return Publication(
        delivery="list-1", name="root.crl", content=b"ours", media_type="application/pkix-crl", **known
    )


async def test_a_public_file_of_others_stays_at_every_try(tmp_path: Path) -> None:
    (tmp_path / "root.crl").write_bytes(b"theirs")
    for may_exist in (False, True):
        with pytest.raises(Permanent, match="not published from here"):
            await files(tmp_path).publish(crl(may_exist=may_exist))
    elsewhere = Receipt(reference="/elsewhere/root.crl", fingerprint="00" * 32, changed=True)
    with pytest.raises(Permanent, match="not published from here"):
        await files(tmp_path).publish(crl(receipt=elsewhere))
    assert names_in(tmp_path) == {"root.crl"}
    assert (tmp_path / "root.crl").read_bytes() == b"theirs"


@pytest.mark.parametrize("written", [0, 1, 2])
async def test_a_crash_while_publishing_can_be_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    older = crl().model_copy(update={"content": b"older"})
    with monkeypatch.context() as patch:
        patch.setattr(public, "replace_file", crash_after(written, writing.replace_file))
        with suppress(Crash):
            await files(tmp_path).publish(older)
    assert (await files(tmp_path).publish(crl(may_exist=True))).changed
    assert (tmp_path / "root.crl").read_bytes() == b"ours"
    assert not (await files(tmp_path).publish(crl(may_exist=True))).changed
