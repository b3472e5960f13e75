"""Signals, waits and how they are shown: what workflows have in common."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from certrail_workflows import policies


class ChangeSignals:
    """Takes the signal ``changed`` with a reference. A repeated one is ignored: an outbox row may be sent twice."""

    def __init__(self) -> None:
        self._seen: list[str] = []
        self._changed = False

    @workflow.signal
    def changed(self, reference: str) -> None:
        """The desired state, or what the workflow waits for, changed."""
        if reference not in self._seen:
            self._remember([reference])
            self._changed = True

    @property
    def seen(self) -> tuple[str, ...]:
        """References to hand to the next run of the same workflow."""
        return tuple(self._seen)

    def _remember(self, references: Iterable[str]) -> None:
        self._seen = [*self._seen, *references][-policies.SEEN_LIMIT :]

    async def _pause(self, longest: timedelta | None, reason: str) -> None:
        """Wait for a signal or a timer; shown meanwhile as the workflow's current details."""
        until = f", at the latest until {workflow.now() + longest:%Y-%m-%d %H:%M:%S} UTC" if longest else ""
        workflow.set_current_details(f"{reason}{until}.")
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(lambda: self._changed, timeout=longest)
        workflow.set_current_details("")

    async def _unless_changed(self, activity: workflow.ActivityHandle[Any], doing: str) -> Any:
        """The activity's result; a signal cancels it, even in the wait between two attempts."""
        workflow.set_current_details(f"{doing}.")
        await workflow.wait_condition(lambda: self._changed or activity.done())
        if not activity.done():
            activity.cancel()
        return await activity


def time_until(wake_at: datetime | None) -> timedelta | None:
    """How long to wait; at least `SHORTEST_PAUSE`, so that a clock skew does not make a workflow spin."""
    return max(wake_at - workflow.now(), policies.SHORTEST_PAUSE) if wake_at else None


def is_recorded(error: ActivityError) -> bool:
    """Whether the activity has recorded a permanent failure itself."""
    return isinstance(error.cause, ApplicationError) and error.cause.non_retryable
