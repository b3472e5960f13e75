"""All timeouts and retry policies, in one table."""

from datetime import timedelta

from temporalio.common import RetryPolicy

CORE_QUEUE = "certrail"

# Local activities: one short transaction on our own database.
STEP_TIMEOUT = timedelta(seconds=30)
STEP_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    maximum_interval=timedelta(seconds=20),
    maximum_attempts=12,
)
"""About two minutes; a step that fails longer is a fault that a person must hear of."""
GIVE_UP_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
"""Telling of a failure is tried until it works."""

# Plugin activities: anything that talks to the outside.
PLUGIN_TIMEOUT = timedelta(minutes=5)
PLUGIN_PATIENCE = timedelta(days=30)
PLUGIN_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=5), backoff_coefficient=2.0, maximum_interval=timedelta(hours=1)
)
HEARTBEAT_TIMEOUT = timedelta(seconds=10)
HEARTBEAT_EVERY = timedelta(seconds=2)
PLUGIN_BUG_ATTEMPTS = 5
"""A plugin bug rarely mends itself; after this many tries a person is told."""

# Worker and client.
STICKY_TIMEOUT = timedelta(seconds=1)
"""How long a workflow waits for the worker that had it cached: short, so that a dead one costs little."""
GRACEFUL_SHUTDOWN = timedelta(seconds=10)
CONNECT_PATIENCE = timedelta(seconds=3)

# Sweeps.
OUTBOX_EVERY = timedelta(seconds=10)
OUTBOX_TIMEOUT = timedelta(minutes=2)
RETENTION = timedelta(days=30)


def backoff(attempt: int) -> timedelta:
    """The pause after a failed try, counted from 1: five seconds, doubling, an hour at most."""
    assert PLUGIN_RETRY.maximum_interval is not None
    doubled = PLUGIN_RETRY.initial_interval * 2 ** min(attempt - 1, 16)
    return min(doubled, PLUGIN_RETRY.maximum_interval)
