"""The use cases of one process: ``python -m bench.ceilings.worker DATA-DIR DATABASE-URL FOLDER``.

It prints ``ready``, then does what each line of standard input names: ``deliver COUNT`` or ``commit COUNT``; for each
line it prints a JSON object with what it did. No HTTP and no Temporal takes part, and the destination answers at once:
what is left are the transactions.
"""

import json
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlmodel import col, select

from bench.harness.site import PROFILE
from certrail.persistence.tables import CertificateRequest, Delivery, Lineage
from certrail.services.access.membership import actor_of
from certrail.services.delivery.deploy import DeployCall
from certrail_sdk import Observation, Receipt
from certrail_server.bootstrap import build
from certrail_server.settings import Settings

ADMIN = "admin"
CHUNK = 100
"""Requests of a batch, and deliveries: what the dispatcher gives one workflow."""
THREADS = 12
"""That commit at once: four processes have 48."""
CONNECTION, SYNC = "folder", "ceiling"


@dataclass
class Done:
    """What a line was answered with.

    Attributes:
        heads: how often the head of the audit chain was taken.
        processor: seconds of this process.
    """

    count: int
    seconds: float
    heads: int
    processor: float


class Process:
    """All services on one database."""

    def __init__(self, data_dir: Path, url: str) -> None:
        parts = build(Settings(data_dir=data_dir, database_url=url))
        self._services, self._database = parts.services, parts.context.db
        self._admin = actor_of(self._services.principals.get(ADMIN))
        (self._application,) = [row.id for row in self._services.applications.visible_to(self._admin)]
        self._heads = 0
        event.listen(self._database.engine, "before_cursor_execute", self._executed)

    def make_sync(self, folder: str) -> None:
        """To a folder that nothing is written to; the first process makes it."""
        self._services.connections.create(
            self._admin, slug=CONNECTION, name=CONNECTION, type_="folder", config={"root": folder}
        )
        self._services.syncs.create(
            self._admin,
            self._application,
            slug=SYNC,
            name=SYNC,
            destination="files",
            config={},
            connection=CONNECTION,
        )

    def deliver(self, count: int) -> Done:
        """Accept requests one by one, as the API does; issue and deliver them in bulk, as a worker does."""
        with self._measured(count) as measured:
            for _ in range(0, count, CHUNK):
                accepted = [self._accepted() for _ in range(CHUNK)]
                left: Sequence[str] = accepted
                while left:
                    left = self._services.issuance_batch.advance(left)
                self._deliver(accepted)
        return measured[0]

    def commit(self, count: int) -> Done:
        """Transactions of one row and one event, many at once."""
        with self._measured(count) as measured, ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(lambda _: self._committed(), range(count)))
        return measured[0]

    def _accepted(self) -> str:
        sans = {"dns": [f"{uuid.uuid4().hex}.example.com"]}
        row = self._services.requests.submit(
            self._admin, self._application, profile=PROFILE, content={"sans": sans}
        )
        return row.id

    def _deliver(self, requests: Sequence[str]) -> None:
        with self._database.read() as session:
            query = (
                select(Delivery.id)
                .join(Lineage, col(Lineage.id) == col(Delivery.lineage_id))
                .join(
                    CertificateRequest,
                    col(CertificateRequest.certificate_id) == col(Lineage.current_certificate_id),
                )
                .where(col(CertificateRequest.id).in_(requests))
            )
            left: Sequence[str] = session.exec(query).all()
        assert len(left) == len(requests), "each certificate has one delivery"
        batch, ident = self._services.delivery_batch, uuid.uuid4().hex
        while left:
            begun = batch.begin(ident, left)
            left = begun.left
            done = batch.complete(ident, [_answered(call) for call in begun.calls])
            assert len(done) == len(begun.calls)

    def _committed(self) -> None:
        self._services.tokens.issue(self._admin, ADMIN, name="ceiling")

    @contextmanager
    def _measured(self, count: int) -> Iterator[list[Done]]:
        found = list[Done]()
        heads, began, used = self._heads, time.perf_counter(), time.process_time()
        yield found
        seconds, processor = time.perf_counter() - began, time.process_time() - used
        found.append(Done(count, seconds, self._heads - heads, processor))

    def _executed(self, _connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        self._heads += statement.startswith("UPDATE audit_chain_head")


def _answered(call: DeployCall) -> tuple[DeployCall, Receipt]:
    """As a destination that has taken everything, and holds it."""
    bundle = call.deployment.bundle
    receipt = Receipt(reference=f"/{call.deployment.name}", fingerprint=bundle.fingerprint, changed=True)
    return replace(call, seen=Observation(present=True, fingerprint=bundle.fingerprint)), receipt


def main(data_dir: str, url: str, folder: str) -> None:
    """Serve until standard input ends. A folder: make the sync first."""
    process = Process(Path(data_dir), url)
    if folder:
        process.make_sync(folder)
    print("ready", flush=True)
    for line in sys.stdin:
        what, count = line.split()
        done = process.deliver(int(count)) if what == "deliver" else process.commit(int(count))
        print(json.dumps(asdict(done)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
