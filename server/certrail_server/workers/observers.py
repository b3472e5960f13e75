"""Plugins that observe events are called here, each in a thread of its own: nobody waits for them, nor for each other.

A call is entered on the board that the parent reads: it ends the process of one that goes on after its limit, and the
plugin is quarantined. What an observer raises is a fault, at most once a minute.
"""

import logging
import threading
from collections.abc import Collection, Mapping
from datetime import timedelta
from time import monotonic
from typing import Any

from certrail.plugins.registry import Observer
from certrail.services.integrations.event_feed import EventFeed
from certrail.services.integrations.plugin_faults import CallFault, PluginFaults
from certrail_workflows import limits
from certrail_workflows.activities.calls import Calls
from certrail_workflows.call_board import OpenCall

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
REPORT_AGAIN = timedelta(minutes=1)


class Observers:
    """The observing plugins of one process."""

    def __init__(self, feed: EventFeed, faults: PluginFaults, calls: Calls) -> None:
        self._feed, self._faults, self._calls = feed, faults, calls
        self._threads: dict[str, _Thread] = {}

    def serve(self, observers: Collection[Observer]) -> None:
        """Call exactly these. A call that runs is not waited for."""
        wanted = {observer.key: observer for observer in observers}
        for key in self._threads.keys() - wanted.keys():
            self._threads.pop(key).stop()
        for key in wanted.keys() - self._threads.keys():
            self._threads[key] = _Thread(wanted[key], self._feed, self._faults, self._calls)
            self._threads[key].start()

    def stop(self) -> None:
        """Call none any more."""
        self.serve(())


class _Thread(threading.Thread):
    def __init__(self, observer: Observer, feed: EventFeed, faults: PluginFaults, calls: Calls) -> None:
        # It keeps no process from ending.
        super().__init__(name=f"observer {observer.key}", daemon=True)
        self._observer, self._feed, self._faults, self._calls = observer, feed, faults, calls
        self._stopped = threading.Event()
        self._report_at = 0.0

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                batch = self._feed.claim(self._observer.key)
            except Exception as error:
                log.error("events for %s cannot be read: %s", self._observer.key, type(error).__name__)
                self._stopped.wait(LOOK_SECONDS)
                continue
            if batch.missed:
                self._report(f"missed {batch.missed} events, as it takes longer than they come")
            for event in batch.events:
                self._call(event)
            if not batch.events:
                self._stopped.wait(LOOK_SECONDS)

    def _call(self, event: Mapping[str, Any]) -> None:
        observer = self._observer
        call = OpenCall(observer.key, observer.version, limits.OBSERVE_EVENT, str(event["id"]))
        try:
            with self._calls.entered(call, limits.call_limit(limits.OBSERVE_EVENT)):
                observer.observe(event)
        except BaseException as error:  # in a thread of its own, `SystemExit` ends nothing else either
            self._report(f"raised {type(error).__name__}")

    def _report(self, what: str) -> None:
        if monotonic() < self._report_at:
            return
        self._report_at = monotonic() + REPORT_AGAIN.total_seconds()
        fault = CallFault(self._observer.key, self._observer.version, limits.OBSERVE_EVENT, what)
        log.error("%s", fault.message)
        try:
            self._faults.record(fault)
        except Exception as error:
            log.error("a fault of a plugin is not on record: %s", type(error).__name__)
