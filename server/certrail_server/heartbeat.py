"""The heartbeat of one process, by a thread of its own: whatever the event loop does, the process is there."""

import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version

from sqlalchemy.exc import SQLAlchemyError

from certrail.services.operations.heartbeats import BEAT_EVERY, Heartbeats, ProcessIdentity

log = logging.getLogger(__name__)

JOIN_SECONDS = 5.0


@contextmanager
def process_heartbeat(heartbeats: Heartbeats, kind: str) -> Iterator[ProcessIdentity]:
    """Write heartbeats meanwhile, and say at the end that the process is gone."""
    process = ProcessIdentity(
        id=uuid.uuid4().hex,
        kind=kind,
        name=f"{socket.gethostname()}:{os.getpid()}",
        version=version("certrail"),
        started_at=datetime.now(UTC),
    )
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(heartbeats, process, stop), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield process
    finally:
        stop.set()
        thread.join(JOIN_SECONDS)


def _beat(heartbeats: Heartbeats, process: ProcessIdentity, stop: threading.Event) -> None:
    failing = False
    while True:
        try:
            heartbeats.beat(process)
            failing = False
        except SQLAlchemyError as problem:
            # Once for each outage: `certrail_database_up` and `/readyz` say the rest.
            if not failing:
                log.warning("the heartbeat cannot be written: %s", type(problem).__name__)
            failing = True
        if stop.wait(BEAT_EVERY.total_seconds()):
            break
    try:
        heartbeats.end(process)
    except SQLAlchemyError as problem:
        log.warning("the last heartbeat cannot be withdrawn: %s", type(problem).__name__)
