"""One attack after the other against a live server: it stays alive, and what others request goes on."""

import json
import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from examples.demo.installation import until
from tests.live import attacks
from tests.live.attacks import Caller, Outcome
from tests.live.live_stack import OPEN, LiveStack, opened
from tests.live.prober import Sample, samples
from tests.support.postgres import fresh_database

from certrail.services.inventory.selectors import MOST_PATTERNS

pytestmark = pytest.mark.attacks

HEALTH_SECONDS = 0.25
LEAST_SAMPLES, LEAST_CALLS = 100, 5
STEADY, ATTACKED = "steady", "attacked"
POLLERS = 25


@dataclass
class Figures:
    """What others noticed of each attack, for a table."""

    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, what: str, found: list[Sample], outcome: Outcome) -> None:
        """One line."""
        health, me, request = (_seconds(found, kind) for kind in ("healthz", "me", "request"))
        answers = ", ".join(f"{count} x {status}" for status, count in sorted(outcome.statuses.items()))
        failed = sum(sample.status not in (200, 202) for sample in found)
        row = [what, *(_ms(percentile(health, share)) for share in (50, 99, 100))]
        row += [_ms(percentile(calls, share)) for calls in (me, request) for share in (50, 100)]
        self.rows.append((*row, f"{failed} of {len(found)}", answers))

    def table(self) -> str:
        """As Markdown."""
        head = (
            "attack",
            "healthz p50",
            "p99",
            "max",
            "me p50",
            "max",
            "request p50",
            "max",
            "failed",
            "answers",
        )
        rows = (head, ("---",) * len(head), *self.rows)
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def percentile(seconds: list[float], share: int) -> float:
    """The value that this share, in percent, does not exceed (nearest rank)."""
    return sorted(seconds)[max(0, math.ceil(len(seconds) * share / 100) - 1)]


def _seconds(found: list[Sample], what: str) -> list[float]:
    return [sample.seconds for sample in found if sample.what == what] or [math.inf]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


@pytest.fixture
def live_stack(tmp_path: Path, postgres: str) -> Iterator[LiveStack]:
    """An installation with an Application for the prober, and one for each kind of costly pattern."""
    with ExitStack() as stack:
        found = opened(stack, tmp_path, CERTRAIL_DATABASE_URL=fresh_database(postgres))
        found.application(STEADY)
        costly = {"sans": {"dns": {"allowed": attacks.costly_patterns("p")}}}
        _profile(found, "costly", costly)
        _profile(found, "anything", {"sans": {"dns": {"allowed": ["*"]}}})
        found.application(ATTACKED, "costly")
        found.application("filtered", "anything")
        for number in range(MOST_PATTERNS // 45):
            filters = {"names": attacks.costly_patterns(f"f{number}-")}
            alert = {"slug": f"a{number}", "name": "A", "events": ["request.created"], "channels": ["mail"]}
            found.admin.post("/applications/filtered/alerts", {**alert, "selector": filters})
        yield found


def _profile(live_stack: LiveStack, slug: str, rules: dict[str, Any]) -> None:
    live_stack.admin.post("/certificate-policies", {"slug": slug, "name": slug, "rules": rules})
    profile = {"slug": slug, "name": slug, "ca": "root", "policy": slug, "ttl": "47d"}
    live_stack.admin.post("/certificate-profiles", profile)


def callers(live_stack: LiveStack, application: str, count: int) -> list[Caller]:
    """Members of an Application who attack from within."""
    found = []
    for number in range(count):
        slug = f"{application}-{number}"
        live_stack.admin.post("/machine-identities", {"slug": slug, "name": slug})
        live_stack.admin.put(f"/applications/{application}/members/{slug}", {"role": "operator"})
        live_stack.token(slug)
        found.append(Caller(live_stack.installation.url, live_stack.tokens[slug]))
    return found


@pytest.fixture
def sampled(live_stack: LiveStack, tmp_path: Path) -> Iterator[Path]:
    """Where the prober writes what it sees."""
    file = tmp_path / "samples"
    file.touch()
    command = [sys.executable, "-m", "tests.live.prober", live_stack.installation.url, STEADY, str(file)]
    prober = subprocess.Popen(command, env={**os.environ, "PROBER_TOKEN": live_stack.tokens["deployer"]})
    try:
        yield file
    finally:
        prober.kill()
        prober.wait(60)


def test_nobody_else_notices_an_attack(
    live_stack: LiveStack, sampled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = live_stack.installation.url
    insiders = {name: callers(live_stack, name, 2) for name in (ATTACKED, "filtered")}
    pollers = callers(live_stack, "asked", POLLERS)
    waiting = live_stack.order("asked", "never.live.example").request["id"]
    until(lambda: len(samples(sampled, 0, math.inf)) > LEAST_SAMPLES, "the first samples")

    def flood(application: str, path: str, *contents: bytes) -> Callable[[], Outcome]:
        return lambda: attacks.floods(insiders[application], f"/applications/{application}/{path}", contents)

    def names(profile: str) -> bytes:
        return json.dumps({"profile": profile, **attacks.hundred_names()}).encode()

    wrong = [attacks.wrong_names(count) for count in (60_000, 15_000)]
    inflicted: dict[str, Callable[[], Outcome]] = {
        "none": quiet,
        "1,200 slow clients": lambda: attacks.slowloris(url),
        "500 long polls of 25 callers": lambda: attacks.long_polls(pollers, waiting),
        "500 long polls of one caller": lambda: attacks.long_polls(pollers[:1], waiting),
        "45 patterns of a policy x 100 names": flood(ATTACKED, "certificate-requests", names("costly")),
        "45 patterns of each alert x 100 names": flood("filtered", "certificate-requests", names("anything")),
        "encrypted keys and PKCS#12": flood(ATTACKED, "certificates", *attacks.costly_files(tmp_path)),
        "60,000 wrong SANs": flood(ATTACKED, "certificate-requests", *wrong),
    }
    figures = Figures()
    slow: dict[str, float] = {}
    failed: dict[str, list[Sample]] = {}
    refused: dict[str, set[int]] = {}
    thin: dict[str, Counter[str]] = {}
    for what, attack in inflicted.items():
        began = time.monotonic()
        outcome = attack()
        found = settled(sampled, began, time.monotonic())
        figures.add(what, found, outcome)
        health = percentile(_seconds(found, "healthz"), 99)
        slow |= {what: health} if health >= HEALTH_SECONDS else {}
        wrongly = [s for s in found if s.status not in (200, 202)]
        failed |= {what: wrongly} if wrongly else {}
        faults = {status for status in outcome.statuses if status >= 500}
        refused |= {what: faults} if faults else {}
        counts = Counter(sample.what for sample in found)
        few = counts["healthz"] < LEAST_SAMPLES or min(counts["me"], counts["request"]) < LEAST_CALLS
        thin |= {what: counts} if few else {}
    with capsys.disabled():
        print(f"\n{figures.table()}")
    assert (slow, failed, refused, thin) == ({}, {}, {}, {}), figures.table()
    all_issued(live_stack)


def quiet() -> Outcome:
    """What the figures are without an attack."""
    time.sleep(attacks.SECONDS / 2)
    return Outcome()


def settled(file: Path, began: float, ended: float) -> list[Sample]:
    """The samples of a period, once those that began in it are over."""

    def over() -> bool:
        later = {sample.what for sample in samples(file, ended, math.inf)}
        return later == {"healthz", "me", "request"}

    until(over, "the calls that began during an attack")
    return samples(file, began, ended)


def all_issued(live_stack: LiveStack) -> None:
    """What the prober requested, once it has ended or not: nothing of it waits for long or failed."""
    path = f"/applications/{STEADY}/certificate-requests"
    rows = live_stack.admin.get(path, limit=200)["items"]
    ends = time.monotonic() + 60
    pending = [row["id"] for row in rows]
    while pending and time.monotonic() < ends:
        status = live_stack.admin.get(f"/certificate-requests/{pending[0]}", wait=30)["status"]
        if status not in OPEN:
            assert status == "issued"
            del pending[0]
    assert not pending
