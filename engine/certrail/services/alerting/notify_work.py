"""The work of one try to send a message."""

from dataclasses import dataclass
from typing import Any

from certrail_sdk import Notification, Notifier


@dataclass(frozen=True)
class NotifyWork:
    """Which plugin object gets which notification."""

    notification_id: str
    notifier: Notifier[Any]
    notification: Notification
    plugin: str
