"""The files destination stays below its root, and leaves alone what others put there."""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from certrail_destination_files import directory
from certrail_destination_files.directory import Directory
from certrail_sdk import Misconfigured, Permanent, Receipt, Target
from certrail_sdk.testing import make_deployment, renewed, with_receipt

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


async def test_a_folder_that_is_exchanged_for_a_link_while_it_is_written_gets_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the check of a path and its use there is time: the descriptor names the folder that was checked."""
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for folder in (outside, inside):
        folder.mkdir()
    write = Directory.write

    def exchange(self: Directory, *values: Any) -> None:
        if not (inside / "web").is_symlink():
            (inside / "web").rename(tmp_path / "moved")
            (inside / "web").symlink_to(outside)
        write(self, *values)

    monkeypatch.setattr(Directory, "write", exchange)
    # Where the receipt is made, `current` is looked for at the link, which is not followed.
    await files(inside).deploy(make_deployment("web"))
    assert not names_in(outside)
    assert (tmp_path / "moved" / "current" / "privkey.pem").exists()


async def test_what_others_put_beside_the_versions_stays(tmp_path: Path) -> None:
    deployment = make_deployment("web")
    await files(tmp_path).deploy(deployment)
    theirs = [tmp_path / "web" / "versions" / name for name in ("notes", "0123", ".hidden")]
    for path in theirs:
        path.mkdir()
        (path / "file").write_text("theirs")
    (tmp_path / "web" / "README").write_text("theirs")
    for _ in range(3):
        deployment = renewed(deployment)
        await files(tmp_path).deploy(deployment)
    assert all((path / "file").exists() for path in theirs)
    assert (await files(tmp_path).remove(deployment)).changed
    assert names_in(tmp_path / "web") == {"versions", "README"}
    assert names_in(tmp_path / "web" / "versions") == {"notes", "0123", ".hidden"}


@pytest.mark.parametrize("mode", [0o770, 0o757, 0o777, 0o1777])
async def test_a_folder_in_which_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(mode)
    deployment = make_deployment("web")
    for verb in (files(root).check(), files(root).deploy(deployment), files(root).publish(crl())):
        with pytest.raises(Misconfigured, match="others may write in") as raised:
            await verb
        assert "chmod go-w" in raised.value.action
        assert raised.value.field == "root"
    assert not names_in(root)
    root.chmod(0o755)
    await files(root).check()
    await files(root).deploy(deployment)
    (root / "web").chmod(mode)
    with pytest.raises(Permanent, match="others may write in"):
        await files(root).deploy(renewed(deployment))
    (root / "web").chmod(0o755)
    (root / "web" / "versions").chmod(mode)
    with pytest.raises(Permanent, match="others may write in"):
        await files(root).deploy(renewed(deployment))


async def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = make_deployment("web")
    await files(tmp_path).deploy(deployment)
    (tmp_path / "empty").mkdir()
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 4000)
    monkeypatch.setattr(directory, "ROOT_USER", own)
    await files(tmp_path).check()
    for name in ("web", "empty"):
        with pytest.raises(Permanent, match="not to the worker's"):
            await files(tmp_path).deploy(make_deployment(name))
    monkeypatch.setattr(directory, "ROOT_USER", own + 1)
    with pytest.raises(Misconfigured, match="may exchange what is in it"):
        await files(tmp_path).check()


@pytest.mark.parametrize("what", ["pipe", "link", "folder", "huge"])
async def test_a_file_that_is_none_is_not_read(tmp_path: Path, what: str) -> None:
    deployment = make_deployment("web")
    await files(tmp_path).deploy(deployment)
    chain = tmp_path / "web" / "current" / "fullchain.pem"
    if what == "link":
        chain.rename(tmp_path / "elsewhere.pem")
        chain.symlink_to(tmp_path / "elsewhere.pem")
    else:
        chain.unlink()
    if what == "pipe":
        os.mkfifo(chain)
    elif what == "folder":
        chain.mkdir()
    elif what == "huge":
        with chain.open("wb") as file:
            file.truncate(10_000_000_000)
    seen = await asyncio.wait_for(files(tmp_path).observe(deployment), 10)
    assert (seen.present, seen.fingerprint) == (True, None)
    assert (await asyncio.wait_for(files(tmp_path).deploy(deployment), 10)).changed


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
