"""300 agents in one process against one server, with Temporal killed on the way: each renews once, none together."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from examples.demo.installation import until
from tests.live.live_stack import LiveStack, opened

from certrail_agent import config
from certrail_agent.enrollment import enroll
from certrail_agent.lifecycle import Lifecycle
from certrail_agent.runner import lifecycle, token_of

pytestmark = [pytest.mark.crash, pytest.mark.endurance]

COUNT, THREADS = 300, 12
AUTHORITY = "root"
WINDOW = 60
"""Seconds in which the authority wants all of them replaced."""
PATIENCE = 600.0


def hosts(stack: LiveStack, folder: Path) -> list[Lifecycle]:
    """Each with folders of its own, enrolled by a one-time token of its own."""
    found = []
    for number in range(COUNT):
        place = folder / f"host-{number}"
        for name in ("state", "tls"):
            (place / name).mkdir(parents=True, mode=0o700)
        name = f"host-{number}.live.example"
        path = "/applications/fleet/profiles/web/enrollment/api/agents"
        token = stack.admin.post(path, {"name": f"host-{number}", "names": [name]})["token"]
        document = {
            "server": {"url": stack.installation.url},
            "application": "fleet",
            "profile": "web",
            "state_dir": str(place / "state"),
            "check_every": "5s",
            "certificates": [{"name": "www", "dns": [name], "directory": str(place / "tls")}],
        }
        read = config.parse(document)
        enroll(read, token)
        found.append(lifecycle(read, read.certificates[0], token_of(read)))
    return found


def drive(agents: list[Lifecycle], stop: Callable[[], bool]) -> None:
    """Let each agent take its passes when they are due, as a thread of its own would, until all is done."""
    due = dict.fromkeys(range(len(agents)), 0.0)
    busy: set[int] = set()
    lock = threading.Lock()

    def passed(number: int) -> None:
        outcome = agents[number].advance()
        with lock:
            due[number] = time.monotonic() + min(outcome.again, 5.0)
            busy.discard(number)

    deadline = time.monotonic() + PATIENCE
    with ThreadPoolExecutor(THREADS) as pool:
        while not stop():
            assert time.monotonic() < deadline, "some agent did not get its certificate"
            now = time.monotonic()
            with lock:
                ready = [number for number, at in due.items() if at <= now and number not in busy]
                busy.update(ready)
            for number in ready:
                pool.submit(passed, number)
            time.sleep(0.05)


def held(agents: list[Lifecycle]) -> list[str]:
    return [agent.work.state.held.fingerprint for agent in agents if agent.work.state.held]


def certificates(live: LiveStack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = live.admin.get("/applications/fleet/certificates", limit=200, **more)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        more = {"cursor": page["next_cursor"]}


def test_a_fleet_renews_once_each_and_spread_though_temporal_dies(tmp_path: Path) -> None:
    with ExitStack() as stack:
        live = opened(stack, tmp_path)
        live.application("fleet")
        agents = hosts(live, tmp_path / "hosts")
        drive(agents, lambda: len(held(agents)) == COUNT)
        first = held(agents)
        begins = datetime.now(UTC) + timedelta(seconds=5)
        window = {"begins": begins.isoformat(), "ends": (begins + timedelta(seconds=WINDOW)).isoformat()}
        live.admin.put(f"/certificate-authorities/{AUTHORITY}/renewal-info", window)

        def renewed() -> int:
            return sum(new != old for new, old in zip(held(agents), first, strict=True))

        def kill_temporal() -> None:
            until(lambda: renewed() >= COUNT // 4, "a quarter of the renewals", PATIENCE)
            live.installation.kill("temporal")

        killer = threading.Thread(target=kill_temporal)
        killer.start()
        drive(agents, lambda: renewed() == COUNT)
        killer.join(PATIENCE)

        rows = certificates(live)
        lineages = Counter(row["lineage_id"] for row in rows)
        assert sorted(lineages.values()) == [2] * COUNT, "each was issued once and renewed once"
        served = {row["fingerprint"] for row in rows if row["status"] == "active"}
        assert served == set(held(agents))
        for number in range(COUNT):
            link = os.readlink(tmp_path / "hosts" / f"host-{number}" / "tls/www/current")
            assert any(each.startswith(link[:16]) for each in served)
        times = [datetime.fromisoformat(row["created_at"]) for row in rows if row["status"] == "active"]
        busiest = max(Counter(at.replace(microsecond=0) for at in times).values())
        lasted = max(times) - min(times)
        print(f"{COUNT} renewals in {lasted.total_seconds():.0f} s, {busiest} in the busiest second")
        assert lasted > timedelta(seconds=WINDOW / 2)
