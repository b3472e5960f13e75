"""What threads do after whoever began them was cancelled."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from certrail_sdk import Errors, Permanent, RateLimited, Retryable, in_thread, settled
from certrail_sdk.testing import make_deployment

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


class VendorError(Exception):
    """The base of a vendor's errors."""


class Throttled(VendorError):
    """One of them."""


ERRORS: Errors = {
    VendorError: Permanent,
    Throttled: lambda error: RateLimited(str(error), retry_after=timedelta(seconds=3)),
}


def failing(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


async def test_the_nearest_class_of_a_vendors_error_decides() -> None:
    with pytest.raises(RateLimited, match="slowly") as raised:
        await in_thread(failing(Throttled("slowly")), errors=ERRORS)
    assert raised.value.retry_after == timedelta(seconds=3)
    with pytest.raises(Permanent, match=r"^put secret: VendorError: no$"):
        await in_thread(failing(VendorError("no")), errors=ERRORS, action="put secret")
    with pytest.raises(KeyError):
        await in_thread(failing(KeyError("a bug")), errors=ERRORS)
    with pytest.raises(Retryable, match="ours"):
        await in_thread(failing(Retryable("ours")), errors={Exception: Permanent})
    assert await in_thread(lambda: 7, errors=ERRORS) == 7


async def test_a_translated_error_has_no_key_in_it() -> None:
    key = make_deployment().bundle.private_key
    assert key
    with pytest.raises(Permanent) as raised:
        await in_thread(failing(VendorError(f"refused {key.get_secret_value()}")), errors=ERRORS)
    assert str(raised.value) == "VendorError: refused [removed]"
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


async def test_a_cancelled_call_in_a_thread_settles() -> None:
    begun, may_end, landed = threading.Event(), threading.Event(), list[str]()

    def write() -> None:
        begun.set()
        may_end.wait(PATIENCE)
        landed.append("the write")

    trial = asyncio.ensure_future(in_thread(write))
    await asyncio.to_thread(begun.wait, PATIENCE)
    trial.cancel()
    await asyncio.sleep(0)
    assert not trial.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert landed
