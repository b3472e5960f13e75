"""One attempt of a plugin's work: every failure is recorded before it is raised to Temporal."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from temporalio import activity

from certrail.services.core.failure import Failure
from certrail_workflows.errors import BUG_KIND, ENGINE_KIND, classify_engine, classify_plugin
from certrail_workflows.messages import plugin_of

log = logging.getLogger(__name__)

T = TypeVar("T")
Record = Callable[[Failure], None]


@dataclass(frozen=True)
class AttemptRecorder:
    """How the failures of one activity attempt are recorded and passed on.

    Attributes:
        record: writes a failure to the record; runs in a thread.
    """

    clock: Callable[[], datetime]
    record: Record

    async def engine_step(self, step: Callable[[], T]) -> T:
        """Run one transaction of our own in a thread."""
        try:
            return await asyncio.to_thread(step)
        except Exception as error:
            info = activity.info()
            verdict = classify_engine(
                error, plugin=plugin_of(info.task_queue), attempt=info.attempt, now=self.clock()
            )
            _tell(verdict.failure)
            # The database may be what fails; unless this was the last attempt, a later one records it.
            with suppress(*(() if verdict.failure.permanent else (Exception,))):
                await self._write(verdict.failure)
            raise verdict.error from None

    @asynccontextmanager
    async def plugin_call(self, plugin: str) -> AsyncIterator[None]:
        """Around a plugin's verb. ``plugin`` is its name and version."""
        try:
            yield
        except Exception as error:
            attempt = activity.info().attempt
            verdict = classify_plugin(error, plugin=plugin, attempt=attempt, now=self.clock())
            _tell(verdict.failure)
            await self._write(verdict.failure)
            raise verdict.error from None

    async def _write(self, failure: Failure) -> None:
        try:
            await asyncio.to_thread(self.record, failure)
        except Exception as error:
            verdict = classify_engine(
                error, plugin=failure.plugin, attempt=activity.info().attempt, now=self.clock()
            )
            raise verdict.error from None


def _tell(failure: Failure) -> None:
    """What, where, why and what next, in one line; bugs and our own failures are logged in `errors`."""
    if failure.kind in (BUG_KIND, ENGINE_KIND):
        return
    info = activity.info()
    then = f"next try at {failure.next_try_at:%H:%M:%S}" if failure.next_try_at else "no further try"
    log.warning(
        "%s: %s (%s in %s, try %s; %s). %s",
        *(
            failure.plugin,
            " ".join(failure.message.split()),
            info.activity_type,
            info.workflow_id,
            info.attempt,
            then,
        ),
        failure.action,
    )
