"""Workers: one for the flows and our own steps, and one per plugin, which runs in another process."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from certrail_workflows import policies
from certrail_workflows.activities.calls import Calls
from certrail_workflows.activities.core import (
    DeliveryBatchActivities,
    IssuanceActivities,
    IssuanceBatchActivities,
    OutcomeActivities,
    RenewalActivities,
    RevocationActivities,
    SweepActivities,
)
from certrail_workflows.activities.delivery_batch import delivery_batch_activity
from certrail_workflows.activities.plugin import plugin_activities
from certrail_workflows.activities.validation import ValidationActivities
from certrail_workflows.messages import CORE_QUEUE
from certrail_workflows.registry import WORKFLOWS

if TYPE_CHECKING:
    from certrail.services.facade import Services

PASSED_THROUGH = ("certrail_workflows.messages", "certrail_workflows.policies", "typing_extensions")
"""What flows import besides themselves. Anything missing here is loaded anew for every workflow."""

Drain = Callable[[], Awaitable[int]]


@dataclass(frozen=True)
class Concurrency:
    """How much one process does at once.

    Attributes:
        workflow_tasks: at least 2, as Temporal's SDK keeps one for workflows that are in its cache.
        activities: steps of our own, and as many local ones; each takes a thread.
        plugin_calls: of each plugin.
    """

    workflow_tasks: int = policies.WORKFLOW_TASKS
    activities: int = policies.CORE_ACTIVITIES
    plugin_calls: int = policies.ACTIVITIES_PER_PLUGIN


DEFAULT_CONCURRENCY = Concurrency()


def sandbox() -> SandboxedWorkflowRunner:
    """Where flows run: nothing that would differ on replay is allowed there."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )


def core_worker(
    client: Client, services: "Services", drain: Drain, concurrency: Concurrency = DEFAULT_CONCURRENCY
) -> Worker:
    """Serves flows and the steps that touch only our own database."""
    issuance = IssuanceActivities(services.issuance)
    batch = IssuanceBatchActivities(services.issuance_batch)
    revocation = RevocationActivities(services.revocation)
    renewals = RenewalActivities(services.renewal_waits)
    validation = ValidationActivities(services.acme_validation)
    outcomes = OutcomeActivities(services.deliveries, services.effects)
    return Worker(
        client,
        task_queue=CORE_QUEUE,
        workflows=WORKFLOWS,
        activities=[
            issuance.advance_issuance,
            issuance.fail_issuance,
            batch.advance_issuance_batch,
            batch.start_own_issuances,
            DeliveryBatchActivities(services.delivery_batch).start_own_deliveries,
            revocation.advance_revocation,
            revocation.fail_revocation,
            renewals.advance_renewal,
            renewals.hand_back_renewal,
            validation.validate,
            validation.fail_validation,
            outcomes.delivery_status,
            outcomes.record_timeout,
            SweepActivities(services.sweeps, drain).sweep,
        ],
        workflow_runner=sandbox(),
        max_concurrent_workflow_tasks=concurrency.workflow_tasks,
        max_concurrent_activities=concurrency.activities,
        max_concurrent_local_activities=concurrency.activities,
        sticky_queue_schedule_to_start_timeout=policies.STICKY_TIMEOUT,
        max_heartbeat_throttle_interval=policies.HEARTBEAT_EVERY,
        graceful_shutdown_timeout=policies.GRACEFUL_SHUTDOWN,
    )


def plugin_worker(
    client: Client,
    services: "Services",
    queue: str,
    calls: Calls,
    concurrency: Concurrency = DEFAULT_CONCURRENCY,
) -> Worker:
    """Serves one plugin; a limit of its own keeps a slow plugin from taking the threads of others."""
    return Worker(
        client,
        task_queue=queue,
        activities=[
            *plugin_activities(services.effects, services.context.clock, services.plugin_faults, calls),
            delivery_batch_activity(
                services.delivery_batch, services.context.clock, services.plugin_faults, calls
            ),
        ],
        max_concurrent_activities=concurrency.plugin_calls,
        # Cancellation travels with the answers to heartbeats.
        max_heartbeat_throttle_interval=policies.HEARTBEAT_EVERY,
        graceful_shutdown_timeout=policies.GRACEFUL_SHUTDOWN,
    )


async def serve(worker: Worker, stop: asyncio.Event, threads: int = policies.CORE_ACTIVITIES) -> None:
    """Run a worker until ``stop`` is set or it dies, then let running work finish for a while."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads))
    running = asyncio.create_task(worker.run())
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        running.cancel()
        stopping.cancel()
        await asyncio.gather(running, stopping, return_exceptions=True)
    if running in done:
        running.result()
