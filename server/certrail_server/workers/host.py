"""A process of plugins: it serves their task queues, all but those of quarantined plugins."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from certrail.services.core.failure import Failure
from certrail.services.integrations.plugin_faults import CallFault
from certrail_server.bootstrap import App
from certrail_server.workers.listeners import Listeners
from certrail_server.workers.observers import Observers
from certrail_server.workers.status import Status
from certrail_workflows.activities.calls import Calls, engine_thread
from certrail_workflows.errors import BUG_KIND
from certrail_workflows.messages import plugin_of, plugin_queue
from certrail_workflows.plugin_workers import PluginWorkers

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the record is read for plugins that are quarantined or released."""


class Host:
    """The workers of one process.

    Args:
        queues: that it may serve.
        quarantine: it is the process of one quarantined plugin, so that the record does not matter.
    """

    def __init__(
        self, app: App, status: Status, calls: Calls, queues: Collection[str], *, quarantine: bool
    ) -> None:
        self._app, self._status = app, status
        self._queues, self._quarantine = queues, quarantine
        self._workers = PluginWorkers(app.services, calls, app.concurrency)
        self._observers = Observers(app.services.event_feed, app.services.plugin_faults, calls)
        self._listeners = Listeners(app.services.chat, app.context.plugins, app.services.plugin_faults, calls)

    async def record(self, reports: Sequence[dict[str, Any]], stop: asyncio.Event) -> None:
        """Record what ended the process before this one, before any plugin is called again."""
        left = list(reports)
        while left and not stop.is_set():
            try:
                await engine_thread(lambda: self._record(left[0]))
            except Exception as error:
                log.error(
                    "the fault of %s cannot be recorded yet: %s", left[0]["plugin"], type(error).__name__
                )
                await _within(stop, LOOK_SECONDS)
            else:
                left.pop(0)

    def _record(self, report: dict[str, Any]) -> None:
        fault = CallFault(
            report["plugin"],
            report["version"],
            report["verb"],
            report["what"],
            harmful=True,
            suspect=report["suspect"],
        )
        self._app.services.plugin_faults.record(fault)
        log.error("%s", fault.message)
        step = next((s for s in self._app.services.effects.all() if s.verb == fault.verb), None)
        if fault.suspect or step is None or not report["subject_id"]:
            return
        failure = Failure(
            kind=BUG_KIND,
            message=f"The plugin {fault.plugin} {fault.version} has a bug: it {fault.what}",
            action=f"Report it to the makers of {fault.plugin} {fault.version}; it is tried again by itself.",
            plugin=f"{fault.plugin} {fault.version}",
            next_try_at=None,
            permanent=False,
        )
        step.fail(report["subject_id"], failure, report["generation"])

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until stopped. Raises what ended a worker."""
        ready = False
        listening = asyncio.create_task(self._listeners.run())
        try:
            while not stop.is_set():
                serves = await self._reconcile()
                if serves and not ready:
                    self._status.send(ready=True)
                ready = ready or serves
                await _within(stop, LOOK_SECONDS)
        finally:
            self._observers.stop()
            listening.cancel()
            await self._workers.shutdown()

    async def _reconcile(self) -> bool:
        """Serve every queue that is to be served here now; `False` when that cannot be found out."""
        try:
            quarantined = await engine_thread(self._quarantined)
        except Exception as error:
            log.error("the record of quarantined plugins cannot be read: %s", type(error).__name__)
            return False
        client = await self._app.orchestrator.client()
        queues = [queue for queue in self._queues if plugin_of(queue) not in quarantined]
        keys = {plugin_of(queue) for queue in queues}
        self._workers.serve(client, queues)
        self._listeners.serve(keys)
        self._observers.serve([one for one in self._app.context.plugins.observers() if one.key in keys])
        if not self._quarantine:
            # Sent every time, as the parent may have missed it; it runs a process for each of them.
            here = [key for key in quarantined if plugin_queue(key) in self._queues]
            self._status.send(quarantined=sorted(here))
        return True

    def _quarantined(self) -> frozenset[str]:
        return frozenset() if self._quarantine else self._app.services.plugin_faults.quarantined()


async def _within(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
