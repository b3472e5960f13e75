"""Connections that plugins open themselves to hear answers, such as Slack's Socket Mode."""

import asyncio
import logging

from certrail.services.approvals.chat import Chat
from certrail_sdk import Forged, Interaction, Listens, Malformed, Outcome

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
RETRY_SECONDS = 5.0


class Listeners:
    """Keeps one listener per connection that wants one; what is new or changed is found within half a minute."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Look for connections until cancelled, then stop every listener."""
        try:
            while True:
                try:
                    await self.look()
                except Exception:
                    log.exception("channels that listen could not be read; trying again")
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self.stop()

    async def look(self) -> None:
        """Begin to listen where that is wanted now, and end it where it is not, or not with these credentials."""
        wanted = await asyncio.to_thread(self._chat.listeners)
        for gone in self._tasks.keys() - wanted.keys():
            self._tasks.pop(gone).cancel()
        for new in wanted.keys() - self._tasks.keys():
            self._tasks[new] = asyncio.create_task(self._listen(wanted[new].id))

    async def stop(self) -> None:
        """End every listener."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _listen(self, channel_id: str) -> None:
        while True:
            try:
                channel, notifier = await asyncio.to_thread(self._chat.open, channel_id)
                assert isinstance(notifier, Listens)

                async def answer(said: Interaction | Forged | Malformed) -> Outcome:
                    return await self._chat.received(channel, notifier, said)  # noqa: B023

                await notifier.listen(answer)
            except Exception as err:
                log.error(
                    "the listener of channel %s stopped, restarting: %s", channel_id, type(err).__name__
                )
            await asyncio.sleep(RETRY_SECONDS)
