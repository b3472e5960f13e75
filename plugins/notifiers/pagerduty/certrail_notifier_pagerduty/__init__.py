"""The PagerDuty notifier."""

from typing import Any

from certrail_notifier_pagerduty.config import PagerDutyConfig
from certrail_notifier_pagerduty.notifier import PagerDuty
from certrail_sdk import Notifier, hookimpl

__all__ = ["PagerDuty", "PagerDutyConfig"]


@hookimpl
def certrail_notifiers() -> list[type[Notifier[Any]]]:
    """The notifiers of this distribution."""
    return [PagerDuty]
