"""Checks of ACME challenges, over the network."""

from typing import TYPE_CHECKING

from temporalio import activity

from certrail.services.enrollment.validation.outcome import Probe
from certrail_workflows import messages
from certrail_workflows.activities.core import own_step
from certrail_workflows.messages import ValidationFailure, ValidationStep

if TYPE_CHECKING:
    from certrail.services.enrollment.acme.validation import AcmeValidation


class ValidationActivities:
    """One check is an activity; between two of them the workflow waits."""

    def __init__(self, validation: "AcmeValidation") -> None:
        self._validation = validation

    @activity.defn(name=messages.VALIDATE)
    async def validate(self, challenge_id: str) -> ValidationStep:
        """Check once and record how it ended; where there is nothing to check now, say so."""
        step = await own_step(lambda: self._validation.begin(challenge_id))
        if isinstance(step, Probe):
            # No transaction is open meanwhile. A worker that dies here checks again.
            outcome = await self._validation.check(step)
            step = await own_step(lambda: self._validation.record(challenge_id, outcome))
        return ValidationStep(step.status, step.wake_at)

    @activity.defn(name=messages.FAIL_VALIDATION)
    async def fail_validation(self, failure: ValidationFailure) -> None:
        """Record that certrail gave up on a challenge."""
        await own_step(lambda: self._validation.fail(failure.challenge_id, failure.reason))
