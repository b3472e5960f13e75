"""Temporal's database is deleted with work of every kind in flight: everything goes on by itself, once, on record."""

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from examples.demo.installation import until
from temporalio.client import Client
from tests.live.live_stack import LiveStack, Order, opened
from tests.live.once import assert_once
from tests.live.processes import is_alive

from certrail_workflows.setup import KINDS

pytestmark = [pytest.mark.crash, pytest.mark.endurance]

DELIVERING = ("files", "acm", "vault")
WITHIN_SECONDS = 120.0
OPEN = {
    "certificate_request": "status in ('pending_approval', 'approved', 'issuing')",
    "delivery": "observed_generation <> generation and status not in ('failed', 'removed')",
    "retirement": "status = 'due'",
    "notification": "status in ('pending', 'retrying')",
    "approval_message": "closed_at is null",
    "outbox": "dispatched_at is null",
}
"""By table, what is stuck if it is still so at the end."""


@pytest.fixture(scope="module")
def live_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    with ExitStack() as stack:
        yield opened(stack, tmp_path_factory.mktemp("temporal_lost"))


@dataclass
class InFlight:
    """What was under way when Temporal's data went."""

    live_stack: LiveStack
    label: str
    orders: list[Order]
    removed: list[Path]
    restarted_before: int
    imports_before: int

    def wait_until_done(self, deadline: float) -> None:
        """Everything comes to its end before the deadline, with nobody's help."""
        stack = self.live_stack
        _by(deadline, lambda: not any(stuck(stack).values()), lambda: f"stuck: {stuck(stack)}")
        _by(deadline, lambda: not any(path.exists() for path in self.removed), lambda: "a removal")
        for order in self.orders:
            _by(deadline, lambda order=order: _arrived(order), lambda order=order: order.name)  # type: ignore[misc]

    def assert_once(self) -> None:
        """Nothing is lost, nothing is there twice, and the record says what happened."""
        stack = self.live_stack
        for order in self.orders:
            order.wait_until_issued()
            if order.application in DELIVERING:
                order.wait_until_verified()
            assert_once(order)
        acm = sum(order.application == "acm" for order in self.orders)
        assert stack.world.acm.count("ImportCertificate", "ok") - self.imports_before == acm
        assert [sync for sync in syncs(stack) if sync == self.label] == [], "it went with its last object"
        events = restarts(stack)
        assert len(events) == self.restarted_before + 1
        data = events[-1]["data"]
        assert data["cause"] == "store-replaced"
        assert {"requests", "deliveries", "removals", "notifications"} <= {
            k for k, n in data["counts"].items() if n
        }


@contextmanager
def lost(live_stack: LiveStack, label: str) -> Iterator[InFlight]:
    """Work of every kind under way; the worker is halted at the end, so that Temporal alone knows of the rest."""
    world = live_stack.world
    removed = [live_stack.order("removed", f"{label}-{n}-removed.live.example") for n in range(3)]
    _sync(live_stack, label)
    for order in removed:
        order.wait_until_issued()
        order.wait_until_verified()
        order.wait_until_reported()
    files = [
        live_stack.folder / order.deliveries()[0]["object_name"] / "current" / "cert.pem" for order in removed
    ]
    assert all(path.exists() for path in files)
    imports = world.acm.count("ImportCertificate", "ok")
    world.mail.hold()
    world.acm.hold("after")
    orders = [live_stack.order(name, f"{label}-{name}-begun.live.example") for name in ("acm", "files")]
    asked = [live_stack.order("asked", f"{label}-{n}-asked.live.example") for n in range(4)]
    assert world.acm.wait_until_held(60)
    for order in orders:
        order.wait_until_issued()
    until(lambda: all(_question(live_stack, order) for order in asked), "the questions in Slack")
    worker = live_stack.installation.pid("worker")
    assert worker is not None
    mark = json.loads((live_stack.installation.data_dir / "worker.json").read_text())
    # The parent first, so that it does not take its halted processes for stalled ones.
    halted = [worker, *mark["processes"].values()]
    for pid in halted:
        os.kill(pid, signal.SIGSTOP)
    try:
        names = [*["files"] * 5, *["acm"] * 5, *["vault"] * 4]
        orders += [live_stack.order(name, f"{label}-{name}-{n}.live.example") for n, name in enumerate(names)]
        for order in asked[:2]:
            order.approve()
        live_stack.admin.delete(f"/applications/removed/syncs/{label}", cleanup=True)
        until(lambda: stuck(live_stack)["outbox"] == 0, "the outbox to be empty")
        assert len(orders) + len(asked) == 20
        yield InFlight(live_stack, label, [*orders, *asked], files, len(restarts(live_stack)), imports)
    finally:
        for pid in reversed(halted):
            if is_alive(pid):
                os.kill(pid, signal.SIGCONT)


def test_temporal_alone(live_stack: LiveStack) -> None:
    """Its process dies and its files go, while server and worker run on."""
    _application(live_stack)
    with lost(live_stack, "alone") as flight:
        others = [live_stack.installation.pid(child) for child in ("server", "worker")]
        died = live_stack.installation.kill("temporal")
        _gone(died)
        _delete(live_stack)
        until(lambda: live_stack.installation.pid("temporal") not in (None, died), "Temporal to come back")
    _ends_well(flight)
    assert [live_stack.installation.pid(child) for child in ("server", "worker")] == others


def test_with_the_tree(live_stack: LiveStack) -> None:
    """Every process dies, and everything starts again without Temporal's files."""
    with lost(live_stack, "tree") as flight:
        pids = [live_stack.installation.pid(child) for child in ("temporal", "server", "worker")]
        live_stack.installation.kill_everything()
        for pid in pids:
            if pid is not None:
                _gone(pid)
        _delete(live_stack)
        live_stack.installation.start()
    _ends_well(flight)


async def test_all_schedules_are_there(live_stack: LiveStack) -> None:
    """And `doctor` has nothing to say against schedules and workflows."""
    port = (live_stack.installation.data_dir / "temporal.port").read_text()
    client = await Client.connect(f"127.0.0.1:{port}", namespace="certrail")
    for kind in KINDS:
        described = await client.get_schedule_handle(f"sweep-{kind}").describe()
        assert described.info.num_actions or described.info.next_action_times, kind
    found = {row["check"]: row for row in doctor(live_stack)}
    assert found["schedules"]["ok"]
    assert found["workflows"]["ok"], found["workflows"]
    assert "last started again at" in found["workflows"]["detail"]
    assert "requests" in found["workflows"]["detail"]


def _ends_well(flight: InFlight) -> None:
    began, world = time.monotonic(), flight.live_stack.world
    # What was at the mail server's door and at ACM is there still when the workflows are started again.
    _by(
        began + WITHIN_SECONDS,
        lambda: len(restarts(flight.live_stack)) > flight.restarted_before,
        lambda: "the event",
    )
    world.mail.release()
    world.acm.release()
    for order in flight.orders:
        if order.application == "asked" and order.name.split("-")[1] in ("2", "3"):
            order.approve()
    flight.wait_until_done(began + WITHIN_SECONDS)
    flight.assert_once()


def _application(live_stack: LiveStack) -> None:
    live_stack.application("removed")


def _sync(live_stack: LiveStack, label: str) -> None:
    body = {"slug": label, "name": label, "destination": "files", "connection": "folder"}
    live_stack.admin.post("/applications/removed/syncs", body)


def _gone(pid: int) -> None:
    until(lambda: not is_alive(pid), "a process to die")


def _delete(live_stack: LiveStack) -> None:
    for file in live_stack.installation.data_dir.glob("temporal.db*"):
        file.unlink()


def _question(live_stack: LiveStack, order: Order) -> bool:
    return any(order.name in str(message) for message in live_stack.world.slack.messages)


def _arrived(order: Order) -> bool:
    order.wait_until_issued()
    return bool(order.mails())


def _by(deadline: float, condition: Callable[[], bool], what: Callable[[], str]) -> None:
    while not condition():
        assert time.monotonic() < deadline, f"not within {WITHIN_SECONDS:.0f} s: {what()}"
        time.sleep(0.5)


def stuck(live_stack: LiveStack) -> dict[str, int]:
    """By table, how many objects are not at their end."""
    database = sqlite3.connect(live_stack.installation.data_dir / "certrail.db", timeout=30)
    try:
        return {
            table: database.execute(f"select count(*) from {table} where {condition}").fetchone()[0]
            for table, condition in OPEN.items()
        }
    finally:
        database.close()


def restarts(live_stack: LiveStack) -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = live_stack.admin.get("/audit/events", type="workflows.restarted")["items"]
    return found


def syncs(live_stack: LiveStack) -> list[str]:
    return [row["slug"] for row in live_stack.admin.get("/applications/removed/syncs")["items"]]


def doctor(live_stack: LiveStack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(live_stack.installation.run("doctor", "--json"))
    return found
