"""All figures of one process, and who may read them."""

import hmac

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest

from certrail.services.operations.metrics import Metrics
from certrail_server.metrics.database import DatabaseCollector

CALL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds; a long poll takes up to 60."""


class MetricsRegistry:
    """The registry of one process, so that two applications in one process do not meet.

    Args:
        token: what a scraper shows as its bearer token. Nothing else opens the figures: a call from loopback may come
            from a proxy on this machine, and so from anywhere.
    """

    def __init__(self, metrics: Metrics, token: str) -> None:
        self._token = token.encode()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.calls = Counter(
            "certrail_http_requests",
            "HTTP calls that this process answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.call_seconds = Histogram(
            "certrail_http_request_duration_seconds",
            "From the headers of a call to the end of its answer, in this process.",
            ("method", "route"),
            buckets=CALL_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(DatabaseCollector(metrics))

    def admits(self, token: str) -> bool:
        """Whether this is the token, compared in constant time."""
        return hmac.compare_digest(token.encode(), self._token)

    def text(self) -> bytes:
        """Everything, in the text format 0.0.4; asks the database."""
        return generate_latest(self._registry)
