"""Children that die come back, whatever the machine says to it, and none is started while everything stops."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certrail_server.processes import supervisor
from certrail_server.processes.supervisor import Child, Supervisor

PATIENCE = 30
COUNTED = "import sys; open(sys.argv[1], 'a').write('x'); "
DIES = COUNTED
STAYS = COUNTED + "import signal; signal.pause()"
STOPS_SLOWLY = (
    "import signal, sys, time\n"
    f"signal.signal(signal.SIGTERM, lambda *_: (time.sleep({supervisor.FIRST_PAUSE * 5}), sys.exit()))\n"
    "open(sys.argv[1], 'w').close()\n"
    "signal.pause()"
)


def child(name: str, program: str, mark: Path) -> Child:
    """A child that is ready once its mark is there."""

    async def ready() -> None:
        await reached(mark.exists)

    return Child(name, (sys.executable, "-c", program, str(mark)), ready)


async def reached(condition: Callable[[], bool]) -> None:
    """Wait until something is so: processes tell it by files and logs only."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  other processes set no event of ours
            await asyncio.sleep(0.01)


def starts(mark: Path) -> int:
    """How often a counted child was started."""
    return len(mark.read_text()) if mark.exists() else 0


class Refusals:
    """Starts of processes that fail after the first ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, good: int, *errors: Exception) -> None:
        self._good, self._errors, self._start = good, list(errors), asyncio.create_subprocess_exec
        monkeypatch.setattr(asyncio, "create_subprocess_exec", self)

    async def __call__(self, *arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        self._good -= 1
        if self._good < 0 and self._errors:
            raise self._errors.pop(0)
        return await self._start(*arguments, **options)


async def test_none_is_started_while_everything_stops(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One waits to be started again while another takes its time to stop."""
    killed, slow = tmp_path / "killed", tmp_path / "slow"
    children = [child("killed", STAYS, killed), child("slow", STOPS_SLOWLY, slow)]
    kept, up = Supervisor(children, tmp_path / "state.json"), asyncio.Event()
    running = asyncio.create_task(kept.run(up.set))
    await asyncio.wait_for(up.wait(), PATIENCE)
    assert children[0].pid is not None
    os.kill(children[0].pid, signal.SIGKILL)
    await reached(lambda: "killed died (signal SIGKILL)" in caplog.text)
    kept.stop()
    await asyncio.wait_for(running, PATIENCE)
    assert starts(killed) == 1


async def test_a_stop_during_the_start_starts_nothing_more(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"

    async def never() -> None:
        kept.stop()
        await asyncio.Event().wait()

    children = [child("first", STAYS, first), child("second", STAYS, second)]
    children[0].ready = never
    kept = Supervisor(children, tmp_path / "state.json")
    await asyncio.wait_for(kept.run(), PATIENCE)
    assert children[1].pid is None


async def test_a_start_that_the_machine_refuses_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Refusals(monkeypatch, 1, BlockingIOError("no more processes"), OSError("too many open files"))
    mark = tmp_path / "mark"
    kept = Supervisor([child("dying", DIES, mark)], tmp_path / "state.json")
    running = asyncio.create_task(kept.run())
    await reached(lambda: starts(mark) >= 2 or running.done())
    kept.stop()
    await asyncio.wait_for(running, PATIENCE)
    for reason in ("no more processes", "too many open files"):
        assert f"dying cannot be started ({reason})" in caplog.text


async def test_an_error_that_nobody_foresaw_ends_everything_and_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Better than a child that nobody watches any more."""
    Refusals(monkeypatch, 1, RuntimeError("unforeseen"))
    kept = Supervisor([child("dying", DIES, tmp_path / "mark")], tmp_path / "state.json")
    with pytest.raises(RuntimeError, match="unforeseen"):
        await asyncio.wait_for(kept.run(), PATIENCE)


async def test_a_state_that_cannot_be_written_takes_no_child_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mark = tmp_path / "mark"
    kept = Supervisor([child("stays", STAYS, mark)], tmp_path / "missing" / "state.json")
    await asyncio.wait_for(kept.run(kept.stop), PATIENCE)
    assert starts(mark) == 1
    assert "state.json is out of date" in caplog.text
