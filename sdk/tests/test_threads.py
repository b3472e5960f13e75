"""What threads do after whoever began them was cancelled."""

import asyncio
import threading

import pytest

from certrail_sdk import settled

PATIENCE = 60


async def begun_and_cancelled(failure: Exception | None, landed: list[str]) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def write() -> None:
        begun.set()
        may_end.wait(PATIENCE)
        landed.append("the write")
        if failure:
            raise failure

    trial = asyncio.ensure_future(settled(asyncio.to_thread(write)))
    await asyncio.to_thread(begun.wait, PATIENCE)
    trial.cancel()
    await asyncio.sleep(0)
    assert not trial.done(), "it leaves before the write has ended"
    may_end.set()
    await trial


@pytest.mark.parametrize("failure", [None, OSError("full")])
async def test_a_cancelled_try_leaves_after_its_write_has_ended(failure: Exception | None) -> None:
    landed: list[str] = []
    with pytest.raises(asyncio.CancelledError):
        await begun_and_cancelled(failure, landed)
    assert landed


async def test_what_a_write_returns_or_raises_comes_through() -> None:
    assert await settled(asyncio.to_thread(lambda: "a receipt")) == "a receipt"

    def refused() -> None:
        raise PermissionError("not here")

    with pytest.raises(PermissionError, match="not here"):
        await settled(asyncio.to_thread(refused))
