"""Errors of plugins and of our own steps: what is recorded, and whether Temporal retries."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from certrail.domain.errors import AwaitsPlugin, CertrailError
from certrail.services.core.failure import Failure, place
from certrail.services.integrations.receipts import BrokenContract
from certrail_sdk import Permanent, PluginError, RateLimited, Retryable
from certrail_workflows.activities.calls import Escaped, NoAnswer
from certrail_workflows.policies import (
    BUG_ATTEMPTS,
    ENGINE_ATTEMPTS,
    LONGEST_WANTED_PAUSE,
    SHORTEST_PAUSE,
    backoff,
)

log = logging.getLogger(__name__)

BUG_KIND = "PluginBug"
ENGINE_KIND = "EngineTrouble"
NO_ANSWER_KIND = "NoAnswer"
_INFRASTRUCTURE = (OperationalError, InterfaceError, PoolTimeout, OSError)


@dataclass(frozen=True)
class Verdict:
    """One failed attempt: what is recorded, and the error for Temporal. Raise ``error`` ``from None``."""

    failure: Failure
    error: ApplicationError


def classify_plugin(error: Exception, *, plugin: str, attempt: int, now: datetime) -> Verdict:
    """Map an exception of a plugin's verb to its failure and its retry.

    ``Retryable`` waits as long as it asks for, ``Permanent`` ends the tries, anything else is a bug in the
    plugin: retried up to ``BUG_ATTEMPTS``. Of a bug only its type and source line are kept, as its text may
    hold a secret.
    """
    if isinstance(error, Retryable):
        wait = _wanted_pause(error) or backoff(attempt)
        failure = _failure(type(error).__name__, str(error), error.action, plugin)
        unwritten = isinstance(error, RateLimited) and error.nothing_written is True
        return _verdict(replace(failure, nothing_written=unwritten), now, wait)
    if isinstance(error, Permanent):
        return _verdict(_failure(type(error).__name__, str(error), error.action, plugin), now, None)
    if isinstance(error, NoAnswer):
        action = f"See whether the outside system answers; if it does, report it to the makers of {plugin}."
        failure = _failure(NO_ANSWER_KIND, f"The plugin {plugin} {error}", action, plugin)
        return _verdict(failure, now, backoff(attempt))
    return _plugin_bug(error, plugin, attempt, now)


def _wanted_pause(error: Retryable) -> timedelta | None:
    """The pause that a plugin wants; ``None``, for the growing one, where it wants none or an absurd one."""
    wanted: object = error.retry_after
    if not isinstance(wanted, timedelta) or not timedelta(0) < wanted <= LONGEST_WANTED_PAUSE:
        return None
    return max(wanted, SHORTEST_PAUSE)


def fault_of(error: Exception) -> str | None:
    """What a plugin did that is reported of the plugin, not only of the call; ``None`` for an ordinary failure."""
    if isinstance(error, NoAnswer):
        return str(error)
    if isinstance(error, Escaped):
        return f"raised {type(error.error).__name__}"
    return f"raised {type(error).__name__}" if isinstance(error, MemoryError | RecursionError) else None


def classify_engine(error: Exception, *, plugin: str, attempt: int, now: datetime) -> Verdict:
    """Map an exception of our own step around a plugin call: a refusal ends the attempts, all else is transient."""
    if isinstance(error, AwaitsPlugin):
        # Waits: nothing is wrong with what is stored, and the right plugin lets it go on by itself.
        failure = _failure(error.kind, error.detail, error.action, plugin)
        return _verdict(failure, now, backoff(attempt))
    if isinstance(error, CertrailError):
        action = "Correct what the message names, then retry by hand."
        return _verdict(_failure(error.kind, error.detail, action, plugin), now, None)
    raised = error.error if isinstance(error, Escaped) else error
    message = f"certrail could not do its part: {type(raised).__name__} at {place(raised)}"
    log.error("%s, attempt %s, for %s", message, attempt, plugin)
    action = (
        "Nothing: it is tried again by itself. If it stays, look at the database and at the worker's log."
    )
    return _verdict(_failure(ENGINE_KIND, message, action, plugin), now, backoff(attempt))


def not_yet(turn: datetime, now: datetime) -> ApplicationError:
    """The call has to wait for its rate slot; that is no failure, so nothing is recorded."""
    wait = max(turn - now, SHORTEST_PAUSE)
    return ApplicationError("not its turn yet", type="NotYet", next_retry_delay=wait)


def classify_own_step(error: Exception, *, step: str, attempt: int) -> ApplicationError:
    """Map the failure of a step that touches only our database.

    An unreachable database is waited for; anything unexpected is attempted ``ENGINE_ATTEMPTS`` times.
    """
    message = f"{step}: {type(error).__name__} at {place(error)}"
    log.error("%s, attempt %s", message, attempt)
    if isinstance(error, _INFRASTRUCTURE):
        return ApplicationError(message, type=ENGINE_KIND)
    final = isinstance(error, CertrailError) or attempt >= ENGINE_ATTEMPTS
    return ApplicationError(message, type=type(error).__name__, non_retryable=final)


def _plugin_bug(error: Exception, plugin: str, attempt: int, now: datetime) -> Verdict:
    if isinstance(error, BrokenContract):
        what = str(error)
    elif isinstance(error, PluginError):
        what = f"{type(error).__name__} does not belong here: {error}"
    else:
        raised = error.error if isinstance(error, Escaped) else error
        what = f"{type(raised).__name__} at {place(raised)}"
    message = f"The plugin {plugin} has a bug: {what}"
    log.error("%s, attempt %s of %s", message, attempt, BUG_ATTEMPTS)
    final = attempt >= BUG_ATTEMPTS
    action = f"Report it to the makers of {plugin}" + (", then retry by hand." if final else ".")
    return _verdict(_failure(BUG_KIND, message, action, plugin), now, None if final else backoff(attempt))


def _verdict(failure: Failure, now: datetime, wait: timedelta | None) -> Verdict:
    """Retry after ``wait``, or never."""
    bug = failure.kind == BUG_KIND
    failure = replace(failure, next_try_at=now + wait if wait else None, permanent=wait is None)
    error = ApplicationError(
        f"{failure.plugin}: {failure.message}",
        type=failure.kind,
        non_retryable=failure.permanent,
        next_retry_delay=wait,
        # Temporal logs a traceback of all others; for plugin errors the line of `AttemptRecorder` suffices.
        category=ApplicationErrorCategory.UNSPECIFIED if bug else ApplicationErrorCategory.BENIGN,
    )
    return Verdict(failure, error)


def _failure(kind: str, message: str, action: str, plugin: str) -> Failure:
    return Failure(kind, message, action, plugin, next_try_at=None, permanent=True)
