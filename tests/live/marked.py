"""A journey with marked secrets through every destination and every notifier, and one on which all of them refuse."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from examples.demo.installation import Refused, until
from examples.demo.team import connection
from tests.live.live_stack import LiveStack, Order

from certrail_fakes.pagerduty import ROUTING_KEY, PagerDutyServer
from certrail_fakes.receiver import WebhookReceiver
from certrail_fakes.teams import TeamsWorkflow

CANARY = "canary-8c1f0b7e"
LOCAL = {"allowed_hosts": ["127.0.0.1"]}
SETTLED = {"sent", "failed", "retrying"}


class Received(NamedTuple):
    """One answer of the API to a call that writes."""

    call: str
    status: int
    text: bytes


class Channel(NamedTuple):
    """A notifier, what it is reached with, and what its channel says beyond that."""

    notifier: str
    connection: str
    secrets: dict[str, Any]
    config: dict[str, Any]


@dataclass
class Outside:
    """Receivers beyond those of the live_stack's world."""

    hook: WebhookReceiver = field(default_factory=WebhookReceiver)
    apprise: WebhookReceiver = field(default_factory=WebhookReceiver)
    teams: TeamsWorkflow = field(default_factory=TeamsWorkflow)
    pager: PagerDutyServer = field(default_factory=PagerDutyServer)

    def start(self, stack: ExitStack) -> None:
        """Let them listen until the stack ends them."""
        for receiver in (self.hook, self.apprise, self.teams, self.pager):
            receiver.start()
            stack.callback(receiver.stop)

    def refuse(self) -> None:
        """Answer all that follows as to a stranger."""
        for receiver in (self.hook, self.apprise, self.teams, self.pager):
            receiver.script(*[401] * 100)


@dataclass
class Journey:
    """What the live_stack's people did, and everything that the API answered them."""

    live_stack: LiveStack
    outside: Outside = field(default_factory=Outside)
    received: list[Received] = field(default_factory=list)

    def make(self) -> Order:
        """Both journeys; returns the order of the one that came to its end."""
        for api in (self.live_stack.admin, self.live_stack.deployer, self.live_stack.alice):
            api._client.event_hooks["response"].append(self._hear)
        try:
            order = self._travel()
            self._be_refused()
        finally:
            for api in (self.live_stack.admin, self.live_stack.deployer, self.live_stack.alice):
                api._client.event_hooks["response"].remove(self._hear)
        return order

    def _hear(self, answer: httpx2.Response) -> None:
        if answer.request.method != "GET":
            call = f"{answer.request.method} {answer.request.url.path}"
            self.received.append(Received(call, answer.status_code, answer.read()))

    def _travel(self) -> Order:
        live_stack = self.live_stack
        live_stack.application("secret")
        (live_stack.folder / "stores").mkdir()
        store = {"directory": "stores", "format": "pkcs12", "password": f"{CANARY}-store"}
        live_stack.sync("secret", "files", "folder")
        live_stack.sync("secret", "files", "folder", slug="store", config=store)
        live_stack.sync("secret", "aws-acm", "aws")
        live_stack.sync("secret", "azure-key-vault", "azure")
        self._channels("secret", self._good_channels())
        order = live_stack.order("secret", "secret.live.example")
        order.wait_until_issued()
        until(lambda: all_verified(order), "four deliveries")
        order.wait_until_reported()
        self._click()
        return order

    def _click(self) -> None:
        """Alice answers a question in Slack, after somebody who signs with another secret tried to."""
        live_stack = self.live_stack
        asked = live_stack.order("asked", "asked-secret.live.example")
        for secret in (f"{CANARY}-forged", live_stack.world.slack.signing_secret):
            reply = live_stack.click("asked", "alice", asked.name, signing_secret=secret)
            assert (reply.status == 200) is (secret == live_stack.world.slack.signing_secret)
            self.received.append(Received("a click in Slack", reply.status, reply.body))
        asked.wait_until_issued()

    def _good_channels(self) -> Iterator[Channel]:
        yield Channel("slack", "slack", self.live_stack.world.workspace(), {"channel": "#approvals"})
        yield from self._receivers(ROUTING_KEY)

    def _receivers(self, routing_key: str) -> Iterator[Channel]:
        outside = self.outside
        hook = {"url": outside.hook.url, "signing_secret": f"{CANARY}-hook", **LOCAL}
        yield Channel("webhook", "webhook", hook, {})
        yield Channel("teams", "teams", {"workflow_url": f"{outside.teams.url}-{CANARY}", **LOCAL}, {})
        url = f"json://certrail:{CANARY}@127.0.0.1:{outside.apprise.port}"
        yield Channel("apprise", "apprise", {"url": url, **LOCAL}, {})
        pager = {
            "routing_key": routing_key,
            "events_url": outside.pager.url,
            "ca_file": outside.pager.ca_file,
        }
        yield Channel("pagerduty", "pagerduty", pager, {})

    def _channels(self, application: str, channels: Iterator[Channel]) -> None:
        """Channels that hear of every certificate, each with a connection of its own."""
        admin, slugs = self.live_stack.admin, []
        for channel in channels:
            slug = f"{application}-{channel.notifier}"
            connection(admin, slug, channel.connection, channel.secrets)
            body = {"slug": slug, "name": slug, "notifier": channel.notifier, "connection": slug}
            admin.post(f"/applications/{application}/channels", {**body, "config": channel.config})
            slugs.append(slug)
        alert = {"slug": "all", "name": "All", "events": ["certificate.issued"], "channels": slugs}
        admin.post(f"/applications/{application}/alerts", alert)

    def _be_refused(self) -> None:
        """The same with credentials that are refused everywhere."""
        live_stack, world = self.live_stack, self.live_stack.world
        self.outside.refuse()
        live_stack.application("wrong")
        connection(
            live_stack.admin, "wrong-aws", "aws", {**world.aws(), "secret_access_key": f"{CANARY}-aws"}
        )
        connection(
            live_stack.admin, "wrong-azure", "azure", {**world.azure(), "client_secret": f"{CANARY}-azure"}
        )
        live_stack.sync("wrong", "aws-acm", "wrong-aws")
        live_stack.sync("wrong", "azure-key-vault", "wrong-azure")
        (live_stack.folder / "open").mkdir()
        (live_stack.folder / "open").chmod(0o777)  # in which others may write: refused for good
        open_to_others = {"directory": "open", "format": "pkcs12", "password": f"{CANARY}-store"}
        live_stack.sync("wrong", "files", "folder", config=open_to_others)
        self._channels("wrong", self._wrong_channels())
        self._checks_are_refused()
        order = live_stack.order("wrong", "wrong.live.example")
        order.wait_until_issued()
        until(lambda: all(row["status"] == "failed" for row in order.deliveries()), "the refusals")
        until(self._all_reported, "the refusals of the notifiers")

    def _wrong_channels(self) -> Iterator[Channel]:
        world = self.live_stack.world
        mail = {"sender": "certrail@example.com", "recipients": ["wrong@example.com"]}
        yield Channel("email", "smtp", {**world.smtp(), "password": f"{CANARY}-mail"}, mail)
        slack = {"bot_token": f"xoxb-{CANARY}", "signing_secret": f"{CANARY}-signing"}
        yield Channel("slack", "slack", {**world.workspace(), **slack}, {"channel": "#approvals"})
        yield from self._receivers(f"{CANARY}-routing-key".ljust(len(ROUTING_KEY), "x"))

    def _checks_are_refused(self) -> None:
        """All but that of Apprise, whose check sends nothing."""
        admin = self.live_stack.admin
        rows = {kind: admin.get(f"/applications/wrong/{kind}")["items"] for kind in ("syncs", "channels")}
        for kind, found in rows.items():
            for slug in {row["slug"] for row in found} - {"mail", "wrong-apprise"}:
                with pytest.raises(Refused) as raised:
                    admin.post(f"/applications/wrong/{kind}/{slug}/check")
                assert CANARY not in str(raised.value)

    def _all_reported(self) -> bool:
        """Every notifier was tried; only the Application's own mail was sent."""
        rows = self.live_stack.admin.get("/applications/wrong/notifications", limit=200)["items"]
        ends = [row["status"] for row in rows]
        return len(ends) == 7 and set(ends) <= SETTLED and ends.count("sent") == 1


def all_verified(order: Order) -> bool:
    """Whether every sync delivered, and what it delivered was read back."""
    rows = order.deliveries()
    return len(rows) == 4 and all(row["verified_at"] for row in rows)


def delivered_key(order: Order) -> Path:
    """The key file that the order's first sync wrote."""
    name = next(row["object_name"] for row in order.deliveries() if row["sync"] == "files")
    return order.live_stack.folder / str(name) / "current" / "privkey.pem"
