"""The database is lost and an older backup is restored, with the same Temporal, whose workflows know a later time."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from examples.demo.installation import Installation, until
from temporalio.client import Client
from tests.live.live_stack import LiveStack, Order, opened
from tests.live.temporal import TemporalServer
from tests.live.test_temporal_lost import restarts, stuck

pytestmark = [pytest.mark.crash, pytest.mark.endurance]

PATIENCE = 120.0


@dataclass
class Restored:
    """The installation after its restore, and what was requested before and after the backup."""

    live_stack: LiveStack
    temporal: TemporalServer
    issued: Order
    approved_later: Order
    retried_later: Order
    unknown_lineage: str
    imports_before: int


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    folder = tmp_path_factory.mktemp("restored")
    with ExitStack() as stack:
        temporal = TemporalServer(folder)
        temporal.start()
        stack.callback(temporal.stop)
        live_stack = opened(stack, folder, CERTRAIL_TEMPORAL_ADDRESS=temporal.address)
        yield set_back(stack, live_stack, temporal, folder)


def set_back(stack: ExitStack, live_stack: LiveStack, temporal: TemporalServer, folder: Path) -> Restored:
    """A backup, then work that the backup does not know, then a restore into another folder."""
    issued, retried = (live_stack.order(name, f"{name}-before.live.example") for name in ("acm", "files"))
    for order in (issued, retried):
        order.wait_until_issued()
        order.wait_until_verified()
        order.wait_until_reported()
    asked = live_stack.order("asked", "asked-before.live.example")
    until(lambda: question(live_stack, asked), "the question in Slack")
    (folder / "passphrase").write_text("a passphrase that is long enough")
    backup, passphrase = str(folder / "certrail.backup"), str(folder / "passphrase")
    live_stack.installation.run("backup", "create", backup, "--passphrase-file", passphrase)

    # The approved request is issued and reported, and a delivery gets two generations more.
    asked.approve()
    asked.wait_until_issued()
    asked.wait_until_reported()
    for _ in range(2):
        live_stack.deployer.post(f"/deliveries/{retried.deliveries()[0]['id']}/retry")
        until(lambda: retried.deliveries()[0]["status"] == "delivered", "the later generation")
    # Work in flight of which the backup knows nothing, when everything stops.
    live_stack.world.acm.hold("after")
    unknown = live_stack.order("acm", "acm-unknown.live.example")
    unknown.wait_until_issued()
    assert live_stack.world.acm.wait_until_held(60)
    lineage = unknown.deliveries()[0]["lineage_id"]
    live_stack.installation.kill_everything()
    live_stack.world.acm.release()

    port = live_stack.installation.port
    there = Installation(
        folder / "elsewhere",
        CERTRAIL_TEMPORAL_ADDRESS=temporal.address,
        CERTRAIL_PORT=str(port),
        CERTRAIL_PUBLIC_URL=live_stack.installation.url,
    )
    there.port, there.url = port, live_stack.installation.url
    there.run("backup", "restore", backup, "--passphrase-file", passphrase)
    imports = live_stack.world.acm.count("ImportCertificate", "ok")
    stack.callback(there.stop)
    live_stack.installation = there
    there.start()
    until(lambda: restarts(live_stack), "the workflows to look again", PATIENCE)
    return Restored(live_stack, temporal, issued, asked, retried, lineage, imports)


def question(live_stack: LiveStack, order: Order) -> int:
    return sum(order.name in str(message) for message in live_stack.world.slack.messages)


def test_it_is_on_record(restored: Restored) -> None:
    (event,) = restarts(restored.live_stack)
    assert event["data"]["cause"] == "database-restored"
    assert event["data"]["counts"]["requests"] == 1
    (filled,) = restored.live_stack.admin.get("/audit/events", type="backup.restored")["items"]
    assert filled["data"]["events"] == filled["seq"] - 1


def test_a_request_that_was_issued_since_waits_again_and_is_issued(restored: Restored) -> None:
    """Its workflow has succeeded in Temporal, and is started once more."""
    order = restored.approved_later
    row = restored.live_stack.deployer.get(f"/certificate-requests/{order.request['id']}")
    assert row["status"] == "pending_approval"
    order.approve()
    order.wait_until_issued()
    order.wait_until_reported()
    assert len(order.certificates()) == 1
    assert question(restored.live_stack, order) == 1, "the message in Slack was found again"


def test_a_delivery_whose_later_generations_are_unknown_goes_on(restored: Restored) -> None:
    """Its workflow has seen the generation that comes next by name; a reference is never given twice."""
    order = restored.retried_later
    (before,) = order.deliveries()
    restored.live_stack.deployer.post(f"/deliveries/{before['id']}/retry")

    def delivered() -> Any:
        (row,) = order.deliveries()
        return row["status"] == "delivered" and row["generation"] == before["generation"] + 1

    until(delivered, "the delivery of the next generation", PATIENCE)


async def test_what_the_database_does_not_know_has_ended(restored: Restored) -> None:
    """And did nothing: no import is made for a delivery that does not exist."""
    client = await Client.connect(restored.temporal.address, namespace="certrail")
    lineage = restored.unknown_lineage

    async def running() -> list[str]:
        query = f"ExecutionStatus = 'Running' and certrailLineage = '{lineage}'"
        return [found.id async for found in client.list_workflows(query)]

    for _ in range(600):
        if not (left := await running()):
            break
        await asyncio.sleep(0.2)
    assert left == []
    assert restored.live_stack.world.acm.count("ImportCertificate", "ok") == restored.imports_before


def test_nothing_is_done_twice_and_nothing_is_stuck(restored: Restored) -> None:
    stack = restored.live_stack
    until(lambda: not any(stuck(stack).values()), "everything to come to its end", PATIENCE)
    tags = [stored.tags for stored in stack.world.acm.certificates()]
    (delivery,) = restored.issued.deliveries()
    assert sum(delivery["id"] in tag.values() for tag in tags) == 1
    assert len(restored.issued.mails()) == 1, "it was sent before the backup"
    found = {row["check"]: row for row in json.loads(stack.installation.run("doctor", "--json"))}
    assert found["workflows"]["ok"], found["workflows"]
    assert found["audit log"]["ok"], found["audit log"]
