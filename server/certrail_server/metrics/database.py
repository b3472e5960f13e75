"""Figures of the database, as Prometheus' metric families."""

import logging
import threading
from collections import Counter as Count
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any

from prometheus_client import Counter, Histogram, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from certrail.domain.states import RequestStatus
from certrail.persistence.tables import ProcessHeartbeat
from certrail.services.operations.heartbeats import GONE_AFTER, KINDS
from certrail.services.operations.metrics import Gauges, Increments, Metrics, QueueState

log = logging.getLogger(__name__)

WORK_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)
"""Seconds: from a step of our own to a destination that was away for a day."""
OUTCOMES: Mapping[str, str] = {
    **{
        f"request.{status}": status
        for status in (
            RequestStatus.ISSUED,
            RequestStatus.REJECTED,
            RequestStatus.CANCELLED,
            RequestStatus.EXPIRED,
            RequestStatus.FAILED,
        )
    },
    "request.refused": "refused",
}
"""Of requests, by the event that says so."""


class DatabaseCollector(Collector):
    """Asks at each scrape; what happened since the scrape before is added to counters."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._scraping = threading.Lock()
        self._position: int | None = None
        # Not registered by themselves: each scrape fills them first.
        unregistered: dict[str, Any] = {"registry": None}
        self._events = Counter("certrail_events", "Events of the audit log.", ("type",), **unregistered)
        self._requests = Counter(
            "certrail_requests_finished", "Certificate requests that ended.", ("outcome",), **unregistered
        )
        self._issued = Histogram(
            "certrail_issuance_duration_seconds",
            "From the approval of a request, or from its creation if it needs none, to its certificate.",
            buckets=WORK_BUCKETS,
            **unregistered,
        )
        self._deliveries = Counter(
            "certrail_deliveries",
            "Delivered generations, and failures that were reported: the first of a series and the last.",
            ("destination", "outcome"),
            **unregistered,
        )
        self._delivered = Histogram(
            "certrail_delivery_duration_seconds",
            "From the time a certificate was desired at a destination to its receipt.",
            ("destination",),
            buckets=WORK_BUCKETS,
            **unregistered,
        )
        for outcome in OUTCOMES.values():
            self._requests.labels(outcome)

    def collect(self) -> Iterator[Metric]:
        """Every family. Without an answer of the database `certrail_database_up` is 0 and the others are missing."""
        yield _gauge(
            "build_info", "The version of this process.", ("version",), [((version("certrail"),), 1)]
        )
        with self._scraping:  # two scrapes at once would add the same events twice
            try:
                increments, gauges = self._metrics.since(self._position), self._metrics.gauges()
            except SQLAlchemyError as problem:
                log.warning("the figures of the database cannot be read: %s", type(problem).__name__)
                yield _gauge("database_up", "Whether the database answers.", (), [((), 0)])
                return
            self._add(increments)
            families = [
                family
                for metric in (
                    self._events,
                    self._requests,
                    self._issued,
                    self._deliveries,
                    self._delivered,
                )
                for family in metric.collect()
            ]
        yield _gauge("database_up", "Whether the database answers.", (), [((), 1)])
        yield from families
        yield from _of_queues(gauges.queues, gauges.now)
        yield from _of_installation(gauges)
        yield from _of_processes(gauges.processes, gauges.now)

    def _add(self, increments: Increments) -> None:
        for type_, number in increments.events.items():
            self._events.labels(type_).inc(number)
            if type_ in OUTCOMES:
                self._requests.labels(OUTCOMES[type_]).inc(number)
        for seconds in increments.issued:
            self._issued.observe(seconds)
        for delivery in increments.deliveries:
            self._deliveries.labels(delivery.destination, delivery.outcome).inc()
            if delivery.seconds is not None:
                self._delivered.labels(delivery.destination).observe(delivery.seconds)
        self._position = increments.position


def _of_queues(queues: Iterable[QueueState], now: datetime) -> Iterator[Metric]:
    lengths = [((queue.name,), queue.length) for queue in queues]
    yield _gauge("queue_length", "Objects that wait for a step.", ("queue",), lengths)
    ages = [((queue.name,), _age(queue.oldest_at, now)) for queue in queues]
    yield _gauge("queue_oldest_age_seconds", "Age of the one that waits longest.", ("queue",), ages)
    lag = next((_age(queue.oldest_at, now) for queue in queues if queue.name == "outbox"), 0.0)
    yield _gauge(
        "outbox_lag_seconds", "Age of the oldest message that Temporal does not have.", (), [((), lag)]
    )


def _of_installation(gauges: Gauges) -> Iterator[Metric]:
    yield _gauge(
        "certificate_soonest_expiry_timestamp_seconds",
        "When the first active certificate of an Application expires, or did within seven days.",
        ("application",),
        [((slug,), expiry.timestamp()) for slug, expiry in gauges.soonest_expiry.items()],
    )
    faults = gauges.plugin_faults
    yield _gauge(
        "plugin_faults",
        "Faults of a plugin in its present series.",
        ("plugin", "version"),
        [((fault.key, fault.version), fault.count) for fault in faults],
    )
    yield _gauge(
        "plugin_quarantined",
        "Whether a plugin with faults is quarantined.",
        ("plugin", "version"),
        [((fault.key, fault.version), fault.quarantined_at is not None) for fault in faults],
    )
    yield _gauge(
        "plugin_unusable",
        "Plugins that could not be loaded, or are used and missing.",
        ("plugin",),
        [((key,), 1) for key in gauges.unusable_plugins],
    )
    unacknowledged, every = gauges.open_incidents
    counts = [(("false",), unacknowledged), (("true",), every - unacknowledged)]
    yield _gauge("incidents_open", "Open incidents.", ("acknowledged",), counts)


def _of_processes(processes: Iterable[ProcessHeartbeat], now: datetime) -> Iterator[Metric]:
    alive = Count(process.kind for process in processes if now - process.seen_at <= GONE_AFTER)
    yield _gauge(
        "processes",
        "Processes with a heartbeat within a minute.",
        ("kind",),
        [((k,), alive[k]) for k in KINDS],
    )
    yield _gauge(
        "process_uptime_seconds",
        "Age of each process of the last hour, up to its last heartbeat.",
        ("kind", "process", "version"),
        [(_names(process), (process.seen_at - process.started_at).total_seconds()) for process in processes],
    )
    yield _gauge(
        "process_heartbeat_age_seconds",
        "Time since the last heartbeat of each process of the last hour.",
        ("kind", "process", "version"),
        [(_names(process), _age(process.seen_at, now)) for process in processes],
    )


def _names(process: ProcessHeartbeat) -> tuple[str, str, str]:
    return process.kind, process.name, process.version


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def _gauge(
    name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
    family = GaugeMetricFamily(f"certrail_{name}", text, labels=labels)
    for labelled, value in values:
        family.add_metric(labelled, float(value))
    return family
