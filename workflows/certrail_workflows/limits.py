"""Limits of plugin calls and of the processes that make them, for the small parent of those processes too."""

from collections.abc import Mapping
from datetime import timedelta

OBSERVE_EVENT = "certrail_event"
"""The hook, as its calls are named beside verbs."""
CALL_LIMITS: Mapping[str, timedelta] = {"verify": timedelta(seconds=30), OBSERVE_EVENT: timedelta(seconds=30)}
"""How long one call of a verb may take. A call that is not answered is cancelled, and reported within a minute."""
CALL_LIMIT = timedelta(seconds=45)
"""Of every other verb."""
CANCEL_GRACE = timedelta(seconds=30)
"""How long a cancelled attempt may take to end: a vendor SDK's thread cannot be stopped, and must not
write an older certificate after the newer one."""
ENDED_BY_PARENT_AFTER = timedelta(seconds=5)
"""A call that has not ended so long after its limit and ``CANCEL_GRACE`` is ended with its process."""
CALL_THREADS = 400
"""Threads that all plugins of a process have together for blocking libraries; a thread is made when it is needed."""
BEAT_EVERY = timedelta(seconds=0.5)
"""How often a process of plugins shows that its event loop turns."""
HOLD_LOOK_EVERY = timedelta(seconds=2)
"""How often a process looks who holds its event loop; longer than `BEAT_EVERY`."""
HELD_AFTER = timedelta(seconds=10)
"""How long a plugin may hold the event loop that it shares with other calls: then its process is ended."""
STALLED_AFTER = timedelta(seconds=30)
"""The same while no plugin is at work: the machine may be overloaded."""


def call_limit(verb: str) -> timedelta:
    """How long one call of a verb may take."""
    return CALL_LIMITS.get(verb, CALL_LIMIT)
