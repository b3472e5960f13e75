"""The e-mail notifier."""

from typing import Any

from certrail_notifier_email.config import EmailConfig
from certrail_notifier_email.notifier import Email
from certrail_sdk import Notifier, hookimpl

__all__ = ["Email", "EmailConfig"]


@hookimpl
def certrail_notifiers() -> list[type[Notifier[Any]]]:
    """The notifiers of this distribution."""
    return [Email]
