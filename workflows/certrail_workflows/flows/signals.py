"""What flows that hear of changes have in common."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from certrail_workflows import policies


class ChangeSignals:
    """Hears ``changed`` with a reference; one that was heard before counts for nothing."""

    def __init__(self) -> None:
        self._heard: list[str] = []
        self._changed = False

    @workflow.signal
    def changed(self, reference: str) -> None:
        """Something new is in the record."""
        if reference not in self._heard:
            self._remember([reference])
            self._changed = True

    @property
    def seen(self) -> tuple[str, ...]:
        """References to hand to the next run of the same workflow."""
        return tuple(self._heard)

    def _remember(self, references: Iterable[str]) -> None:
        self._heard = [*self._heard, *references][-policies.HEARD_LIMIT :]

    async def _pause(self, longest: timedelta | None) -> None:
        """Wait for news, or until the time is over."""
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(lambda: self._changed, timeout=longest)

    async def _unless_changed(self, activity: workflow.ActivityHandle[Any]) -> Any:
        """The activity's result; news cut it short, even in the wait between two tries."""
        await workflow.wait_condition(lambda: self._changed or activity.done())
        if not activity.done():
            activity.cancel()
        return await activity


def is_recorded(error: ActivityError) -> bool:
    """Whether the activity wrote down by itself that it has failed for good."""
    return isinstance(error.cause, ApplicationError) and error.cause.non_retryable
