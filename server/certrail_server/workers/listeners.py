"""Connections that plugins open themselves to receive answers, such as Slack's Socket Mode.

They are kept open in processes of plugins, so that a listener that holds its event loop, or ends its process, is
contained as any other verb is.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import timedelta

from certrail.persistence.tables import Channel
from certrail.plugins.redaction import redacted
from certrail.plugins.registry import READY, PluginRegistry
from certrail.services.approvals.chat import Chat
from certrail.services.integrations.plugin_faults import CallFault, PluginFaults
from certrail_sdk import Forged, Interaction, Listens, Malformed, Outcome
from certrail_workflows.activities.calls import Calls, Escaped, engine_thread
from certrail_workflows.call_board import OpenCall

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
RETRY_SECONDS = 5.0
VERB = "listen"
OPEN_LIMIT = timedelta(seconds=30)
"""How long a plugin may take to be built and to say whether it listens."""


class Listeners:
    """Keeps one listener per connection that wants one; what is new or changed is found within ten seconds."""

    def __init__(self, chat: Chat, plugins: PluginRegistry, faults: PluginFaults, calls: Calls) -> None:
        self._chat, self._faults, self._calls = chat, faults, calls
        self._versions = {info.key: info.version for info in plugins.all() if info.state == READY}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._keys: frozenset[str] = frozenset()
        self._changed = asyncio.Event()

    def serve(self, keys: Collection[str]) -> None:
        """Listen for exactly these plugins, by kind and name."""
        if (wanted := frozenset(keys)) != self._keys:
            self._keys = wanted
            self._changed.set()

    async def run(self) -> None:
        """Look for connections until cancelled, then stop every listener."""
        try:
            while True:
                self._changed.clear()
                try:
                    await self.look()
                except Exception as error:
                    log.error(
                        "channels that listen could not be read; trying again: %s", type(error).__name__
                    )
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._changed.wait()
        finally:
            self.stop()

    async def look(self) -> None:
        """Begin to listen where that is wanted now, and end it where it is not, or not with these credentials."""
        wanted = await self._wanted()
        for gone in self._tasks.keys() - wanted.keys():
            self._tasks.pop(gone).cancel()
        for new in wanted.keys() - self._tasks.keys():
            self._tasks[new] = asyncio.create_task(self._listen(wanted[new]))

    def stop(self) -> None:
        """End every listener, without waiting for it."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()

    async def _wanted(self) -> Mapping[str, Channel]:
        keys = self._keys
        return await engine_thread(lambda: self._chat.listeners(keys, self._opening)) if keys else {}

    def _opening(self, key: str) -> AbstractContextManager[None]:
        return self._calls.entered(self._call(key), OPEN_LIMIT)

    def _call(self, key: str, channel_id: str = "") -> OpenCall:
        return OpenCall(key, self._versions.get(key, ""), VERB, channel_id)

    async def _listen(self, found: Channel) -> None:
        call = self._call(f"notifier-{found.notifier}", found.id)
        while True:
            try:
                await self._until_it_ends(call)
            except Escaped as escaped:
                await self._report(call, f"raised {type(escaped.error).__name__}")
            except Exception as error:
                log.error(
                    "the listener of channel %s stopped, restarting: %s", found.id, type(error).__name__
                )
            await asyncio.sleep(RETRY_SECONDS)

    async def _until_it_ends(self, call: OpenCall) -> None:
        channel, notifier = await engine_thread(lambda: self._chat.open(call.subject_id))
        assert isinstance(notifier, Listens)

        async def answer(said: Interaction | Forged | Malformed) -> Outcome:
            return await self._chat.received(channel, notifier, said)

        await self._calls.endless(call, redacted(notifier, notifier.listen(answer)))

    async def _report(self, call: OpenCall, what: str) -> None:
        fault = CallFault(call.plugin, call.version, call.verb, what)
        log.error("%s", fault.message)
        try:
            await engine_thread(lambda: self._faults.record(fault))
        except Exception as error:
            log.error("a fault of a plugin is not on record: %s", type(error).__name__)
