"""One attempt of a plugin's work: every failure is recorded before it is raised to Temporal."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from temporalio import activity

from certrail.services.core.effects import PluginCall
from certrail.services.core.failure import Failure
from certrail.services.integrations.plugin_faults import CallFault
from certrail_workflows.activities.calls import Calls, NoAnswer, engine_thread
from certrail_workflows.call_board import OpenCall
from certrail_workflows.errors import BUG_KIND, ENGINE_KIND, classify_engine, classify_plugin, fault_of
from certrail_workflows.messages import plugin_of

log = logging.getLogger(__name__)

T = TypeVar("T")
Record = Callable[[Failure], None]
ReportFault = Callable[[CallFault], None]


@dataclass(frozen=True)
class AttemptRecorder:
    """How the failures of one activity attempt are recorded and passed on.

    Attributes:
        record: writes a failure to the record; runs in a thread.
        report_fault: writes a fault of the plugin to the record; runs in a thread.
    """

    clock: Callable[[], datetime]
    record: Record
    report_fault: ReportFault

    async def engine_step(self, step: Callable[[], T]) -> T:
        """Run one transaction of our own in a thread."""
        try:
            return await engine_thread(step)
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

    async def plugin_call(
        self, calls: Calls, verb: str, call: PluginCall[T], *, attempt: int | None = None
    ) -> T:
        """Call a plugin's verb, contained. A fault of the plugin is recorded beside the failure of the call.

        Args:
            attempt: which one it is of its subject; left out, as many as of the activity.
        """
        try:
            return await self.contained_call(calls, verb, call)
        except Exception as error:
            number = attempt or activity.info().attempt
            verdict = classify_plugin(error, plugin=call.plugin, attempt=number, now=self.clock())
            _tell(verdict.failure)
            await self._write(verdict.failure)
            raise verdict.error from None

    async def contained_call(self, calls: Calls, verb: str, call: PluginCall[T]) -> T:
        """Call a plugin's verb, contained. A fault of the plugin is recorded; raises what the verb raised."""
        name, _, version = call.plugin.rpartition(" ")
        plugin = plugin_of(activity.info().task_queue)
        entered = OpenCall(plugin, version or name, verb, call.subject_id, call.generation)

        async def report(error: Exception) -> None:
            if (what := fault_of(error)) is not None:
                await self._report(CallFault(plugin, entered.version, verb, what))

        try:
            return await calls.contained(entered, call.answer(), report)
        except Exception as error:
            if not isinstance(error, NoAnswer):  # reported when its limit was reached
                await report(error)
            raise

    async def _report(self, fault: CallFault) -> None:
        try:
            await engine_thread(lambda: self.report_fault(fault))
        except Exception as error:  # the next fault is recorded; this one is in the log and in the failure
            log.error("%s; it could not be recorded: %s", fault.message, type(error).__name__)
        else:
            log.error("%s", fault.message)

    async def _write(self, failure: Failure) -> None:
        try:
            await engine_thread(lambda: self.record(failure))
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
