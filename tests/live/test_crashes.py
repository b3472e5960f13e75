"""A process dies at every step boundary of a journey; one certificate, one object, one version, one mail come of it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from examples.demo.installation import until
from tests.live.doomed import Doomed, doomed_in
from tests.live.live_stack import PATIENCE, LiveStack, Order
from tests.live.once import assert_once

pytestmark = pytest.mark.crash

DELIVERING = ("files", "acm", "vault")
PLACES = {
    "asked": [
        *("issuance.begin", "issuance.signed", "issuance.end", "outbox.sent"),
        *("approval_message.intended", "approval_message.posted"),
    ],
    "acm": ["delivery.intended", "delivery.answered", "delivery.recorded", "delivery.verified"],
    "vault": ["delivery.intended", "delivery.answered"],
    # With an approval, the deciding vote commits what is issued.
    "files": [
        "issuance.committed",
        "delivery.answered",
        "notification.intended",
        "notification.answered",
        "notification.recorded",
    ],
}


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    with doomed_in(tmp_path_factory.mktemp("killed_at")) as doomed:
        yield doomed


@pytest.mark.parametrize(
    "application",
    ["asked", "files", *(pytest.param(name, marks=pytest.mark.endurance) for name in ("acm", "vault"))],
)
def test_killed_at_each_step_boundary(doomed: Doomed, application: str) -> None:
    """Each order loses a process at its place, while the ones before it are still on their way."""
    live_stack = doomed.live_stack
    imports = live_stack.world.acm.count("ImportCertificate", "ok")
    orders: dict[str, Order] = {}
    for place in PLACES[application]:
        if place.startswith("notification"):
            # A mail that is still under way would die at this place in the stead of the one that should.
            for earlier in orders.values():
                earlier.wait_until_reported()
            orders[place] = ordered(doomed, application, place)
            orders[place].wait_until_reported()
        else:
            with mails_under_way(live_stack, orders.values()):
                orders[place] = ordered(doomed, application, place)
        if place.startswith("approval_message"):
            until(
                lambda name=orders[place].name: question_about(live_stack, name),  # type: ignore[misc]
                f"the question at {place}",
            )
            orders[place].approve()
    for place, order in orders.items():
        order.wait_until_issued()
        if application != "asked":
            order.wait_until_verified()
        order.wait_until_reported()
        # A mail server that took a mail cannot be asked for it: the second one says that it is the same.
        assert_once(order, mails=2 if place == "notification.answered" else 1)
        # Who is approved at once may be asked about or not, but nobody is asked twice.
        assert question_about(live_stack, order.name) in (
            (1,) if place.startswith("approval_message") else (0, 1)
        ), place
    made = live_stack.world.acm.count("ImportCertificate", "ok") - imports
    assert made == (len(orders) if application == "acm" else 0)


def ordered(doomed: Doomed, application: str, place: str) -> Order:
    """An order during which a process dies at the place."""
    doomed.die_at(place)
    order = doomed.live_stack.order(application, f"{application}-{label(place)}.live.example")
    if application == "asked" and not place.startswith("approval_message"):
        order.approve()
    doomed.wait_until_died_at(place)
    return order


def label(place: str) -> str:
    """A checkpoint's name as a label of a DNS name."""
    return re.sub("[._]", "-", place)


@contextmanager
def mails_under_way(live_stack: LiveStack, earlier: Iterable[Order]) -> Iterator[None]:
    """What is sent meanwhile is still at the mail server's door at the end, so that no process dies just after it
    was taken: that would excuse a second mail."""
    live_stack.world.mail.hold()
    try:
        for order in earlier:
            if order.mails():  # taken already: then the record has to know it, too
                order.wait_until_reported()
        yield
    finally:
        live_stack.world.mail.release()


def question_about(live_stack: LiveStack, name: str) -> int:
    """How many messages in Slack ask about a name."""
    return sum(name in str(message) for message in live_stack.world.slack.messages)


def test_temporal_killed_in_flight(doomed: Doomed) -> None:
    """With an import that is not answered, deliveries that begin, mails at the door and a question that is open."""
    live_stack = doomed.live_stack
    live_stack.world.acm.hold("after")
    with mails_under_way(live_stack, ()):
        acm, asked = (
            live_stack.order(name, f"{name}-temporal-dies.live.example") for name in ("acm", "asked")
        )
        until(lambda: question_about(live_stack, asked.name), "the question")
        assert live_stack.world.acm.wait_until_held(180)
        begun = [live_stack.order(name, f"{name}-temporal-dies.live.example") for name in ("files", "vault")]
        for order in begun:
            order.wait_until_issued()
        doomed.temporal.kill()
        asked.approve()
        live_stack.world.acm.release()
    doomed.temporal.start()
    assert_all_once([acm, *begun, asked])
    assert question_about(live_stack, asked.name) == 1


def test_accepted_while_temporal_is_down(doomed: Doomed) -> None:
    live_stack = doomed.live_stack
    doomed.temporal.kill()
    try:
        orders = [
            accepted(live_stack, name, f"down-{n}.live.example") for n, name in enumerate(DELIVERING * 2)
        ]
        asked = accepted(live_stack, "asked", "down-and-asked.live.example")
        asked.approve()
    finally:
        doomed.temporal.start()
    assert_all_once([*orders, asked])


def accepted(live_stack: LiveStack, application: str, name: str) -> Order:
    """An order that is kept, and not yet acted upon."""
    url = f"{live_stack.installation.url}/api/v1/applications/{application}/certificate-requests"
    headers = {"Authorization": f"Bearer {live_stack.tokens['deployer']}"}
    answer = httpx2.post(url, json=live_stack.desired(name), headers=headers, timeout=60, trust_env=False)
    assert answer.status_code == 202, answer.text
    order = Order(live_stack, application, name, answer.json())
    assert order.request["status"] == ("pending_approval" if application == "asked" else "approved")
    return order


def assert_all_once(orders: Sequence[Order]) -> None:
    """Each order comes to its end, and everything is there once."""
    for order in orders:
        order.wait_until_issued()
        if order.application in DELIVERING:
            order.wait_until_verified()
        order.wait_until_reported()
        assert_once(order)


REVOKING = ("revocation.begin", "revocation.committed", "revocation.end")


def test_a_guarded_revocation_killed_at_each_step_boundary(doomed: Doomed) -> None:
    """Two approve in Slack; whatever dies, one revocation, one removal and one mail come of each request."""
    live_stack = doomed.live_stack
    guarded(live_stack)
    orders = {place: live_stack.order("guarded", f"{label(place)}.live.example") for place in REVOKING}
    for order in orders.values():
        order.wait_until_issued()
        order.wait_until_verified()
    for place, order in orders.items():
        certificate, delivered = order.request["certificate_id"], delivered_file(order)
        assert delivered.exists()
        if place != "revocation.committed":
            doomed.die_at(place)
        path = f"/certificates/{certificate}/revoke"
        row = live_stack.deployer.post(path, {"reason": "keyCompromise"}, **{"Idempotency-Key": place})
        assert row["status"] == "pending_approval"
        if place == "revocation.committed":
            doomed.die_at(place)  # the step that only waits commits nothing that is called so
        for voter in ("alice", "bob"):
            assert live_stack.click("guarded", voter, order.name).status == 200
        doomed.wait_until_died_at(place)
        done = until(partial(final, live_stack, row["id"]), f"the revocation at {place}", PATIENCE)
        assert done["status"] == "revoked", done
        until(partial(is_gone, delivered), f"the removal of {order.name}", PATIENCE)
        until(partial(mails_on_revocation, live_stack, order), f"the mail on {order.name}", PATIENCE)
    revoked = live_stack.events("guarded", "certificate.revoked")
    assert sorted(event["subject_id"] for event in revoked) == sorted(
        order.request["certificate_id"] for order in orders.values()
    )
    for order in orders.values():
        assert len(set(mails_on_revocation(live_stack, order))) == 1


def test_a_rejected_revocation_changes_nothing(doomed: Doomed) -> None:
    live_stack = doomed.live_stack
    guarded(live_stack)
    order = live_stack.order("guarded", "rejected-revocation.live.example")
    order.wait_until_issued()
    order.wait_until_verified()
    row = live_stack.deployer.post(f"/certificates/{order.request['certificate_id']}/revoke", {})
    votes = f"/approval-requests/{row['approval_request_id']}/votes"
    live_stack.api("bob").post(votes, {"decision": "reject", "comment": "still in use"})
    done = until(lambda: final(live_stack, row["id"]), "the end of the request")
    assert (done["status"], done["reason"]) == ("rejected", "still in use")
    assert live_stack.admin.get(f"/certificates/{order.request['certificate_id']}")["status"] == "active"
    assert delivered_file(order).exists()
    assert mails_on_revocation(live_stack, order) == []


def delivered_file(order: Order) -> Path:
    """What the files destination holds of an order's certificate."""
    [delivery] = order.deliveries()
    name: str = delivery["object_name"]
    return order.live_stack.folder / name / "current" / "cert.pem"


def is_gone(path: Path) -> bool:
    return not path.exists()


def guarded(live_stack: LiveStack) -> None:
    """An Application whose revocations two people approve, with a sync that removes and a mail on each; once."""
    if "bob" in live_stack.tokens:
        return
    live_stack.admin.post("/users", {"slug": "bob", "name": "Bob", "email": "bob@example.com"})
    live_stack.token("bob")
    live_stack.application("guarded")
    live_stack.admin.put("/applications/guarded/members/bob", {"role": "operator"})
    live_stack.sync("guarded", "files", "folder", prune=True)
    alert = {"slug": "revoked", "name": "Revoked", "events": ["certificate.revoked"], "channels": ["mail"]}
    live_stack.admin.post("/applications/guarded/alerts", alert)
    live_stack.approvals_channel("guarded")
    step = {"name": "Security", "approvers": ["alice", "bob"], "quorum": 2, "channels": ["approvals"]}
    live_stack.guard("guarded", step, guards=["revocation"])


def final(live_stack: LiveStack, ident: str) -> dict[str, Any] | None:
    row: dict[str, Any] = live_stack.admin.get(f"/revocation-requests/{ident}")
    return None if row["status"] in ("pending_approval", "approved") else row


def mails_on_revocation(live_stack: LiveStack, order: Order) -> list[str]:
    mails = live_stack.world.mail.mails
    return [
        mail.message_id
        for mail in mails
        if order.name in mail.part("text/plain") and "Certificate revoked" in str(mail.part("text/plain"))
    ]
