"""Whatever interrupts a writer, what its readers find is whole, and the next try goes on from there."""

import asyncio
import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from certrail_destination_files.directory import Directory
from certrail_sdk import Misconfigured, PluginError, QuotaExceeded, Retryable, Target, Unauthorized
from certrail_sdk.testing import make_deployment, renewed, with_receipt

from .folders import crl, files, mode_of, names_in


class Crash(BaseException):
    """Nothing catches it: the process is gone."""


def crash_after(allowed: int, step: Callable[..., Any]) -> Callable[..., Any]:
    left = [step] * allowed

    def crash_or_go_on(*args: object) -> Any:
        if not left:
            raise Crash
        return left.pop()(*args)

    return crash_or_go_on


@pytest.mark.parametrize("step", ["write", "sync", "make", "rename", "point"])
async def test_a_crash_while_writing_leaves_the_old_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Between any two steps, `current` names a certificate and its own key."""
    old = make_deployment("web")
    receipt = await files(tmp_path).deploy(old)
    newer = with_receipt(renewed(old), receipt)
    done = getattr(Directory, step)
    for allowed in range(20):
        monkeypatch.setattr(Directory, step, crash_after(allowed, done))
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

    monkeypatch.setattr(Directory, "point", crash)
    with pytest.raises(Crash):
        await files(tmp_path).deploy(renewed(old))
    seen = await files(tmp_path).observe(old)
    assert (seen.fingerprint, seen.key_matches) == (old.bundle.fingerprint, True)


async def test_a_crash_while_removing_can_be_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = make_deployment("web")
    await files(tmp_path).deploy(deployment)

    def crash(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", crash)
        with pytest.raises(Crash):
            await files(tmp_path).remove(deployment)
    assert not (await files(tmp_path).observe(deployment)).present
    assert (await files(tmp_path).remove(deployment)).changed
    assert not (tmp_path / "web").exists()


@pytest.mark.parametrize("written", [0, 1, 2])
async def test_a_crash_while_publishing_can_be_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    older = crl().model_copy(update={"content": b"older"})
    with monkeypatch.context() as patch:
        patch.setattr(Directory, "replace", crash_after(written, Directory.replace))
        with suppress(Crash):
            await files(tmp_path).publish(older)
    assert (await files(tmp_path).publish(crl(may_exist=True))).changed
    assert (tmp_path / "root.crl").read_bytes() == b"ours"
    assert not (await files(tmp_path).publish(crl(may_exist=True))).changed


@pytest.mark.parametrize("crashes", [1, 2, 3])
async def test_a_crash_before_the_mode_is_set_leaves_no_closed_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crashes: int
) -> None:
    """Under a strict umask a new folder lets nobody pass: the next try has to notice."""
    deployment = make_deployment("web")
    before = os.umask(0o077)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Directory, "open_up", crash_after(crashes - 1, Directory.open_up))
            with pytest.raises(Crash):
                await files(tmp_path).deploy(deployment)
        await files(tmp_path).deploy(deployment)
    finally:
        os.umask(before)
    folders = [path for path in (tmp_path / "web", *(tmp_path / "web").rglob("*")) if path.is_dir()]
    assert len(folders) == 4, "web, versions, the version, and current"
    assert {mode_of(path) for path in folders} == {0o755}


async def test_a_folder_that_is_missing_and_comes_back_is_tried_again(tmp_path: Path) -> None:
    """A share that is not mounted comes back: only `check`, where a person waits, says that it is wrong."""
    root, deployment = tmp_path / "share", make_deployment("web")
    (root / "team").mkdir(parents=True)
    receipt = await files(root, directory="team").deploy(deployment)
    known = with_receipt(renewed(deployment), receipt)
    for away in (root, root / "team"):
        away.rename(tmp_path / "away")
        destination = files(root, directory="team")
        target = Target(delivery=deployment.delivery, name="web", receipt=receipt)
        for verb in (
            destination.deploy(known),
            destination.observe(target),
            destination.remove(target),
            destination.publish(crl()),
        ):
            with pytest.raises(Retryable, match="is not a folder on the worker's machine"):
                await verb
        with pytest.raises(Misconfigured):
            await destination.check()
        (tmp_path / "away").rename(away)
    assert (await files(root, directory="team").deploy(known)).changed


async def test_writers_take_turns(tmp_path: Path) -> None:
    """A cancelled verb's thread may still write when the next try starts."""
    deployment = make_deployment("web")
    receipts = await asyncio.gather(*(files(tmp_path).deploy(deployment) for _ in range(4)))
    assert sorted(receipt.changed for receipt in receipts) == [False, False, False, True]


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
