"""Every refusal is recorded: the first of a minute at once, the others of the same kind by their number."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError

from certrail.domain.access import Permission
from certrail.domain.audit_chain import AuditLogTampered
from certrail.domain.errors import CertrailError, Forbidden, NotFound, Unauthenticated
from certrail.domain.events import Event
from certrail.domain.events.access import AccessRefused, AccessUnauthenticated
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.refusal_counter import MOST_KEYS_OF_CALLERS
from certrail.services.facade import Services

log = logging.getLogger(__name__)

LEGACY_CREATION = "legacy-creation"
LOOK_SECONDS = 10
LONGEST_SUBJECT = 80


@dataclass(frozen=True)
class CallAttempt:
    """A call whose caller is known.

    Attributes:
        permission: the one that its route requires; ``None`` before it was checked.
        admitted: whether that check passed, so that a later refusal is the object's own.
        application_id: of the object, once the call is admitted.
    """

    actor: Actor
    permission: Permission | None = None
    admitted: bool = False
    application_id: str | None = None

    def fails_by(self, refusal: CertrailError) -> bool:
        """Whether this is a refusal, and no mistake of the caller, that is not on record yet."""
        if not self.admitted:
            return isinstance(refusal, Forbidden | NotFound) or refusal.kind == LEGACY_CREATION
        # A refused vote is recorded under the lock of its approval.
        by_itself = self.permission is Permission.APPROVAL_VOTE
        return refusal.kind == LEGACY_CREATION or (isinstance(refusal, Forbidden) and not by_itself)


class Refusals:
    """Records what the API of one process refuses."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def record(self, request: Request, refusal: CertrailError) -> None:
        """Record a problem if it is a refusal; the call stays refused even if that fails."""
        attempt: CallAttempt | None = getattr(request.state, "attempt", None)
        with _logged_where_it_fails(refusal):
            # Of a caller who is known, and only has to sign in again, the refused vote is on record.
            known = attempt is not None and attempt.admitted
            if isinstance(refusal, Unauthenticated) and not known:
                self._count(request, refusal)
            elif attempt is not None and attempt.fails_by(refusal):
                self._refused(request, refusal, attempt)

    def record_client(
        self, request: Request, refusal: CertrailError, client: Actor | None, application_id: str | None
    ) -> None:
        """Record the refusal of a client of enrollment; the call stays refused even if that fails.

        Args:
            client: whose signature or secret was verified; ``None`` for a stranger, who is counted by the address.
            application_id: of the enrollment.
        """
        with _logged_where_it_fails(refusal):
            if client is None:
                self._count(request, refusal)
            else:
                self._refused(request, refusal, CallAttempt(client, application_id=application_id))

    async def run(self) -> None:
        """Record what was counted, minute by minute."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await run_in_threadpool(self._services.refusal_counter.record_ended)

    async def close(self) -> None:
        """Record what was counted and is not on record yet."""
        await run_in_threadpool(self._services.refusal_counter.record_all)

    def _refused(self, request: Request, refusal: CertrailError, attempt: CallAttempt) -> None:
        """Count a refused call by caller, Application, route and reason: a token could else fill the audit log."""
        method, path = request.method, request.url.path[:LONGEST_SUBJECT]
        route = _template(request)

        def describe(_key: str, repeats: int) -> Event:
            return AccessRefused(
                path,
                attempt.application_id,
                permission=attempt.permission,
                method=method,
                reason=refusal.kind,
                repeats=repeats,
            )

        key = f"{attempt.actor.principal_id} {attempt.application_id} {method} {route} {refusal.kind}"
        self._services.refusal_counter.count(
            "refused", key, describe, attempt.actor, most_keys=MOST_KEYS_OF_CALLERS
        )

    def _count(self, request: Request, refusal: CertrailError) -> None:
        """Count a call without valid credentials, which anybody can make, by its address."""
        method, path = request.method, request.url.path[:LONGEST_SUBJECT]

        def describe(remote: str, repeats: int) -> Event:
            subject = remote[:LONGEST_SUBJECT]
            return AccessUnauthenticated(
                subject, method=method, path=path, reason=refusal.kind, repeats=repeats
            )

        remote = request.client.host if request.client else "unknown"
        actor = replace(SYSTEM, request_id=request.state.request_id)
        self._services.refusal_counter.count("unauthenticated", remote, describe, actor)


@contextmanager
def _logged_where_it_fails(refusal: CertrailError) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, AuditLogTampered) as problem:
        log.error("a refusal (%s) is not on record: %s", refusal.kind, type(problem).__name__)


def _template(request: Request) -> str:
    """The path with the names of its parameters: FastAPI's `route.path` lacks the prefixes of included routers."""
    names = {str(value): name for name, value in request.path_params.items()}
    segments: Iterable[str] = request.scope["path"].split("/")
    return "/".join(f"{{{names[part]}}}" if part in names else part for part in segments)
