"""A process dies at every step boundary of a journey; one certificate, one object, one version, one mail come of it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from examples.demo.installation import until
from tests.live.shop import Order, Shop, opened
from tests.live.temporal import TemporalServer

pytestmark = pytest.mark.crash

DOOMED = Path(__file__).parent / "doomed"
PLACES = {
    "asked": [
        *("issuance.begin", "issuance.signed", "issuance.committed", "issuance.end", "outbox.sent"),
        *("question.intended", "question.posted"),
    ],
    "acm": ["delivery.intended", "delivery.deployed", "delivery.recorded", "delivery.verified"],
    "vault": ["delivery.intended", "delivery.deployed"],
    "files": ["delivery.deployed", "notification.intended", "notification.sent", "notification.recorded"],
}


@dataclass
class Doomed:
    """A shop whose processes die where they are told to."""

    shop: Shop
    temporal: TemporalServer
    armed: Path

    def die_at(self, place: str) -> None:
        self.armed.write_text(place)

    def wait_until_died_at(self, place: str) -> None:
        mark = self.armed.with_name(f"died-at-{place}")
        until(mark.exists, f"a process to die at {place}")
        mark.unlink()


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    folder = tmp_path_factory.mktemp("doomed")
    armed = folder / "armed"
    path = os.pathsep.join(filter(None, (str(DOOMED), os.environ.get("PYTHONPATH"))))
    temporal = TemporalServer(folder)
    with ExitStack() as stack:
        stack.callback(temporal.stop)
        temporal.start()
        env = {"PYTHONPATH": path, "CERTRAIL_TEST_ARMED": str(armed)}
        shop = opened(stack, folder, CERTRAIL_TEMPORAL_ADDRESS=temporal.address, **env)
        yield Doomed(shop, temporal, armed)


def assert_once(order: Order) -> None:
    """Everything that should be there is there, once."""
    world = order.shop.world
    assert len(order.certificates()) == 1
    mails = order.mails()
    assert len(set(mails)) == 1, "one mail, known by its Message-ID"
    for delivery in order.deliveries():
        name = delivery["object_name"]
        if delivery["sync"] == "aws-acm":
            tags = [stored.tags for stored in world.acm.certificates()]
            assert [tag for tag in tags if delivery["id"] in tag.values()] != []
            assert sum(delivery["id"] in tag.values() for tag in tags) == 1
        elif delivery["sync"] == "azure-key-vault":
            assert len(world.vault.versions(name)) == 1
        else:
            assert (order.shop.folder / name / "current" / "cert.pem").exists()


@pytest.mark.parametrize("application", PLACES)
def test_killed_at_each_step_boundary(doomed: Doomed, application: str) -> None:
    """Each order loses a process at its place, while the ones before it are still on their way."""
    shop = doomed.shop
    imports = shop.world.acm.count("ImportCertificate", "ok")
    orders: dict[str, Order] = {}
    for place in PLACES[application]:
        if place.startswith("notification"):
            # A mail that is still under way would die at this place in the stead of the one that should.
            for earlier in orders.values():
                earlier.wait_until_told()
        orders[place] = ordered(doomed, application, place)
    for place, order in orders.items():
        order.wait_until_issued()
        if application != "asked":
            order.wait_until_verified()
        order.wait_until_told()
        assert_once(order)
        # A mail server that took a mail cannot be asked for it: the second one says that it is the same.
        if place.startswith("notification"):
            assert len(order.mails()) == (2 if place == "notification.sent" else 1), place
        # Who is approved at once may be asked about or not, but nobody is asked twice.
        assert question_about(shop, order.name) in ((1,) if place.startswith("question") else (0, 1)), place
    made = shop.world.acm.count("ImportCertificate", "ok") - imports
    assert made == (len(orders) if application == "acm" else 0)


def ordered(doomed: Doomed, application: str, place: str) -> Order:
    """An order during which a process dies at the place."""
    doomed.die_at(place)
    order = doomed.shop.order(application, f"{application}-{place.replace('.', '-')}.live.example")
    if application == "asked" and not place.startswith("question"):
        order.approve()
    doomed.wait_until_died_at(place)
    if place.startswith("question"):
        until(lambda: question_about(doomed.shop, order.name), f"the question about {order.name}")
        order.approve()
    if place.startswith("notification"):
        order.wait_until_told()  # a mail under way may come twice when the next process dies
    return order


def question_about(shop: Shop, name: str) -> int:
    """How many messages in Slack ask about a name."""
    return sum(name in str(message) for message in shop.world.slack.messages)


def test_temporal_killed_in_flight(doomed: Doomed) -> None:
    shop = doomed.shop
    shop.world.acm.hold("after")
    order = shop.order("acm", "temporal-dies.live.example")
    assert shop.world.acm.wait_until_held(180)
    doomed.temporal.kill()
    shop.world.acm.release()
    doomed.temporal.start()
    order.wait_until_issued()
    order.wait_until_verified()
    order.wait_until_told()
    assert_once(order)


def test_accepted_while_temporal_is_down(doomed: Doomed) -> None:
    shop = doomed.shop
    doomed.temporal.kill()
    try:
        orders = [shop.order("files", f"down-{n}.live.example") for n in range(5)]
        guarded = shop.order("asked", "down-and-asked.live.example")
        guarded.approve()
        assert {order.request["status"] for order in orders} <= {"approved", "pending_approval"}
    finally:
        doomed.temporal.start()
    for order in (*orders, guarded):
        order.wait_until_issued()
        if order is not guarded:
            order.wait_until_verified()
        order.wait_until_told()
        assert_once(order)
