"""The notifier: one Adaptive Card per message, posted to a Power Automate workflow."""

from datetime import UTC, datetime

from certrail_notifier_teams.card import encode
from certrail_notifier_teams.config import TeamsConfig
from certrail_sdk import Notification, Notifier, Sent
from certrail_sdk.http import post


class Teams(Notifier[TeamsConfig]):
    """Posts messages as Adaptive Cards."""

    name = "teams"
    title = "Microsoft Teams"
    connection_type = "teams"

    async def check(self) -> None:
        """Post a card that says that this channel works: a workflow has no other way to be tried."""
        words = {"title": "certrail can post here", "summary": "This was a test of the channel."}
        await self.send(
            Notification(id="check", event_type="channel.checked", occurred_at=datetime.now(UTC), **words)
        )

    async def send(self, notification: Notification) -> Sent:
        headers = {"Content-Type": "application/json", "Connection": "close"}
        await post(self.config.endpoint, encode(notification), headers)
        return Sent(reference=notification.id)
