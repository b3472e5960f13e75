"""The Microsoft Teams notifier."""

from typing import Any

from certrail_notifier_teams.config import TeamsConfig
from certrail_notifier_teams.notifier import Teams
from certrail_sdk import Notifier, hookimpl

__all__ = ["Teams", "TeamsConfig"]


@hookimpl
def certrail_notifiers() -> list[type[Notifier[Any]]]:
    """The notifiers of this distribution."""
    return [Teams]
