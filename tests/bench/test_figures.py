"""Figures, goals and the load loop of the benchmarks, without anything that is measured."""

import asyncio
from pathlib import Path

import pytest
from bench.__main__ import arguments
from bench.catalog import BENCHMARKS
from bench.harness.figures import Figure, Goal, Series, at_least, at_most, none, percentile, ratio
from bench.harness.load import MOST_REQUESTS, closed_loop
from bench.harness.results import Result, read, write
from bench.harness.run import Run, Size


def figure(goal: Goal | None, *values: float) -> Figure:
    return Figure("what", "SQLite", values, goal)


def test_a_ratio_is_that_of_each_round() -> None:
    made = ratio("x", "SQLite", Series("a", "/s", [10, 30, 80]), Series("b", "/s", [10, 10, 20]))
    assert made.values == [1, 3, 4]
    assert made.value == 3
    assert made.spread == (1, 4)


@pytest.mark.parametrize(
    ("goal", "value", "reached", "share"),
    [
        (at_least(1.2), 1.2, True, 1),
        (at_least(1.2), 0.6, False, 0.5),
        (at_most(1.5), 1.5, True, 1),
        (at_most(1.5), 3, False, 0.5),
        (at_most(1.5), 0.75, True, 2),
    ],
)
def test_a_goal_has_a_side(goal: Goal, value: float, reached: bool, share: float) -> None:
    assert figure(goal, value).is_reached is reached
    assert goal.share(value) == pytest.approx(share)


def test_only_a_goal_that_is_kept_fails() -> None:
    assert not figure(at_most(1), 2).fails(quick=False)
    assert figure(at_most(1), 2).verdict == "missed"
    kept = figure(at_most(1, kept=True), 2)
    assert kept.fails(quick=False)
    assert not kept.fails(quick=True), "a small run says little of a ratio"
    assert figure(none(), 1).fails(quick=True), "but what must not happen must not"
    assert not figure(None, 2).fails(quick=False)


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, share) for share in (50, 99, 100)] == [50, 99, 100]
    assert percentile([7.0], 50) == 7


def test_the_load_is_bounded_in_number_and_at_once() -> None:
    running, most, done = 0, 0, list[int]()

    async def job(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done.append(number)

    load = asyncio.run(closed_loop(job, 20, 4))
    assert (sorted(done), most, len(load.each)) == ([*range(20)], 4, 20)
    with pytest.raises(AssertionError):
        asyncio.run(closed_loop(job, MOST_REQUESTS + 1, 4))


def test_the_load_begins_nothing_after_its_time() -> None:
    begun = list[int]()

    async def job(number: int) -> None:
        begun.append(number)

    load = asyncio.run(closed_loop(job, 20, 2, most_seconds=-1))
    assert not begun
    assert not load.each


def test_sides_are_measured_by_turns() -> None:
    run, order = Run(Size.DEFAULT), list[str]()
    found = run.interleaved("x", {name: lambda name=name: order.append(name) for name in "AB"})  # type: ignore[misc]
    run.close()
    assert order == ["A", "B"] * 3
    assert {name: len(values) for name, values in found.items()} == {"A": 3, "B": 3}


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = ratio("x", "SQLite", Series("a", "/s", [1.0]), Series("b", "/s", [2.0]), at_least(1, kept=True))
    result = Result("idle", Size.QUICK, 3, {"date": "today"}, {"rounds": 1}, [made])
    write(result, tmp_path)
    assert [found.figures[0].goal for found in read(tmp_path)] == [made.goal]
    assert read(tmp_path)[0].figures[0].values == [0.5]


def test_the_command_knows_its_benchmarks() -> None:
    assert arguments(["idle", "--quick"]).size is Size.QUICK
    assert arguments([]).names == []
    with pytest.raises(SystemExit):
        arguments(["nonsense"])
    assert len(BENCHMARKS) == len(set(BENCHMARKS))
