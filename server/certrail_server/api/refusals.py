"""Every refusal goes on record: those of somebody one by one, those of nobody in particular by the minute."""

import asyncio
import logging
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError

from certrail.domain.access import Permission
from certrail.domain.errors import CertrailError, Forbidden, NotFound, Unauthenticated
from certrail.domain.events.access import AccessRefused, AccessUnauthenticated
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.facade import Services

log = logging.getLogger(__name__)

LEGACY_CREATION = "legacy-creation"
ONE_MINUTE = timedelta(minutes=1)
MOST_REMOTES = 100
ELSEWHERE = "elsewhere"
LOOK_SECONDS = 10
LONGEST_SUBJECT = 80


@dataclass(frozen=True)
class CallAttempt:
    """What a call tries to do whose caller is known.

    Attributes:
        permission: that its route needs; ``None`` before it was looked at.
        admitted: whether the route let it through, so that what is refused now is refused by the object itself.
        application_id: that it is about, once it is admitted.
    """

    actor: Actor
    permission: Permission | None = None
    admitted: bool = False
    application_id: str | None = None

    def fails_by(self, refusal: CertrailError) -> bool:
        """Whether this is a refusal, and no mistake, that is not on record yet."""
        if not self.admitted:
            return isinstance(refusal, Forbidden | NotFound) or refusal.kind == LEGACY_CREATION
        # Why a vote does not count is put on record under the lock of its approval.
        by_itself = self.permission is Permission.APPROVAL_VOTE
        return refusal.kind == LEGACY_CREATION or (isinstance(refusal, Forbidden) and not by_itself)


@dataclass
class _Window:
    ends_at: datetime
    repeated: int = 0


class AuthFailureWindow:
    """Calls without credentials that hold, by where they come from.

    Anybody can make them, so a flood must not fill the record: the first of a minute is told at once, and how many
    followed it when the minute is over. Beyond a number of places at once, all others are taken for one.
    """

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()

    def first(self, remote: str, now: datetime) -> str | None:
        """Count a call; returns the place to record it under when it is the first of a minute there."""
        with self._lock:
            place = remote if remote in self._windows or len(self._windows) < MOST_REMOTES else ELSEWHERE
            if (window := self._windows.get(place)) is not None:
                window.repeated += 1
                return None
            self._windows[place] = _Window(now + ONE_MINUTE)
            return place

    def over(self, now: datetime | None = None) -> dict[str, int]:
        """How many followed the first, by place, in the minutes that are over; all of them without a time."""
        with self._lock:
            ended = [place for place, window in self._windows.items() if now is None or window.ends_at <= now]
            counts = {place: self._windows.pop(place).repeated for place in ended}
            return {place: count for place, count in counts.items() if count}


class Refusals:
    """Writes to the record of one process what it refused."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._auth_failures = AuthFailureWindow()

    def take(self, request: Request, refusal: CertrailError) -> None:
        """Record a refusal, if it is one; it stands even where the record cannot be written."""
        attempt: CallAttempt | None = getattr(request.state, "attempt", None)
        try:
            if isinstance(refusal, Unauthenticated):
                self._knocked(request, refusal)
            elif attempt is not None and attempt.fails_by(refusal):
                self._refused(request, refusal, attempt)
        except SQLAlchemyError as problem:
            log.error("a refusal (%s) is not on record: %s", refusal.kind, type(problem).__name__)

    async def run(self) -> None:
        """Put on record how many calls followed, minute by minute."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await run_in_threadpool(self._settle, self._services.context.clock())

    async def close(self) -> None:
        """Put on record what was counted and not told yet."""
        await run_in_threadpool(self._settle, None)

    def _refused(self, request: Request, refusal: CertrailError, attempt: CallAttempt) -> None:
        with self._services.context.unit_of_work(attempt.actor) as change:
            change.record(
                AccessRefused(
                    request.url.path[:LONGEST_SUBJECT],
                    attempt.application_id,
                    permission=attempt.permission,
                    method=request.method,
                    reason=refusal.kind,
                )
            )

    def _knocked(self, request: Request, refusal: CertrailError) -> None:
        now = self._services.context.clock()
        self._settle(now)
        remote = request.client.host if request.client else "unknown"
        if (place := self._auth_failures.first(remote, now)) is None:
            return
        with self._services.context.unit_of_work(
            replace(SYSTEM, request_id=request.state.request_id)
        ) as change:
            change.record(
                AccessUnauthenticated(
                    place[:LONGEST_SUBJECT],
                    method=request.method,
                    path=request.url.path[:LONGEST_SUBJECT],
                    reason=refusal.kind,
                )
            )

    def _settle(self, now: datetime | None) -> None:
        if not (counts := self._auth_failures.over(now)):
            return
        try:
            with self._services.context.unit_of_work(SYSTEM) as change:
                for place, count in counts.items():
                    change.record(AccessUnauthenticated(place[:LONGEST_SUBJECT], repeated=count))
        except SQLAlchemyError as problem:
            log.error("%s refusals are not on record: %s", sum(counts.values()), type(problem).__name__)
