"""Connections that plugins open themselves to hear answers, such as Slack's Socket Mode."""

import asyncio
import logging

from certrail.persistence.tables import Channel
from certrail.services.chat import Chat
from certrail_sdk import Interaction, Listens, Outcome

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
RETRY_SECONDS = 5.0


class Listeners:
    """Keeps one listener per channel that wants one; new channels are found within half a minute."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Look for channels until cancelled, then stop every listener."""
        try:
            while True:
                try:
                    channels = await asyncio.to_thread(self._chat.listeners)
                    self._follow({channel.id: channel for channel in channels})
                except Exception:
                    log.exception("channels that listen could not be read; trying again")
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _follow(self, channels: dict[str, Channel]) -> None:
        for gone in self._tasks.keys() - channels.keys():
            self._tasks.pop(gone).cancel()
        for channel_id in channels.keys() - self._tasks.keys():
            self._tasks[channel_id] = asyncio.create_task(self._listen(channel_id))

    async def _listen(self, channel_id: str) -> None:
        while True:
            try:
                channel, notifier = await asyncio.to_thread(self._chat.open, channel_id)
                assert isinstance(notifier, Listens)

                async def answer(interaction: Interaction) -> Outcome:
                    return await self._chat.answer(channel, notifier, interaction)  # noqa: B023

                await notifier.listen(answer)
            except Exception as err:
                log.error(
                    "the listener of channel %s stopped, restarting: %s", channel_id, type(err).__name__
                )
            await asyncio.sleep(RETRY_SECONDS)
