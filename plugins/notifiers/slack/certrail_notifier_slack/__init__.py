"""The Slack notifier."""

from typing import Any

from certrail_notifier_slack.config import SlackConfig
from certrail_notifier_slack.slack import Slack
from certrail_sdk import Notifier, hookimpl

__all__ = ["Slack", "SlackConfig"]


@hookimpl
def certrail_notifiers() -> list[type[Notifier[Any]]]:
    """The notifiers of this distribution."""
    return [Slack]
