"""The workflow of a renewal round: its waits are timers, a signal cuts them short, and it ends with the round."""

from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.testing import WorkflowEnvironment
from tests.workflows.fakes import Fakes

from certrail.crypto.keyring import Keyring
from certrail.domain.errors import BadInput
from certrail.domain.renewal import RenewalWait
from certrail.services.core.orchestrator import OutboxMessage
from certrail.services.lifecycle.renewal_waits import OVER, RoundStep
from certrail_workflows.client import TemporalOrchestrator
from certrail_workflows.flows.renewal import RenewalWorkflow
from certrail_workflows.messages import CORE_QUEUE, RenewalInput

ROUND = RenewalInput("lineage-1", 3)


async def test_each_wait_is_a_timer(skipping: WorkflowEnvironment, fakes: Fakes) -> None:
    began = await skipping.get_current_time()
    fakes.renewal_waits.steps = [
        RoundStep(RenewalWait.WINDOW, began + timedelta(days=2)),
        RoundStep(RenewalWait.RETRY, began + timedelta(days=2, hours=1)),
        OVER,
    ]
    async with fakes.workers(skipping.client, CORE_QUEUE):
        await skipping.client.execute_workflow(RenewalWorkflow.run, ROUND, id="r", task_queue=CORE_QUEUE)
    assert await skipping.get_current_time() - began >= timedelta(days=2, hours=1)
    assert [fakes.renewal_waits.asked.get_nowait() for _ in range(3)] == [("lineage-1", 3)] * 3


async def test_a_signal_cuts_a_wait_short(client: Client, fakes: Fakes) -> None:
    fakes.renewal_waits.steps = [RoundStep(RenewalWait.APPROVAL), OVER]
    async with fakes.workers(client, CORE_QUEUE):
        handle = await client.start_workflow(RenewalWorkflow.run, ROUND, id="signal", task_queue=CORE_QUEUE)
        await fakes.renewal_waits.asked.get()
        await handle.signal(RenewalWorkflow.changed, "approved")
        await handle.result()


async def test_a_round_whose_steps_cannot_be_taken_is_given_back(client: Client, fakes: Fakes) -> None:
    fakes.renewal_waits.steps = [BadInput("never", "lineage")]
    async with fakes.workers(client, CORE_QUEUE):
        with pytest.raises(WorkflowFailureError):
            await client.execute_workflow(RenewalWorkflow.run, ROUND, id="given-back", task_queue=CORE_QUEUE)
    assert fakes.renewal_waits.handed_back == [("lineage-1", 3)]


async def test_the_outbox_starts_a_round_once(
    address: str, client: Client, keyring: Keyring, fakes: Fakes
) -> None:
    orchestrator = TemporalOrchestrator(address=address, namespace="default", keyring=keyring)
    await orchestrator.prepare()
    start = OutboxMessage(1, "renewal", "renewal-lineage-7-2", "lineage-7", summary="Renew a.example.com")
    async with fakes.workers(client, CORE_QUEUE):
        await orchestrator.dispatch(start)
        await client.get_workflow_handle("renewal-lineage-7-2").result()
        await orchestrator.dispatch(start)
        await orchestrator.dispatch(
            OutboxMessage(2, "renewal", "renewal-lineage-7-2", "lineage-7", signal="late")
        )
    assert fakes.renewal_waits.asked.get_nowait() == ("lineage-7", 2)
    assert fakes.renewal_waits.asked.empty(), "a round that is over does not run again"
