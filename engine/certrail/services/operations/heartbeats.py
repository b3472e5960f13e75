"""Which processes there are: each says so in the database every few seconds."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, delete, select

from certrail.persistence.database import locked
from certrail.persistence.tables import ProcessHeartbeat
from certrail.services.core.unit_of_work import ServiceContext

KINDS = ("server", "flows", "plugins")
"""Of processes: HTTP, workflows with certrail's own steps, and calls of plugins."""
BEAT_EVERY = timedelta(seconds=15)
GONE_AFTER = timedelta(seconds=60)
"""Without a heartbeat for so long a process is taken for gone."""
FORGOTTEN_AFTER = timedelta(hours=1)
"""A process that died is named for so long."""


@dataclass(frozen=True)
class ProcessIdentity:
    """One process of certrail.

    Attributes:
        id: unique among all processes ever.
        kind: one of `KINDS`.
        name: host and process id, for people.
        version: of certrail.
    """

    id: str
    kind: str
    name: str
    version: str
    started_at: datetime


class Heartbeats:
    """Written outside of units of work: a heartbeat is no change that anybody audits."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def beat(self, process: ProcessIdentity) -> None:
        """Say that a process lives, and forget those that have not said so for an hour."""
        now = self._context.clock()
        with self._context.db.write() as session:
            query = select(ProcessHeartbeat).where(ProcessHeartbeat.id == process.id)
            row = session.exec(locked(query)).one_or_none()
            session.add(row or ProcessHeartbeat(seen_at=now, **vars(process)))
            if row is not None:
                row.seen_at = now
            else:
                gone = col(ProcessHeartbeat.seen_at) <= now - FORGOTTEN_AFTER
                session.exec(delete(ProcessHeartbeat).where(gone))

    def end(self, process: ProcessIdentity) -> None:
        """A process ends in an orderly way: nobody needs to miss it."""
        with self._context.db.write() as session:
            session.exec(delete(ProcessHeartbeat).where(col(ProcessHeartbeat.id) == process.id))
