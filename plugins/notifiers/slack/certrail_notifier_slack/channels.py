"""Looking around in the workspace: our channel, and messages of ours that stand there already."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from certrail_sdk import Misconfigured

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

PAGE = 200
PAGES = 10


def metadata(event_type: str, identity: str) -> dict[str, Any]:
    """What makes a message recognisable as ours."""
    return {"event_type": event_type, "event_payload": {"id": identity}}


async def find_channel(web: "AsyncWebClient", channel: str) -> dict[str, Any]:
    """What Slack knows of the configured channel, named by id or ``#name``.

    Raises:
        Misconfigured: there is no such channel among those of the app.
    """
    if not channel.startswith("#"):
        return dict((await web.conversations_info(channel=channel))["channel"])
    types = "public_channel,private_channel"
    pages = await web.users_conversations(types=types, exclude_archived=True, limit=PAGE)
    async for page in pages:
        for found in page["channels"]:
            if found["name"] == channel.removeprefix("#"):
                return dict(found)
    raise Misconfigured(
        "channel", f"the app is in no channel called {channel}; invite it there or use the id"
    )


async def find_own_message(
    web: "AsyncWebClient",
    channel_id: str,
    wanted: dict[str, Any],
    oldest: datetime | None,
) -> str | None:
    """The time stamp of our own message with this metadata, among the latest 2000 of the channel."""
    # Ids are no secrets: only the author proves that a message is ours.
    bot_id = (await web.auth_test())["bot_id"]
    pages = await web.conversations_history(
        channel=channel_id,
        include_all_metadata=True,
        limit=PAGE,
        oldest=f"{oldest.timestamp():.6f}" if oldest else None,
    )
    seen = 0
    async for page in pages:
        for message in page["messages"]:
            if message.get("bot_id") == bot_id and message.get("metadata") == wanted:
                return str(message["ts"])
        seen += 1
        if seen == PAGES:
            break
    return None
