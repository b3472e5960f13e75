"""The workers of one process of plugins, one per task queue; queues come and go while it runs."""

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

from temporalio.client import Client
from temporalio.worker import Worker

from certrail_workflows.activities.calls import Calls
from certrail_workflows.worker import DEFAULT_CONCURRENCY, Concurrency, plugin_worker

if TYPE_CHECKING:
    from certrail.services.facade import Services


class PluginWorkers:
    """Serves the queues that it is given, and waits for running calls of those that it is no longer given."""

    def __init__(
        self, services: "Services", calls: Calls, concurrency: Concurrency = DEFAULT_CONCURRENCY
    ) -> None:
        self._services, self._calls, self._concurrency = services, calls, concurrency
        self._running: dict[str, tuple[Worker, asyncio.Task[None]]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def serve(self, client: Client, queues: Collection[str]) -> None:
        """Serve exactly these queues. Raises what ended a worker by itself."""
        for _, running in self._running.values():
            if running.done():
                running.result()
                raise RuntimeError("a worker ended by itself")
        for queue in self._running.keys() - set(queues):
            worker, _ = self._running.pop(queue)
            self._ending.add(task := asyncio.create_task(worker.shutdown()))
            task.add_done_callback(self._ending.discard)
        for queue in set(queues) - self._running.keys():
            worker = plugin_worker(client, self._services, queue, self._calls, self._concurrency)
            self._running[queue] = worker, asyncio.create_task(worker.run())

    async def shutdown(self) -> None:
        """Let running calls finish for a while, then cancel them."""
        ending = [worker.shutdown() for worker, _ in self._running.values()]
        await asyncio.gather(*ending, *self._ending, return_exceptions=True)
