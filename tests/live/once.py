"""What is there of an order, counted where it arrives."""

from tests.live.live_stack import Order


def assert_once(order: Order, mails: int = 1) -> None:
    """Everything that should be there is there, once."""
    world = order.live_stack.world
    [certificate] = order.certificates()
    arrived = order.mails()
    assert len(arrived) == mails, order.name
    assert len(set(arrived)) == 1, "one mail, known by its Message-ID"
    for delivery in order.deliveries():
        name = delivery["object_name"]
        if delivery["sync"] == "aws-acm":
            tags = [stored.tags for stored in world.acm.certificates()]
            assert sum(delivery["id"] in tag.values() for tag in tags) == 1
        elif delivery["sync"] == "azure-key-vault":
            assert len(world.vault.versions(name)) == 1
        else:
            found = (order.live_stack.folder / name / "current" / "cert.pem").read_text()
            assert found.strip() == certificate["pem"].strip()
