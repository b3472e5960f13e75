"""The workflow that validates an ACME challenge."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import WorkflowEnvironment
from tests.workflows.fakes import INSTANT, Fakes

from certrail.domain.errors import BadInput
from certrail.services.enrollment.acme.validation import ValidationAdvance
from certrail_workflows.flows.validation import ValidationWorkflow
from certrail_workflows.messages import CORE_QUEUE, ValidationInput


async def test_it_checks_until_the_challenge_is_decided(skipping: WorkflowEnvironment, fakes: Fakes) -> None:
    later = INSTANT + timedelta(days=3650)
    fakes.validation.steps = [
        ValidationAdvance("waiting", INSTANT),
        ValidationAdvance("waiting", later),
        ValidationAdvance("invalid"),
    ]
    async with fakes.workers(skipping.client):
        status = await skipping.client.execute_workflow(
            ValidationWorkflow.run, ValidationInput("challenge-1"), id="v", task_queue=CORE_QUEUE
        )
    assert (status, fakes.validation.attempts) == ("invalid", 3)
    assert await skipping.get_current_time() >= later


async def test_what_certrail_cannot_validate_fails_on_record(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    fakes.validation.steps = [BadInput("never", "challenge")]
    async with fakes.workers(skipping.client):
        with pytest.raises(WorkflowFailureError):
            await skipping.client.execute_workflow(
                ValidationWorkflow.run, ValidationInput("challenge-1"), id="v", task_queue=CORE_QUEUE
            )
    assert len(fakes.validation.reasons) == 1
