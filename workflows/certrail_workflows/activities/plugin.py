"""Plugin verbs as activities, on the plugin's own task queue: one body for all of them.

A verb is a `PluginStep`: begin in one transaction, the plugin's call outside of any, complete or fail in another one.
A failure is committed before Temporal hears of it, so that the record never knows less than a workflow.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from certrail.domain.rate_limits import RateSlot
from certrail.services.core.effects import PluginCall, PluginStep
from certrail.services.core.failure import Failure
from certrail_workflows import messages
from certrail_workflows.activities.attempts import AttemptRecorder
from certrail_workflows.activities.calls import Calls
from certrail_workflows.activities.running import run_with_heartbeat
from certrail_workflows.errors import not_yet

if TYPE_CHECKING:
    from certrail.services.facade import Effects
    from certrail.services.integrations.plugin_faults import PluginFaults

Clock = Callable[[], datetime]
PluginActivity = Callable[[str], Awaitable[Any]]

_ONE_BY_ONE = frozenset({messages.REMOVE})
"""Verbs whose subject has several calls, each with its own outcome: one that fails does not hold up the others."""
_ANSWERS: Mapping[str, Callable[[Any], Any]] = {
    # Without a call there is nothing to be said: what is delivered already is looked at by a verb of its own.
    messages.DELIVER: lambda outcome: messages.Deployed(*(outcome or ())),
    messages.VERIFY: messages.ReadBack,
    messages.REFRESH_APPROVAL_MESSAGE: messages.Refreshed,
}
"""Result types of the verbs whose result the workflow needs."""


def plugin_activities(
    effects: "Effects", clock: Clock, faults: "PluginFaults", calls: Calls
) -> Sequence[PluginActivity]:
    """One activity per verb, named by it."""
    return [plugin_activity(step, clock, faults, calls) for step in effects.all()]


def plugin_activity(step: PluginStep, clock: Clock, faults: "PluginFaults", calls: Calls) -> PluginActivity:
    """The activity of one verb. Its argument is the id of the verb's subject."""
    runner = _Runner(step, clock, faults, calls)
    run = runner.run_each if step.verb in _ONE_BY_ONE else runner.run

    @activity.defn(name=step.verb)
    async def plugin_step(subject_id: str) -> Any:
        outcome = await run_with_heartbeat(run(subject_id))
        answer = _ANSWERS.get(step.verb)
        return answer(outcome) if answer else None

    return plugin_step


class _Runner:
    """Makes the calls of one verb."""

    def __init__(self, step: PluginStep, clock: Clock, faults: "PluginFaults", calls: Calls) -> None:
        self._step = step
        self._clock = clock
        self._faults = faults
        self._calls = calls

    async def run(self, subject_id: str) -> Any:
        """Make the one call of a subject, if there is something to do."""
        call = await self._begin(subject_id, ())
        if call is None:
            return await self._beginning(subject_id).engine_step(lambda: self._step.result(subject_id))
        if isinstance(call, RateSlot):
            raise not_yet(call.at, self._clock())
        return await self._make(call)

    async def run_each(self, subject_id: str) -> None:
        """Make every due call of a subject; raises the failure that is to be retried first."""
        tried, again = list[str](), list[ApplicationError]()
        while call := await self._begin(subject_id, tuple(tried)):
            if isinstance(call, RateSlot):
                again.append(not_yet(call.at, self._clock()))
                break
            tried.append(call.subject_id)
            try:
                await self._make(call)
            except ApplicationError as failed:
                # A permanent failure is recorded, and rests until a person has acted.
                if not failed.non_retryable:
                    again.append(failed)
        if again:
            raise min(again, key=lambda failed: failed.next_retry_delay or timedelta.max)

    async def _begin(self, subject_id: str, tried: Sequence[str]) -> PluginCall[Any] | RateSlot | None:
        attempt = activity.info().attempt
        return await self._beginning(subject_id).engine_step(
            lambda: self._step.begin(subject_id, attempt, tried)
        )

    async def _make(self, call: PluginCall[Any]) -> Any:
        recorder = self._recorder(lambda failure: self._step.fail(call.subject_id, failure, call.generation))
        answer = await recorder.plugin_call(self._calls, self._step.verb, call)
        reading = self._step.read_back(call, answer)
        if reading is not None:
            try:
                call = await self._read_back(recorder, call, reading)
            except asyncio.CancelledError:
                # It was deployed, and that has to be on record before this attempt ends.
                await recorder.engine_step(lambda: self._step.complete(call, answer))
                raise
        return await recorder.engine_step(lambda: self._step.complete(call, answer))

    async def _read_back(
        self, recorder: AttemptRecorder, call: PluginCall[Any], reading: PluginCall[Any]
    ) -> PluginCall[Any]:
        """The call with what was seen. A fault of the plugin is recorded, any other failure is left to `VERIFY`."""
        made: Any = call
        try:
            return replace(made, seen=await recorder.contained_call(self._calls, messages.VERIFY, reading))
        except Exception:
            return call

    def _beginning(self, subject_id: str) -> AttemptRecorder:
        return self._recorder(lambda failure: self._step.fail_to_begin(subject_id, failure))

    def _recorder(self, record: Callable[[Failure], None]) -> AttemptRecorder:
        return AttemptRecorder(self._clock, record, self._faults.record)
