"""How fast a batch calls a destination that refuses for rate."""

import asyncio

import pytest

from certrail_workflows.activities import pace as pacing
from certrail_workflows.activities.pace import Pace

MOST = 8


async def most_together(pace: Pace, calls: int = 40) -> int:
    """How many of these calls were under way together."""
    under_way, most = 0, 0

    async def call() -> None:
        nonlocal under_way, most
        async with pace.turn():
            under_way += 1
            most = max(most, under_way)
            for _ in range(3):
                await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(call() for _ in range(calls)))
    return most


async def test_as_many_as_allowed_are_under_way() -> None:
    assert await most_together(Pace(MOST)) == MOST


async def test_each_refusal_halves_them_down_to_one() -> None:
    pace, seen = Pace(MOST), []
    for _ in range(4):
        pace.narrow()
        seen.append(await most_together(pace))
    assert seen == [4, 2, 1, 1]


async def test_answers_widen_it_again() -> None:
    pace = Pace(MOST)
    for _ in range(3):
        pace.narrow()
    for _ in range(40):
        pace.answered()
    assert await most_together(pace) == MOST


async def test_one_at_a_time_is_spread_where_that_is_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = list[float]()
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    pace = Pace(1)
    for _ in range(20):
        pace.refused()
    monkeypatch.setattr(asyncio, "sleep", note)
    for _ in range(3):
        async with pace.turn():
            pass
    assert pauses[-1] == pytest.approx(2 * pacing.LONGEST_GAP, abs=0.1)
    for _ in range(10):
        pace.answered()
    pace._next = 0.0
    pauses.clear()
    async with pace.turn():
        pass
    assert pauses == []


async def test_refusals_in_a_row_end_it() -> None:
    pace = Pace(MOST)
    for _ in range(pacing.HOPELESS - 1):
        pace.refused()
    assert not pace.is_hopeless
    pace.answered()
    for _ in range(pacing.HOPELESS):
        assert not pace.is_hopeless
        pace.refused()
    assert pace.is_hopeless


async def test_a_caller_that_leaves_gives_its_place_to_the_next() -> None:
    pace, entered = Pace(1), asyncio.Event()

    async def call() -> None:
        async with pace.turn():
            entered.set()

    async with pace.turn():
        leaves, stays = asyncio.create_task(call()), asyncio.create_task(call())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    leaves.cancel()  # woken already, and not at its place yet
    await asyncio.wait_for(stays, 10)
    assert entered.is_set()
