"""The kit sees what keeps the event loop from running, and blames nobody for a slow machine."""

import asyncio
import time

import pytest

from certrail_sdk.testing import watch


async def waits() -> None:
    time.sleep(2)  # noqa: ASYNC251  the fault


async def computes() -> None:
    end = time.monotonic() + 2
    while time.monotonic() < end:
        pass


async def sleeps() -> None:
    await asyncio.sleep(0.5)


async def test_a_verb_that_waits_is_found() -> None:
    with pytest.raises(AssertionError, match=r"the event loop was blocked in .* waits"):
        await watch.unblocked(waits())


async def test_a_verb_that_computes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LONGEST_COMPUTATION", 0.2)
    with pytest.raises(AssertionError, match=r"the event loop was blocked in .* computes"):
        await watch.unblocked(computes())


async def test_computing_for_as_long_as_a_machine_may_stall_is_no_fault() -> None:
    end = time.monotonic() + watch.LONGEST_COMPUTATION / 5

    async def verb() -> None:
        while time.monotonic() < end:
            pass

    await watch.unblocked(verb())


async def test_a_verb_that_lets_the_loop_run_is_fine() -> None:
    await watch.unblocked(sleeps())
