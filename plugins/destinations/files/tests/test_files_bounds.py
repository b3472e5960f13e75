"""The files destination stays below its root, and leaves alone what others put there."""

import json
import shutil
from pathlib import Path

import pytest

from certrail_sdk import Misconfigured, Permanent, Receipt, Target
from certrail_sdk.testing import make_deployment, with_receipt

from .folders import crl, files, names_in


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


async def test_foreign_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "precious").write_text("keep")
    deployment = make_deployment("web")
    destination = files(tmp_path)
    for verb in (
        destination.deploy(deployment),
        destination.remove(deployment),
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
