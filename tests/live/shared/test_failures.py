"""Destinations that are busy, destinations that refuse for good, renewals that fail; and who hears of it when."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from examples.demo.installation import until
from examples.demo.team import connection
from temporalio.client import Client
from tests.live.live_stack import LiveStack, Order

DELAY = timedelta(seconds=30)
AT_ONCE = timedelta(minutes=1)
INCIDENT_STAGES = ["delivery.failed", "certificate.renewal_failed"]


def test_each_destination_fails_alone(live_stack: LiveStack) -> None:
    """One is throttled, one refuses for good, one works: each is told as what it is, and none holds another up."""
    world = live_stack.world
    live_stack.application("mixed")
    live_stack.sync("mixed", "files", "folder")
    live_stack.sync("mixed", "aws-acm", "aws")
    live_stack.sync("mixed", "azure-key-vault", "azure")
    world.acm.configure(throttle_next=1, retry_after=int(DELAY.total_seconds()), hold="before")
    world.vault.vault.forbidden = "ForbiddenByRbac"
    try:
        order = live_stack.order("mixed", "mixed.live.example")
        order.wait_until_issued()

        throttled = status_of(order, "aws-acm", "retrying")
        calls = len(world.acm.calls)
        assert throttled["last_error"]["kind"] == "RateLimited"
        failed_at = datetime.fromisoformat(throttled["last_error"]["at"])
        due = datetime.fromisoformat(throttled["next_try_at"])
        assert abs(due - failed_at - DELAY) < timedelta(seconds=1)

        waiting = pending_activity(live_stack, throttled)
        assert waiting.attempt == throttled["attempts"] + 1, "the next try is Temporal's"
        assert abs(waiting.delay - DELAY) < timedelta(seconds=1)

        refused = status_of(order, "azure-key-vault", "failed")
        assert refused["next_try_at"] is None
        assert refused["last_error"]["permanent"]
        assert "grant the right" in refused["last_error"]["action"]
        assert refused["last_error"]["plugin"].startswith("azure-key-vault ")

        delivered = status_of(order, "files", "delivered")
        assert delivered["last_error"] is None
    finally:
        world.vault.vault.forbidden = None
        world.acm.release()

    recovered = status_of(order, "aws-acm", "delivered")
    assert recovered["attempts"] > throttled["attempts"]
    assert delivered["delivered_at"] < recovered["delivered_at"]
    assert datetime.fromisoformat(recovered["delivered_at"]) >= due
    early = [call for call in world.acm.calls[calls:] if call.at < due.timestamp()]
    assert not early, "the plugin tried again by itself"
    assert status_of(order, "azure-key-vault", "failed")["attempts"] == 1
    failures = {event["data"]["kind"]: event for event in live_stack.events("mixed", "delivery.failed")}
    assert failures.keys() == {"RateLimited", "Unauthorized"}
    assert failures["Unauthorized"]["data"]["action"] == refused["last_error"]["action"]

    live_stack.admin.post(f"/deliveries/{refused['id']}/retry")
    status_of(order, "azure-key-vault", "delivered")


def test_a_failed_delivery_and_a_failed_renewal_are_reported_within_a_minute(live_stack: LiveStack) -> None:
    """From the moment at which it failed to the one at which the mail server took the mail."""
    vault = live_stack.world.vault.vault
    rules = {"sans": {"dns": {"allowed": ["*.live.example"]}}}
    live_stack.admin.post("/certificate-policies", {"slug": "brief", "name": "Brief", "rules": rules})
    live_stack.admin.post(
        "/certificate-profiles",
        {"slug": "brief", "name": "Brief", "ca": "root", "policy": "brief", "ttl": "60s"},
    )
    live_stack.application("troubled", profile="brief")
    alert = {"slug": "trouble", "name": "Trouble", "events": INCIDENT_STAGES, "channels": ["mail"]}
    live_stack.admin.post("/applications/troubled/alerts", alert)
    live_stack.sync("troubled", "azure-key-vault", "azure")
    vault.forbidden = "ForbiddenByRbac"
    try:
        live_stack.order("troubled", "troubled.live.example", profile="brief").wait_until_issued()
        denied = {"sans": {"dns": {"allowed": ["*.elsewhere.example"]}}}
        live_stack.admin.patch("/certificate-policies/brief", {"rules": denied})
        for kind in INCIDENT_STAGES:
            event = until(lambda kind=kind: first(live_stack.events("troubled", kind)), kind)  # type: ignore[misc]
            mail = until(lambda event=event: mail_about(live_stack, event), f"the mail about {kind}")  # type: ignore[misc]
            late = datetime.fromisoformat(mail["sent_at"]) - datetime.fromisoformat(event["created_at"])
            assert late < AT_ONCE, f"{kind} was told after {late}"
            assert mail["reference"] in {arrived.message_id for arrived in live_stack.world.mail.mails}
    finally:
        vault.forbidden = None


def test_what_is_superseded_or_revoked_leaves_and_the_mirror_says_so(
    live_stack: LiveStack, tmp_path: Path
) -> None:
    """Superseded: its object goes when the grace is over. Revoked: at once, and every list says so."""
    live_stack.application("tidy")
    live_stack.sync("tidy", "aws-acm", "aws", keep_identity=False, prune=True, prune_grace="0s")
    connection(live_stack.admin, "lists", "folder", {"root": str(tmp_path)})
    authority = "root"
    mirror = {"slug": "lists", "destination": "files", "connection": "lists", "config": {}}
    live_stack.admin.post(f"/certificate-authorities/{authority}/crl-mirrors", mirror)
    order = live_stack.order("tidy", "tidy.live.example")
    order.wait_until_issued()
    order.wait_until_verified()
    old = objects_of(live_stack, order)
    live_stack.admin.post(f"/certificates/{order.request['certificate_id']}/renew")
    until(
        lambda: objects_of(live_stack, order) and not objects_of(live_stack, order) & old,
        "the old object to leave",
    )

    present = next(row for row in order.certificates() if row["status"] == "active")
    live_stack.admin.post(f"/certificates/{present['id']}/revoke", {"reason": "superseded"})
    until(lambda: not objects_of(live_stack, order), "the revoked object to leave")
    until(lambda: is_listed(tmp_path, present["serial"]), "the mirror to hold the new list")

    def reasons() -> list[str]:
        return [event["data"]["reason"] for event in live_stack.events("tidy", "delivery.removed")]

    until(lambda: len(reasons()) > 1, "the record, a moment after both are gone")
    assert reasons() == ["superseded", "revoked"]


def objects_of(live_stack: LiveStack, order: Order) -> set[str]:
    """The ARNs under which the account holds certificates for an order's name."""
    return {stored.arn for stored in live_stack.world.acm.certificates() if order.name in stored.names}


def is_listed(folder: Path, serial: str) -> bool:
    """Whether a published revocation list names a certificate."""
    lists = [x509.load_der_x509_crl(path.read_bytes()) for path in folder.glob("*.crl")]
    return any(found.get_revoked_certificate_by_serial_number(int(serial, 16)) for found in lists)


def first(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The oldest, if there is one."""
    return rows[0] if rows else None


def mail_about(live_stack: LiveStack, event: dict[str, Any]) -> dict[str, Any] | None:
    """The message about an event, once it was sent."""
    rows = live_stack.admin.get("/applications/troubled/notifications", limit=200)["items"]
    mine = [row for row in rows if row["content"]["data"]["event_id"] == event["id"]]
    return first([row for row in mine if row["status"] == "sent"])


def status_of(order: Order, sync: str, status: str) -> dict[str, Any]:
    """Wait until a delivery of the order has this status."""

    def there() -> dict[str, Any] | None:
        rows = [row for row in order.deliveries() if row["sync"] == sync]
        return rows[0] if rows and rows[0]["status"] == status else None

    row: dict[str, Any] = until(there, f"the delivery by {sync} to be {status}")
    return row


@dataclass
class Waiting:
    """A try that Temporal will make."""

    attempt: int
    delay: timedelta


def pending_activity(live_stack: LiveStack, delivery: dict[str, Any]) -> Waiting:
    """What Temporal says of a delivery's next try."""

    async def describe() -> Any:
        port = int((live_stack.installation.data_dir / "temporal.port").read_text())
        client = await Client.connect(f"127.0.0.1:{port}", namespace="certrail")
        handle = client.get_workflow_handle(f"delivery-{delivery['id']}")
        pending = (await handle.describe()).raw_description.pending_activities
        return pending[0] if pending else None

    found = until(lambda: asyncio.run(describe()), "Temporal to plan the next try")
    return Waiting(found.attempt, found.current_retry_interval.ToTimedelta())
