"""The Apprise notifier."""

from typing import Any

from certrail_notifier_apprise.config import AppriseConfig
from certrail_notifier_apprise.notifier import AppriseNotifier
from certrail_sdk import Notifier, hookimpl

__all__ = ["AppriseConfig", "AppriseNotifier"]


@hookimpl
def certrail_notifiers() -> list[type[Notifier[Any]]]:
    """The notifiers of this distribution."""
    return [AppriseNotifier]
