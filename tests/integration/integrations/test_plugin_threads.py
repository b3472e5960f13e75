"""A plugin that holds its thread, leaves it or ends it does neither hold up nor end the process that calls it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.integration.conftest import Team

from certrail.domain.errors import BadInput, Busy, PluginFailed
from certrail.services.integrations import plugin_threads
from certrail.services.integrations.plugin_threads import PluginThreads
from certrail_destination_files import Files, FilesConfig
from certrail_sdk import Retryable

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

KEY = "destination-files"
SOON = timedelta(seconds=0.2)


class Checked(Files):
    """Does in its check what a test says."""

    def __init__(self, check: Callable[[], Awaitable[None]]) -> None:
        super().__init__(
            FilesConfig.parse({"root": "/tmp", "format": "pkcs12", "password": "hunter2-hunter2"})
        )
        self._does = check

    async def check(self) -> None:
        await self._does()


async def checked(team: Team, check: Callable[[], Awaitable[None]], limit: timedelta = SOON) -> None:
    async with team.services.plugin_threads.built("one", lambda: Checked(check)) as held:
        await held.call("check", held.plugin.check, limit)


def faults(team: Team) -> list[str]:
    return [f"{row.verb}: {row.what}" for row in team.services.plugin_faults.all().values()]


async def test_a_loop_that_is_held_holds_nobody_else(team: Team) -> None:
    release, turns = threading.Event(), 0

    async def hold() -> None:
        release.wait(60)

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    turning = asyncio.create_task(turn())
    with pytest.raises(PluginFailed, match="gave no answer within"):
        await checked(team, hold)
    turning.cancel()
    assert turns > 100, "the loop of the caller turned all the time"
    assert faults(team) == ["check: gave no answer within 0 s"]
    release.set()


async def test_waiting_for_ever_is_cancelled(team: Team) -> None:
    cancelled = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(PluginFailed, match="gave no answer"):
        await checked(team, wait)
    assert await asyncio.to_thread(cancelled.wait, 30)


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        asyncio.CancelledError(),
        BaseExceptionGroup("g", [SystemExit()]),
    ],
)
async def test_what_ends_a_process_is_a_fault(team: Team, error: BaseException) -> None:
    async def end() -> None:
        raise error

    with pytest.raises(PluginFailed, match=f"has a bug: {type(error).__name__} at test_plugin_threads.py"):
        await checked(team, end, timedelta(seconds=30))
    assert faults(team) == [f"check: raised {type(error).__name__}"]


async def test_a_bug_is_named_without_its_text(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    async def bug() -> None:
        raise ValueError("hunter2-hunter2")

    with pytest.raises(PluginFailed, match="ValueError at") as raised:
        await checked(team, bug, timedelta(seconds=30))
    assert "hunter2" not in raised.value.detail + caplog.text
    assert "ValueError at test_plugin_threads.py" in caplog.text


async def test_what_a_plugin_may_raise_comes_with_its_secrets_masked(team: Team) -> None:
    async def refused() -> None:
        raise Retryable("401 for hunter2-hunter2")

    with pytest.raises(Retryable, match=r"401 for \*+$"):
        await checked(team, refused, timedelta(seconds=30))


async def test_the_constructor_runs_there_too(team: Team) -> None:
    def refuse() -> Checked:
        raise BadInput("wrong", "root")

    def leave() -> Checked:
        raise SystemExit

    async def build(make: Callable[[], Checked]) -> Any:
        async with team.services.plugin_threads.built("one", make) as held:
            return held

    with pytest.raises(BadInput):
        await build(refuse)
    with pytest.raises(PluginFailed, match="SystemExit"):
        await build(leave)


async def test_threads_that_are_left_behind_are_bounded(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_threads, "MOST_LEFT_BEHIND", 2)
    threads, release = PluginThreads(team.services.context, team.services.plugin_faults), threading.Event()

    async def hold() -> None:
        release.wait(60)

    async def check(key: str, does: Callable[[], Awaitable[None]]) -> None:
        async with threads.built(key, lambda: Checked(does)) as held:
            await held.call("check", held.plugin.check, SOON)

    async def well() -> None:
        pass

    for _ in range(2):
        with pytest.raises(PluginFailed):
            await check(KEY, hold)
    with pytest.raises(Busy, match="2 plugin calls for destination-files"):
        await check(KEY, well)
    await check("another", well)
    release.set()
    for thread in threading.enumerate():
        if thread.name == f"plugin {KEY}":
            await asyncio.to_thread(thread.join, 30)
    await check(KEY, well)


async def test_many_calls_at_once_are_all_answered(team: Team) -> None:
    """As when a whole team clicks in one channel: only what is left behind is bounded."""
    meeting = threading.Barrier(20)

    async def meet() -> None:
        await asyncio.to_thread(meeting.wait, 30)

    await asyncio.gather(*(checked(team, meet, timedelta(seconds=60)) for _ in range(20)))
