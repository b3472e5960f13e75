"""A process dies at every step boundary of a batch; each request ends with one certificate, one object, one mail."""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx2
import pytest
from examples.demo.installation import until
from tests.live.doomed import Doomed, doomed_in
from tests.live.live_stack import PATIENCE, LiveStack, names_of

pytestmark = pytest.mark.crash

PLACES = {
    # The dispatcher has the rows: none is sent, then the batch is started and no row is marked.
    "outbox.handed_over": 6,
    "outbox.batch_started": 12,
    "issuance_batch.begin": 12,
    "issuance_batch.item.37": 100,
    "issuance_batch.signed": 12,
    "issuance_batch.committed": 12,
    # The process of plugins: before the intents, before the calls, before the receipts, among them, and after them.
    "delivery_batch.begin": 12,
    "delivery_batch.intended": 12,
    "delivery_batch.answered": 12,
    "delivery_batch.item.2": 30,
    "delivery_batch.recorded": 12,
}
"""Where a process dies, and how many requests are accepted before."""
ENDURANCE = (
    "issuance_batch.begin",
    "issuance_batch.signed",
    "delivery_batch.begin",
    "delivery_batch.answered",
    "delivery_batch.item.2",
    "delivery_batch.recorded",
)
"""The same to the database as the place before or after, which is in `make test`."""


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    with doomed_in(tmp_path_factory.mktemp("batches")) as doomed:
        yield doomed


@pytest.mark.parametrize(
    "place",
    [pytest.param(place, marks=pytest.mark.endurance if place in ENDURANCE else ()) for place in PLACES],
)
def test_killed_inside_a_batch(doomed: Doomed, place: str) -> None:
    """All are accepted while Temporal is down, so that they are due together when it is back."""
    live_stack, count = doomed.live_stack, PLACES[place]
    label = place.replace(".", "-").replace("_", "-")
    names = [f"{label}-{number}.live.example" for number in range(count)]
    if place == "outbox.handed_over":
        # With Temporal up: the server dies between the commit and the start.
        doomed.die_at(place)
        requests = accepted(live_stack, names, repeatable=True)
    else:
        doomed.temporal.kill()
        try:
            requests = accepted(live_stack, names)
            doomed.die_at(place)
        finally:
            doomed.temporal.start()
    doomed.wait_until_died_at(place)
    done = {ident: until(partial(issued, live_stack, ident), ident, PATIENCE) for ident in requests}
    assert len(done) == count
    certificates = Counter(
        name
        for row in everything(live_stack, "/applications/files/certificates")
        for name in names_of(row["pem"])
    )
    assert {name: certificates[name] for name in names} == dict.fromkeys(names, 1)
    until(lambda: set(names) <= set(delivered(live_stack)), "the deliveries", PATIENCE)
    until(lambda: set(names) <= set(reported(live_stack)), "the mails", PATIENCE)
    objects, mails = Counter(delivered(live_stack)), Counter(arrived(live_stack))
    assert {name: objects[name] for name in names} == dict.fromkeys(names, 1)
    if not place.startswith("delivery_batch."):
        # The process of plugins sends mail as well: what was being sent when it died is sent again (decision 0002).
        assert {name: mails[name] for name in names} == dict.fromkeys(names, 1)


def accepted(live_stack: LiveStack, names: list[str], *, repeatable: bool = False) -> list[str]:
    """Requests made at the same time; each is kept. Repeated under its idempotency key where a server dies."""
    url = f"{live_stack.installation.url}/api/v1/applications/files/certificate-requests"
    token = live_stack.tokens["deployer"]

    def post(name: str) -> str:
        if repeatable:
            ident: str = live_stack.order("files", name).request["id"]
            return ident
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": name}
        answer = httpx2.post(url, json=live_stack.desired(name), headers=headers, timeout=60, trust_env=False)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(post, names))


def issued(live_stack: LiveStack, ident: str) -> Any:
    row = live_stack.deployer.get(f"/certificate-requests/{ident}")
    assert row["status"] in ("approved", "issued"), row
    return row if row["status"] == "issued" else None


def everything(live_stack: LiveStack, path: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = live_stack.admin.get(path, limit=200, **cursor)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def delivered(live_stack: LiveStack) -> list[str]:
    """The name in each object that was delivered and read back, one for each delivery."""
    rows = everything(live_stack, "/applications/files/deliveries")
    folders = [
        live_stack.folder / row["object_name"] for row in rows if row["verified_at"] and row["receipt"]
    ]
    return [name for path in folders for name in names_of((path / "current" / "cert.pem").read_text())]


def reported(live_stack: LiveStack) -> list[str]:
    """The names whose mails are on record as sent."""
    rows = everything(live_stack, "/applications/files/notifications")
    return [name for row in rows if row["status"] == "sent" for name in mentioned(str(row["content"]))]


def arrived(live_stack: LiveStack) -> list[str]:
    """The name in each mail that arrived."""
    return [name for mail in live_stack.world.mail.mails for name in mentioned(mail.part("text/plain"))]


def mentioned(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9-]+\.live\.example", text))
