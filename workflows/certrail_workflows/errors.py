"""The one mapping from what a plugin raised to what Temporal and the database are told."""

import traceback
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from temporalio.exceptions import ApplicationError

from certrail.services.failure import Failure
from certrail_sdk import Permanent, PluginError, Retryable
from certrail_workflows.policies import PLUGIN_BUG_ATTEMPTS, backoff


@dataclass(frozen=True)
class Verdict:
    """A failed try, for the database and for Temporal. Both name the same next moment."""

    failure: Failure
    error: ApplicationError


def judge(err: Exception, plugin: str, attempt: int, now: datetime) -> Verdict:
    """Decide what a failed try means.

    Plugin errors carry messages made for people. Any other exception is a bug of the plugin: its text
    might hold a secret, so only its type and place are kept.
    """
    if isinstance(err, PluginError):
        permanent = not isinstance(err, Retryable) if isinstance(err, Permanent | Retryable) else False
        kind, message, action = type(err).__name__, str(err), err.action
    else:
        permanent = attempt >= PLUGIN_BUG_ATTEMPTS
        kind, message = "PluginBug", f"{type(err).__name__} at {_place(err)}"
        action = f"Report this to the makers of {plugin}."
    pause = None if permanent else _pause(err, attempt)
    failure = Failure(
        kind=kind,
        message=message,
        action=action,
        plugin=plugin,
        next_try_at=now + pause if pause else None,
        permanent=permanent,
    )
    error = ApplicationError(message, type=kind, non_retryable=permanent, next_retry_delay=pause)
    return Verdict(failure, error)


def _pause(err: Exception, attempt: int) -> timedelta:
    asked = err.retry_after if isinstance(err, Retryable) else None
    return asked if asked is not None else backoff(attempt)


def _place(err: Exception) -> str:
    frames = traceback.extract_tb(err.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
