"""A worker of the floor, in a process of its own: ``python -m bench.floor.worker ADDRESS NAMESPACE DATABASE-URL``.

It prints ``ready`` when its table is there, and ends when its standard input does.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import uvloop
from sqlalchemy import text
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from bench.floor.flows import COMMIT_ROW, QUEUE, NoOpUpdates, OneActivity
from certrail.persistence.database import Database

THREADS = 10
"""As many connections: PostgreSQL has a hundred, of which certrail may open eighty."""
TABLE = "create table committed (number integer not null, name varchar(80) not null)"
INSERT = "insert into committed (number, name) values (:number, :name)"


class Rows:
    """The activity, with certrail's own settings of a database: the same journal and the same waits for the disk."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        with self._database.write() as session:
            session.connection().execute(text(TABLE))

    @activity.defn(name=COMMIT_ROW)
    def commit_row(self, number: int) -> None:
        """One transaction with one row."""
        with self._database.write() as session:
            session.connection().execute(text(INSERT), {"number": number, "name": f"{number}.example.com"})


async def main(address: str, namespace: str, url: str) -> None:
    """Serve until standard input ends."""
    client = await Client.connect(address, namespace=namespace)
    restrictions = SandboxRestrictions.default.with_passthrough_modules("bench.floor")
    with ThreadPoolExecutor(THREADS) as threads:
        worker = Worker(
            client,
            task_queue=QUEUE,
            workflows=[OneActivity, NoOpUpdates],
            activities=[Rows(url).commit_row],
            activity_executor=threads,
            max_concurrent_activities=THREADS,
            workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
        )
        async with worker:
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:4]))
