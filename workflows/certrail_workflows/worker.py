"""Workers: one for the flows and our own database, one per plugin."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from certrail.services.dispatcher import Dispatcher
from certrail.services.facade import Services
from certrail_workflows.activities.core import CoreActivities
from certrail_workflows.activities.plugin import PluginActivities
from certrail_workflows.flows.delivery import DeliveryFlow
from certrail_workflows.flows.issuance import IssuanceFlow
from certrail_workflows.flows.notification import NotificationFlow
from certrail_workflows.flows.question import QuestionFlow
from certrail_workflows.flows.sweep import OutboxSweepFlow
from certrail_workflows.policies import CORE_QUEUE, GRACEFUL_SHUTDOWN, STICKY_TIMEOUT

FLOWS: Sequence[type[Any]] = (IssuanceFlow, DeliveryFlow, NotificationFlow, QuestionFlow, OutboxSweepFlow)
PASSED_THROUGH = (
    "certrail",
    "certrail_sdk",
    "certrail_workflows.messages",
    "certrail_workflows.policies",
    "pydantic",
)
"""What flows import besides themselves; without this each workflow would import it anew."""
THREADS = 16


def sandbox() -> SandboxedWorkflowRunner:
    """The runner that keeps flows deterministic."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(restrictions=restrictions)


def build_workers(
    client: Client, services: Services, dispatcher: Dispatcher, queues: Sequence[str]
) -> list[Worker]:
    """One worker per queue; `certrail` is the queue of the flows, the others are those of plugins."""
    core = CoreActivities(services.issuance, services.deliveries, dispatcher)
    plugin = PluginActivities(
        services.deliveries, services.notifications, services.questions, services.kernel.clock
    )
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="step")
    workers = []
    for queue in queues:
        if queue == CORE_QUEUE:
            workers.append(
                Worker(
                    client,
                    task_queue=queue,
                    workflows=FLOWS,
                    activities=[
                        core.advance_issuance,
                        core.fail_issuance,
                        core.delivery_state,
                        core.drain_outbox,
                    ],
                    activity_executor=threads,
                    workflow_runner=sandbox(),
                    sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
                    graceful_shutdown_timeout=GRACEFUL_SHUTDOWN,
                )
            )
        else:
            workers.append(
                Worker(
                    client,
                    task_queue=queue,
                    activities=[plugin.deliver, plugin.verify, plugin.notify, plugin.refresh_question],
                    graceful_shutdown_timeout=GRACEFUL_SHUTDOWN,
                )
            )
    return workers


async def run_workers(workers: Sequence[Worker]) -> None:
    """Run until cancelled; if one stops, all stop and the process ends, to be started again."""
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(worker.run())
