"""`Idempotency-Key`: the same create call twice is one object and one answer."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from certrail.domain.errors import Conflict
from certrail.persistence.tables import IdempotencyKey
from certrail.services.actor import Actor
from certrail.services.kernel import Kernel

Answer = tuple[int, dict[str, Any]]
STALE = timedelta(minutes=2)
"""A call that neither answered nor failed for this long died; its key may be used again."""


class Idempotency:
    """Remembers answers per principal and key."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def once(self, actor: Actor, key: str | None, call: bytes, work: Callable[[], Answer]) -> Answer:
        """Do the work once per key; `call` is what makes two calls the same.

        Raises:
            Conflict: the key was used for another call, or the first call is still running.
        """
        if key is None:
            return work()
        fingerprint = hashlib.sha256(call).hexdigest()
        owner = actor.principal_id or ""
        if (known := self._reserve(owner, key, fingerprint)) is not None:
            return known
        try:
            status, body = work()
        except BaseException:
            self._forget(owner, key)
            raise
        with self._kernel.db.write() as session:
            row = session.get_one(IdempotencyKey, (owner, key))
            row.status, row.body = status, body
            session.add(row)
        return status, body

    def _reserve(self, owner: str, key: str, fingerprint: str) -> Answer | None:
        now = self._kernel.clock()
        try:
            with self._kernel.db.write() as session:
                session.add(
                    IdempotencyKey(principal_id=owner, key=key, fingerprint=fingerprint, created_at=now)
                )
            return None
        except IntegrityError:
            return self._remembered(owner, key, fingerprint)

    def _remembered(self, owner: str, key: str, fingerprint: str) -> Answer | None:
        now = self._kernel.clock()
        with self._kernel.db.write() as session:
            row = session.get(IdempotencyKey, (owner, key), with_for_update=True)
            if row is None or row.fingerprint != fingerprint:
                raise Conflict("This Idempotency-Key was used for a different call.", kind="idempotency-mismatch")
            if row.status is not None and row.body is not None:
                return row.status, row.body
            if row.created_at + STALE > now:
                raise Conflict("The first call with this Idempotency-Key is still running.", kind="in-progress")
            row.created_at = now
            session.add(row)
            return None

    def _forget(self, owner: str, key: str) -> None:
        with self._kernel.db.write() as session:
            if (row := session.get(IdempotencyKey, (owner, key))) is not None:
                session.delete(row)
