"""Measures the floor: workflows with one activity, and updates that do nothing."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from temporalio.client import Client, WorkflowUpdateStage

from bench.floor.flows import QUEUE, NoOpUpdates, OneActivity
from bench.harness.load import Load, closed_loop
from bench.harness.run import Run


@dataclass
class Floor:
    """Its worker runs beside that of certrail, and is idle while certrail is measured."""

    run: Run
    client: Client

    def one_activity(self, count: int, at_once: int) -> Load:
        """Start workflows and wait for each, so many at once."""
        prefix = f"floor-{uuid.uuid4().hex}"

        async def job(number: int) -> None:
            await self.client.execute_workflow(
                OneActivity.run, number, id=f"{prefix}-{number}", task_queue=QUEUE
            )

        return self.run.wait(closed_loop(job, count, at_once))

    def no_op_updates(self, count: int) -> Load:
        """Update one workflow, one update after the other, each until it is accepted."""
        return self.run.wait(self._no_op_updates(count))

    async def _no_op_updates(self, count: int) -> Load:
        workflow = await self.client.start_workflow(
            NoOpUpdates.run, id=f"floor-{uuid.uuid4().hex}", task_queue=QUEUE
        )
        await workflow.execute_update(
            NoOpUpdates.nothing
        )  # the workflow is in the worker's cache from here on

        async def job(_number: int) -> None:
            await workflow.start_update(NoOpUpdates.nothing, wait_for_stage=WorkflowUpdateStage.ACCEPTED)

        load = await closed_loop(job, count, 1)
        await workflow.signal(NoOpUpdates.end)
        await workflow.result()
        return load


@contextmanager
def floor(run: Run, address: str, namespace: str, url: str) -> Iterator[Floor]:
    """Start its worker and wait until it serves.

    Args:
        url: of a database of its own, of the kind that certrail has in this run.
    """
    command = [sys.executable, "-m", "bench.floor.worker", address, namespace, url]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        if worker.stdout.readline().strip() != "ready":
            raise RuntimeError("the worker of the floor did not start; its error is above")
        yield Floor(run, run.wait(_connected(address, namespace)))
    finally:
        worker.stdin.close()
        try:
            worker.wait(30)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


async def _connected(address: str, namespace: str) -> Client:
    return await Client.connect(address, namespace=namespace)
