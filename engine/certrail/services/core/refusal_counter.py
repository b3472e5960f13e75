"""Refusals that a caller can cause at will: one event a minute and key, which counts the others."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from certrail.domain.audit_chain import AuditLogTampered
from certrail.domain.events import Event
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.unit_of_work import ServiceContext

log = logging.getLogger(__name__)

WINDOW = timedelta(minutes=1)
MOST_KEYS = 100
"""Of callers without a credential, who choose their addresses."""
MOST_KEYS_OF_CALLERS = 10_000
"""Of callers with a credential, by route: each caller has as many as there are routes."""
OTHERS = "others"
"""The key under which refusals of one kind are counted while the most keys of that kind are counted."""

Describe = Callable[[str, int], Event]
"""Makes the event of a key and of how many refusals it counts besides the one that it describes."""


@dataclass
class _Window:
    ends_at: datetime
    describe: Describe
    actor: Actor
    waiting: int = 0

    def take(self, key: str, now: datetime) -> Event:
        """The event of what was counted; another window begins."""
        event = self.describe(key, self.waiting - 1)
        self.waiting, self.ends_at = 0, now + WINDOW
        return event


class RefusalCounter:
    """Counts in the memory of its process, so that a flood costs neither transactions nor rows.

    The first refusal of a key is recorded at once, later ones when its minute has passed, or when the process ends. A
    process that is killed loses a count of one minute at most, never the first event.
    """

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._windows: dict[tuple[str, str], _Window] = {}
        self._keys: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(
        self, kind: str, key: str, describe: Describe, actor: Actor = SYSTEM, *, most_keys: int = MOST_KEYS
    ) -> None:
        """Count a refusal; record it, with those counted since the last event, unless the key's minute still runs.

        Args:
            key: whom or what it is counted by, such as an address.
            describe: makes its event; of those that are counted together, the last one is described.
            most_keys: how many keys of this kind are counted apart.

        Raises:
            SQLAlchemyError: it could not be recorded.
        """
        now = self._context.clock()
        with self._lock:
            if (kind, key) not in self._windows and self._keys[kind] >= most_keys:
                key = OTHERS  # a flood of keys must not fill the memory
            window = self._windows.get((kind, key))
            if window is None:
                window = self._windows[kind, key] = _Window(now, describe, actor)
                self._keys[kind] += 1
            window.describe, window.waiting = describe, window.waiting + 1
            # Of callers that are counted together, none is named.
            window.actor = SYSTEM if key == OTHERS else replace(actor, request_id=None, idempotency_key=None)
            if window.ends_at > now:
                return
            event = window.take(key, now)
        with self._context.unit_of_work(actor) as uow:
            uow.record(event)

    def record_ended(self) -> None:
        """Record what was counted in minutes that have passed; a key without refusals for a minute is forgotten."""
        now = self._context.clock()
        self._record(lambda window: window.ends_at <= now)

    def record_all(self) -> None:
        """Record what was counted, before the process ends."""
        self._record(lambda _window: True)

    def _record(self, ended: Callable[[_Window], bool]) -> None:
        events, now = list[tuple[Actor, Event]](), self._context.clock()
        with self._lock:
            for counted, window in [each for each in self._windows.items() if ended(each[1])]:
                if window.waiting:
                    events.append((window.actor, window.take(counted[1], now)))
                else:
                    del self._windows[counted]
                    self._keys[counted[0]] -= 1
        if not events:
            return
        try:
            for actor, event in events:
                with self._context.unit_of_work(actor) as uow:
                    uow.record(event)
        except (SQLAlchemyError, AuditLogTampered) as problem:
            log.error("%s events on refusals are not on record: %s", len(events), type(problem).__name__)
