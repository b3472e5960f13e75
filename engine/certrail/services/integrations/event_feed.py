"""The committed events for plugins that observe them: in the order of the audit log, each handed out once.

A plugin has one cursor in the database, which all workers share. It is moved before the plugin is called: an event is
handed to one process, and those that a process has in hand when it ends are lost. The queue is the audit log itself, so
no caller waits; an observer that is `MOST_BEHIND` events behind misses the oldest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from certrail.persistence.database import locked
from certrail.persistence.tables import AuditChainHead, EventObserver, EventRow
from certrail.services.core.audit_log import document
from certrail.services.core.unit_of_work import ServiceContext

MOST_BEHIND = 1000
BATCH = 20


@dataclass(frozen=True)
class Batch:
    """Events that are handed out.

    Attributes:
        missed: how many before them are not, as the observer was too far behind.
    """

    events: Sequence[Mapping[str, Any]] = ()
    missed: int = 0


class EventFeed:
    """Hands out the events of one database."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def claim(self, key: str) -> Batch:
        """The next events of a plugin, which are handed out to nobody else; none when it observes for the first time.

        Args:
            key: kind and name of the plugin.
        """
        with self._context.db.read() as session:
            row, head = session.get(EventObserver, key), _head(session)
        if row is None:
            self._begin(key)
            return Batch()
        # Without a write transaction where nothing has happened.
        return self._claim(key) if row.seq < head else Batch()

    def _claim(self, key: str) -> Batch:
        with self._context.db.write() as session:
            row = session.exec(locked(select(EventObserver).where(EventObserver.key == key))).one()
            missed = max(0, _head(session) - row.seq - MOST_BEHIND)
            query = select(EventRow).where(col(EventRow.seq) > row.seq + missed)
            found = session.exec(query.order_by(col(EventRow.seq)).limit(BATCH)).all()
            if not found:  # another process was faster
                return Batch()
            row.seq = found[-1].seq or row.seq
            session.add(row)
            return Batch([document(event) for event in found], missed)

    def _begin(self, key: str) -> None:
        try:
            with self._context.db.write() as session:
                session.add(EventObserver(key=key, seq=_head(session)))
        except IntegrityError:
            pass  # another process was faster


def _head(session: Session) -> int:
    return session.exec(select(AuditChainHead.seq)).first() or 0
