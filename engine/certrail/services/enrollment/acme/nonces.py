"""Nonces (RFC 8555 section 6.5): rows, so that any server process takes what another one gave out, and once."""

import secrets
from collections import deque
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import delete, insert
from sqlmodel import col

from certrail.persistence.tables import AcmeNonce
from certrail.services.core.unit_of_work import ServiceContext

LIFETIME = timedelta(hours=1)
STOCK = 64
"""Nonces that a process inserts by one statement, and gives out one by one."""
STOCK_LIFETIME = timedelta(minutes=10)
"""After this the rest of a stock is not given out any more."""


class AcmeNonces:
    """Given out by one process, used at any other, each once."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._stock: deque[str] = deque()
        self._stocked_at: datetime | None = None
        self._lock = Lock()

    def give(self) -> str:
        """A fresh nonce."""
        now = self._context.clock()
        with self._lock:
            if self._stock and self._stocked_at is not None and now - self._stocked_at < STOCK_LIFETIME:
                return self._stock.popleft()
        # Outside of the lock: a thread that waits for the database must not hold up those that find a stock.
        fresh = [secrets.token_urlsafe(24) for _ in range(STOCK)]
        with self._context.db.write() as session:
            session.execute(insert(AcmeNonce), [{"value": value, "created_at": now} for value in fresh])
        with self._lock:
            self._stock, self._stocked_at = deque(fresh), now
            return self._stock.popleft()

    def use(self, value: object) -> bool:
        """Use a nonce up, in a transaction of its own; false for one that is unknown, used or too old."""
        if not isinstance(value, str) or not 1 <= len(value) <= 48:
            return False
        known = col(AcmeNonce.value) == value, col(AcmeNonce.created_at) > self._context.clock() - LIFETIME
        with self._context.db.write() as session:
            # One statement: of two processes that are given the same nonce, one deletes the row.
            deleted = session.execute(delete(AcmeNonce).where(*known).returning(col(AcmeNonce.value)))
            return deleted.first() is not None
