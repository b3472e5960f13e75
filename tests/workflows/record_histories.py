"""Records one history per way through the flows: ``python -m tests.workflows.record_histories``.

Run it after a flow was changed on purpose. Once a release is in production, a change that an old history does not
survive needs ``workflow.patched``, and the old history stays.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from tests.workflows.fakes import INSTANT, QUEUE, Fakes, task
from tests.workflows.waiting import planned

from certrail.domain.errors import BadInput
from certrail.domain.renewal import RenewalWait
from certrail.services.enrollment.acme.validation import ValidationAdvance
from certrail.services.issuance.issuance import Advance
from certrail.services.lifecycle.renewal_waits import OVER, RoundStep
from certrail_sdk import Observation, RateLimited, Unauthorized
from certrail_workflows import policies
from certrail_workflows.binaries import temporal_binary
from certrail_workflows.messages import (
    CORE_QUEUE,
    DeliveryBatchInput,
    IssuanceBatchInput,
    IssuanceInput,
    RenewalInput,
    RevocationInput,
    ValidationInput,
)

HISTORIES = Path(__file__).parent / "histories"
BATCH = IssuanceBatchInput(tuple(f"request-{number}" for number in range(100)))
DELIVERIES = DeliveryBatchInput(tuple(f"delivery-{number}" for number in range(100)), QUEUE)
Story = Callable[[Client, Fakes, str], Awaitable[None]]


async def _start(client: Client, flow: str, argument: Any, name: str) -> Any:
    signal = (
        "changed" if flow in {"DeliveryWorkflow", "CrlMirrorWorkflow", "ApprovalMessageWorkflow"} else None
    )
    return await client.start_workflow(
        flow,
        argument,
        id=name,
        task_queue=CORE_QUEUE,
        start_signal=signal,
        start_signal_args=["first"] if signal else [],
    )


async def issuance_at_once(client: Client, _fakes: Fakes, name: str) -> None:
    await (await _start(client, "IssuanceWorkflow", IssuanceInput("request-1"), name)).result()


async def issuance_with_approval(client: Client, fakes: Fakes, name: str) -> None:
    fakes.issuance.steps = [Advance("waiting", INSTANT), Advance("waiting"), Advance("issued")]
    handle = await _start(client, "IssuanceWorkflow", IssuanceInput("request-1"), name)
    for _ in range(2):
        await fakes.issuance.asked.get()
    await handle.signal("changed", "approved")
    await handle.result()


async def issuance_that_fails(client: Client, fakes: Fakes, name: str) -> None:
    fakes.issuance.steps = [Advance("failed")]
    await _failing(await _start(client, "IssuanceWorkflow", IssuanceInput("request-1"), name))


async def issuance_batch_at_once(client: Client, _fakes: Fakes, name: str) -> None:
    await (await _start(client, "IssuanceBatchWorkflow", BATCH, name)).result()


async def issuance_batch_in_chunks(client: Client, fakes: Fakes, name: str) -> None:
    fakes.issuance_batch.steps = [37, 100]
    await (await _start(client, "IssuanceBatchWorkflow", BATCH, name)).result()


async def issuance_batch_that_fails(client: Client, fakes: Fakes, name: str) -> None:
    fakes.issuance_batch.steps = [37, BadInput("never", "request")]
    await _failing(await _start(client, "IssuanceBatchWorkflow", BATCH, name))


async def revocation_with_approval(client: Client, fakes: Fakes, name: str) -> None:
    fakes.revocation.steps = [Advance("waiting", INSTANT), Advance("waiting"), Advance("revoked")]
    handle = await _start(client, "RevocationWorkflow", RevocationInput("revocation-request-1"), name)
    for _ in range(2):
        await fakes.revocation.asked.get()
    await handle.signal("changed", "approved")
    await handle.result()


async def revocation_that_fails(client: Client, fakes: Fakes, name: str) -> None:
    fakes.revocation.steps = [Advance("failed")]
    await _failing(await _start(client, "RevocationWorkflow", RevocationInput("revocation-request-1"), name))


async def validation_checked_again(client: Client, fakes: Fakes, name: str) -> None:
    fakes.validation.steps = [ValidationAdvance("waiting", INSTANT), ValidationAdvance("valid")]
    await (await _start(client, "ValidationWorkflow", ValidationInput("challenge-1"), name)).result()


async def validation_given_up(client: Client, fakes: Fakes, name: str) -> None:
    fakes.validation.steps = [BadInput("never", "challenge")]
    await _failing(await _start(client, "ValidationWorkflow", ValidationInput("challenge-1"), name))


async def renewal_that_waits(client: Client, fakes: Fakes, name: str) -> None:
    fakes.renewal_waits.steps = [
        RoundStep(RenewalWait.RATE, INSTANT),
        RoundStep(RenewalWait.APPROVAL),
        OVER,
    ]
    handle = await _start(client, "RenewalWorkflow", RenewalInput("lineage-1", 1), name)
    for _ in range(2):
        await fakes.renewal_waits.asked.get()
    await handle.signal("changed", "approved")
    await handle.result()


async def renewal_handed_back(client: Client, fakes: Fakes, name: str) -> None:
    fakes.renewal_waits.steps = [BadInput("never", "lineage")]
    await _failing(await _start(client, "RenewalWorkflow", RenewalInput("lineage-1", 1), name))


async def delivery_at_once(client: Client, _fakes: Fakes, name: str) -> None:
    await (await _start(client, "DeliveryWorkflow", task("delivery-1"), name)).result()


async def delivery_refused(client: Client, fakes: Fakes, name: str) -> None:
    fakes.deliveries.tries.script = [Unauthorized("the token was refused")]
    await (await _start(client, "DeliveryWorkflow", task("delivery-1"), name)).result()


async def delivery_superseded(client: Client, fakes: Fakes, name: str) -> None:
    fakes.deliveries.tries.script = [RateLimited("slow down", retry_after=timedelta(hours=1))]
    handle = await _start(client, "DeliveryWorkflow", task("delivery-1"), name)
    await planned(handle, 2)
    await handle.signal("changed", "first")
    fakes.deliveries.set_desired("certificate-2")
    await handle.signal("changed", "second")
    await handle.result()


async def delivery_mismatch(client: Client, fakes: Fakes, name: str) -> None:
    fakes.deliveries.observations = [Observation(present=True, fingerprint="cd")]
    await (await _start(client, "DeliveryWorkflow", task("delivery-1"), name)).result()


async def delivery_batch_at_once(client: Client, _fakes: Fakes, name: str) -> None:
    await (await _start(client, "DeliveryBatchWorkflow", DELIVERIES, name)).result()


async def delivery_batch_that_fails(client: Client, fakes: Fakes, name: str) -> None:
    fakes.delivery_batch.refusal = BadInput("never", "delivery")
    await _failing(await _start(client, "DeliveryBatchWorkflow", DELIVERIES, name))


async def notification_sent(client: Client, _fakes: Fakes, name: str) -> None:
    await (await _start(client, "NotificationWorkflow", task("notification-1"), name)).result()


async def notification_refused(client: Client, fakes: Fakes, name: str) -> None:
    fakes.notifications.tries.script = [Unauthorized("the token was refused")]
    await _failing(await _start(client, "NotificationWorkflow", task("notification-1"), name))


async def approval_message_closed(client: Client, fakes: Fakes, name: str) -> None:
    handle = await _start(client, "ApprovalMessageWorkflow", task("copy-1"), name)
    await fakes.approval_messages.tries.reached(1)
    fakes.approval_messages.status, fakes.approval_messages.closed = "approved", True
    await handle.signal("changed", "second")
    await handle.result()


async def delivery_retired(client: Client, fakes: Fakes, name: str) -> None:
    fakes.deliveries.delivered = fakes.deliveries.desired
    fakes.deliveries.status = "delivered"
    fakes.deliveries.retirements.due = ["one", "two"]
    fakes.deliveries.retirements.tries.script = [None, Unauthorized("not yours")]
    await (await _start(client, "DeliveryWorkflow", task("delivery-1"), name)).result()


async def mirror_published(client: Client, fakes: Fakes, name: str) -> None:
    fakes.mirrors.tries.script = [RateLimited("slow down", retry_after=timedelta(hours=1))]
    handle = await _start(client, "CrlMirrorWorkflow", task("copy-1"), name)
    await planned(handle, 2)
    fakes.mirrors.number = 2
    await handle.signal("changed", "second")
    await handle.result()


async def outbox_sweep(client: Client, _fakes: Fakes, name: str) -> None:
    await (await _start(client, "SweepWorkflow", "outbox", name)).result()


async def sweep(client: Client, fakes: Fakes, name: str) -> None:
    fakes.due = [3, 2]
    await (await _start(client, "SweepWorkflow", "renewals", name)).result()


STORIES: tuple[Story, ...] = (
    issuance_at_once,
    issuance_with_approval,
    issuance_that_fails,
    issuance_batch_at_once,
    issuance_batch_in_chunks,
    issuance_batch_that_fails,
    revocation_with_approval,
    revocation_that_fails,
    validation_checked_again,
    validation_given_up,
    renewal_that_waits,
    renewal_handed_back,
    delivery_at_once,
    delivery_refused,
    delivery_superseded,
    delivery_mismatch,
    delivery_retired,
    delivery_batch_at_once,
    delivery_batch_that_fails,
    mirror_published,
    notification_sent,
    notification_refused,
    approval_message_closed,
    outbox_sweep,
    sweep,
)


async def main() -> None:
    """Play every story against a real server and write down its history."""
    policies.SWEEP_EVERY = policies.SWEEP_SHIFT = timedelta(milliseconds=10)
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(temporal_binary()),
        dev_server_log_level="error",
        identity="recorder",
    ) as environment:
        for story in STORIES:
            fakes, name = Fakes(), story.__name__
            async with fakes.workers(environment.client):
                await story(environment.client, fakes, name)
            history = await environment.client.get_workflow_handle(name).fetch_history()
            text = json.dumps(_tidy(json.loads(history.to_json())), indent=1, sort_keys=True)
            (HISTORIES / f"{name}.json").write_text(text + "\n")


def _tidy(value: Any) -> Any:
    """Without what tells of the machine that recorded it."""
    if isinstance(value, Mapping):
        return {k: _tidy(v) for k, v in value.items() if k not in {"stackTrace", "identity", "workerVersion"}}
    return [_tidy(item) for item in value] if isinstance(value, list) else value


def payloads(value: Any) -> list[bytes]:
    """Every payload of a recorded history, decoded."""
    if isinstance(value, Mapping):
        own = [base64.b64decode(value["data"])] if isinstance(value.get("data"), str) else []
        return own + [found for item in value.values() for found in payloads(item)]
    return [found for item in value for found in payloads(item)] if isinstance(value, list) else []


async def _failing(handle: Any) -> None:
    try:
        await handle.result()
    except WorkflowFailureError:
        return
    raise AssertionError("the workflow should have failed")


if __name__ == "__main__":
    asyncio.run(main())
