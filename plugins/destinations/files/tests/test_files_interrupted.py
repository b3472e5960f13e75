"""Whatever interrupts a writer, what its readers find is whole, and the next try goes on from there."""

import asyncio
import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from certrail_destination_files import folder as folder_module
from certrail_destination_files import public, writing
from certrail_sdk import Misconfigured, PluginError, QuotaExceeded, Retryable, Unauthorized
from certrail_sdk.testing import make_deployment, renewed, with_receipt

from .folders import crl, files, names_in


class Crash(BaseException):
    """Nothing catches it: the process is gone."""


def crash_after(allowed: int, step: Callable[..., None]) -> Callable[..., None]:
    left = [step] * allowed

    def crash_or_go_on(*args: object) -> None:
        if not left:
            raise Crash
        left.pop()(*args)

    return crash_or_go_on


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
