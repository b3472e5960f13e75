"""Every timeout and retry of Temporal, in one place; those of a plugin call are in `limits`.

What a plugin asks for (``retry_after``) and ``backoff`` decide how long a failed try waits; the retry
policies below decide only for what fails without saying so: a killed worker, a missed heartbeat.
"""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityConfig, LocalActivityConfig

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
BUG_ATTEMPTS = 5
"""Attempts of a plugin that breaks its contract."""
ENGINE_ATTEMPTS = 10
"""Attempts of a step of our own that fails for no known reason."""

HEARTBEAT_EVERY = timedelta(seconds=2)
HEARTBEAT_TIMEOUT = timedelta(seconds=10)
SWEEP_HEARTBEAT_EVERY = timedelta(seconds=5)
"""There is one sweep of each kind at all times, and Temporal writes each heartbeat to its database."""
SWEEP_HEARTBEAT_TIMEOUT = timedelta(seconds=15)
LONGEST_WANTED_PAUSE = timedelta(days=7)
"""That a plugin may want between two attempts; where it wants more, the pause grows as usual."""
SHORTEST_PAUSE = timedelta(seconds=1)
"""Between two steps of the same request, so that a clock skew does not make a workflow spin."""
QUESTION_IDLE = timedelta(days=30)
"""How long the workflow of an approval message waits for a signal; a later one starts it again."""
SEEN_LIMIT = 100
"""How many references of signals a workflow remembers."""

SWEEP_EVERY = timedelta(seconds=10)
SWEEP_SHIFT = timedelta(minutes=10)
"""One workflow sweeps for this long: a workflow per sweep would fill the history."""
SWEEP_START_EVERY = timedelta(minutes=1)
"""How often a schedule looks whether its sweep runs, which it does for a shift: Temporal writes down each look."""
SWEEP_CATCH_UP = timedelta(seconds=10)

LONGEST_SUMMARY = 240
"""Bytes of the line about a workflow that Temporal may read."""
RETENTION = timedelta(days=7)
RPC_TIMEOUT = timedelta(seconds=5)
STICKY_TIMEOUT = timedelta(seconds=1)
"""How long the workflows of a dead worker wait for it before another worker takes them over."""
GRACEFUL_SHUTDOWN = timedelta(seconds=10)
WORKFLOW_TASKS = 100
ACTIVITIES_PER_PLUGIN = 20
CORE_ACTIVITIES = 50
ENGINE_THREADS = 64
"""Of the transactions around plugin calls."""

_PATIENT = RetryPolicy(
    initial_interval=FIRST_WAIT, backoff_coefficient=2.0, maximum_interval=LONGEST_WAIT, maximum_attempts=0
)
_OWN_DATABASE = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
    maximum_attempts=0,
)

OWN_STEP = LocalActivityConfig(start_to_close_timeout=timedelta(seconds=30), retry_policy=_OWN_DATABASE)
VALIDATE = ActivityConfig(
    # A check takes at most ten seconds; the rest is for the two transactions around it.
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(minutes=10),
    retry_policy=_OWN_DATABASE,
)
DELIVER = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    schedule_to_close_timeout=timedelta(days=30),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_PATIENT,
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
REMOVE = DELIVER
DELIVER_BATCH = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=4),
    schedule_to_start_timeout=timedelta(minutes=1),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    # Attempted once: what it leaves unfinished goes on in workflows of its own.
    retry_policy=RetryPolicy(maximum_attempts=1),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
VERIFY = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(hours=1),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_PATIENT,
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
NOTIFY = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(days=3),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_PATIENT,
)
REFRESH_APPROVAL_MESSAGE = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(days=3),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_PATIENT,
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
SWEEP = ActivityConfig(
    start_to_close_timeout=SWEEP_SHIFT + timedelta(minutes=1),
    heartbeat_timeout=SWEEP_HEARTBEAT_TIMEOUT,
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=SWEEP_EVERY),
)


def backoff(attempt: int) -> timedelta:
    """How long to wait after the given attempt, counted from 1: doubling, up to an hour."""
    doublings = min(max(attempt, 1) - 1, 20)
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << doublings))


def on_queue(queue: str, config: ActivityConfig) -> ActivityConfig:
    """The same policy for an activity on a plugin's queue."""
    return {**config, "task_queue": queue}
