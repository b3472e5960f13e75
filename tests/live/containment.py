"""A live stack with misbehaving plugins, a steady load beside them, and who says what they did."""

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
from examples.demo.installation import Refused, until
from tests.live.live_stack import OPEN, LiveStack
from tests.support.culprits import DISTRIBUTION, VERSION

from certrail.domain.states import DeliveryStatus, RequestStatus

EVERY = 0.5
STEADY = "steady"
ENDED_WITHIN = 60.0
"""Seconds: of the grace of a cancelled call, most of which is over when its plugin is named."""


@dataclass
class Load:
    """Two requests a second, of which each asks for a certificate and lists them; and how long each took."""

    live_stack: LiveStack
    took: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """In a thread, until the block ends."""
        ended = threading.Event()
        thread = threading.Thread(target=self._run, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _run(self, ended: threading.Event) -> None:
        token = self.live_stack.tokens["deployer"]
        with httpx2.Client(
            base_url=f"{self.live_stack.installation.url}/api/v1/applications/{STEADY}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        ) as client:
            due = time.monotonic()
            while not ended.wait(max(0.0, due - time.monotonic())):
                due += EVERY
                self._one(client)

    def _one(self, client: httpx2.Client) -> None:
        name = f"steady-{len(self.names)}-{id(self)}.live.example"
        began = time.monotonic()
        try:
            ordered = client.post(
                "/certificate-requests",
                json=self.live_stack.desired(name),
                headers={"Idempotency-Key": name},
            )
            rows = client.get("/certificates", params={"limit": 20})
        except httpx2.HTTPError as error:
            self.refused.append(type(error).__name__)
            return
        self.took.append(time.monotonic() - began)
        if ordered.status_code != 202 or rows.status_code != 200:
            self.refused.append(f"{ordered.status_code} {rows.status_code}")
        else:
            self.names.append(name)

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.took)

    @property
    def slowest(self) -> float:
        """Seconds."""
        return max(self.took)


@dataclass
class Figures:
    """What was measured, for a table."""

    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, what: str, load: Load, named: float | None = None) -> None:
        """One line: how long the load's requests took, and after how long a culprit was named."""
        self.rows.append(
            (
                what,
                f"{named:.0f} s" if named is not None else "",
                f"{load.median * 1000:.0f} ms",
                f"{load.slowest * 1000:.0f} ms",
                f"{len(load.took)}",
                f"{len(load.refused)}",
            )
        )

    def table(self) -> str:
        """As Markdown."""
        head = ("culprit", "named after", "median", "slowest", "requests", "failed")
        rows = (head, ("---",) * len(head), *self.rows)
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


@dataclass
class Case:
    """One plugin that misbehaves, and what is to be said of it.

    Attributes:
        quarantined: it is named with its quarantine.
        unending: its call ignores the cancellation, and is ended with its process: then it is quarantined as well.
    """

    kind: str
    name: str
    verb: str
    quarantined: bool
    unending: bool = False

    @property
    def plugin(self) -> str:
        """Name of the plugin: of all observers that of their distribution."""
        return DISTRIBUTION if self.kind == "observer" else self.name

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.plugin}"


def provoke(live_stack: LiveStack, case: Case) -> None:
    """Have the plugin called."""
    slug = case.name
    live_stack.admin.post("/applications", {"slug": slug, "name": slug, "profiles": ["web"]})
    if case.kind == "observer":
        return  # the event of the new Application is what it misbehaves at
    live_stack.admin.put(f"/applications/{slug}/members/deployer", {"role": "operator"})
    if case.verb == "check":
        body = {"plugin": case.name, "config": {}}
        threading.Thread(
            target=_refused, args=(live_stack, f"/applications/{slug}/syncs/check", body)
        ).start()
        return
    if case.kind == "destination":
        body = {"slug": "bad", "name": "Bad", "destination": case.name, "config": {}}
        live_stack.admin.post(f"/applications/{slug}/syncs", body)
    else:
        channel = {"slug": "bad", "name": "Bad", "notifier": case.name, "config": {}}
        live_stack.admin.post(f"/applications/{slug}/channels", channel)
        alert = {"slug": "bad", "name": "Bad", "events": ["certificate.issued"], "channels": ["bad"]}
        live_stack.admin.post(f"/applications/{slug}/alerts", alert)
    live_stack.order(slug, f"{slug}.live.example")


def _refused(live_stack: LiveStack, path: str, body: dict[str, Any]) -> None:
    with suppress(Refused):
        live_stack.admin.post(path, body)


def fault_of(live_stack: LiveStack, case: Case) -> dict[str, Any] | None:
    """What the API says of it."""
    row = live_stack.admin.get(f"/plugins/{case.kind}/{case.plugin}")
    fault: dict[str, Any] | None = row["fault"]
    return fault if fault and (fault["quarantined_at"] or not case.quarantined) else None


def assert_named(live_stack: LiveStack, case: Case, within: float) -> float:
    """Everywhere: what all read is recorded within so many seconds; returns how many it took."""
    began = time.monotonic()
    fault = until(lambda: fault_of(live_stack, case), f"{case.key} to be named", within)
    took = time.monotonic() - began
    assert (fault["version"], fault["verb"]) == (VERSION, case.verb), fault
    events = live_stack.admin.get("/audit/events", subject=case.key, limit=200)["items"]
    said = [e for e in events if e["type"] in ("plugin.faulted", "plugin.quarantined")]
    assert said, events
    assert all(part in said[-1]["data"]["message"] for part in (case.key, VERSION, case.verb)), said
    incidents = live_stack.admin.get("/incidents", limit=200)["items"]
    assert [row for row in incidents if row["key"] == f"plugin-{case.key}"], incidents
    assert f"{case.key}: version {VERSION}" in checked(live_stack)
    listed = json.loads(live_stack.installation.run("plugins", "--json"))
    (row,) = [row for row in listed if (row["kind"], row["name"]) == (case.kind, case.plugin)]
    assert VERSION in row["fault"]["reason"]
    assert case.verb in row["fault"]["reason"]
    return took


def checked(live_stack: LiveStack) -> str:
    """What `certrail doctor` finds."""
    command = [sys.executable, "-m", "certrail_server", "doctor"]
    env = live_stack.installation._env
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout


def cleared(live_stack: LiveStack, case: Case) -> None:
    """Nothing calls the plugin any more, no call of it runs, and it is released."""
    if case.unending:
        ended = replace(case, quarantined=True)
        until(lambda: fault_of(live_stack, ended), f"the process of {case.key} to be ended", ENDED_WITHIN)
    path = f"/applications/{case.name}"
    if case.kind == "destination" and case.verb != "check":
        live_stack.admin.delete(f"{path}/syncs/bad")
    elif case.kind == "notifier":
        live_stack.admin.delete(f"{path}/alerts/bad")
        live_stack.admin.delete(f"{path}/channels/bad")
    with suppress(Refused):  # a fault may be recorded once more while its last call ends
        live_stack.admin.post(f"/plugins/{case.kind}/{case.plugin}/release")


def prepare(live_stack: LiveStack) -> None:
    """An alert about plugins that opens incidents, and the Application of the load, which delivers to a folder."""
    watched(live_stack)
    live_stack.application(STEADY)
    live_stack.sync(STEADY, "files", "folder")


def watched(live_stack: LiveStack) -> None:
    """A product-wide alert about plugins that escalates, so that it opens incidents."""
    mail = {"sender": "certrail@example.com", "recipients": ["ops@example.com"]}
    channel = {"slug": "ops", "name": "Ops", "notifier": "email", "connection": "mail", "config": mail}
    live_stack.admin.post("/channels", {**channel, "product_wide": True})
    alert = {
        "slug": "plugins",
        "name": "Plugins",
        "product_wide": True,
        "events": ["plugin.faulted", "plugin.quarantined"],
        "channels": ["ops"],
        "escalation": [{"after": "1h", "channels": ["ops"]}],
    }
    live_stack.admin.post("/alerts", alert)


def all_delivered(live_stack: LiveStack, load: Load) -> None:
    """Everything that the load requested is issued, and at its destination."""

    def found(collection: str, status: str) -> list[Any]:
        path = f"/applications/{STEADY}/{collection}"
        rows: list[Any] = live_stack.admin.get(path, status=status, limit=200)["items"]
        return rows

    until(
        lambda: not any(found("certificate-requests", status) for status in OPEN), "all requests of the load"
    )
    others = set(RequestStatus) - {RequestStatus.ISSUED}
    assert not [row for status in sorted(others) for row in found("certificate-requests", status)]

    def pending() -> list[Any]:
        rows = live_stack.admin.get(f"/applications/{STEADY}/deliveries", limit=200)["items"]
        return [row for row in rows if row["verified_at"] is None]

    until(lambda: not pending(), "all deliveries of the load")
    undelivered = set(DeliveryStatus) - {DeliveryStatus.DELIVERED}
    assert not [row for status in sorted(undelivered) for row in found("deliveries", status)]
    assert len(load.names) == len(load.took)
