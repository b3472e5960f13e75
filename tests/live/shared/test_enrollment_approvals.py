"""Clients of ACME, EST and SCEP wait as their protocols say, and a click in Slack gives them their certificates."""

import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from examples.demo.installation import until
from tests.integration.enrollment.certbot import Certbot
from tests.integration.enrollment.est_client import EstEndpoint, certificate_in, est_csr
from tests.live.live_stack import LiveStack
from tests.support.scep_client import ScepEndpoint, scep_csr

from certrail.pki.scep.message import PkiStatus
from certrail_fakes.dns import dns_server
from certrail_fakes.slack import Message

APPLICATION, PROFILE = "enrolled", "devices"
WAITS = re.compile(r'"status": ?"processing"')


@dataclass(frozen=True)
class Guarded:
    """An Application whose enrollments are approved by Alice in Slack."""

    live_stack: LiveStack
    http: httpx2.Client

    def set_method(self, method: str, settings: dict[str, Any]) -> dict[str, str]:
        """Returns the URLs of its server."""
        path = f"/applications/{APPLICATION}/profiles/{PROFILE}/enrollment/{method}"
        urls: dict[str, str] = self.live_stack.admin.put(path, settings)["urls"]
        return urls

    def secret(self, kind: str) -> str:
        """The text of a new passphrase or challenge."""
        path = f"/applications/{APPLICATION}/profiles/{PROFILE}/enrollment/{kind}"
        return str(self.live_stack.admin.post(path, {"name": uuid.uuid4().hex})["value"])

    def messages(self, name: str) -> list[Message]:
        """Those that Slack has about a name."""
        return [found for found in self.live_stack.world.slack.messages if name in str(found)]

    def click(self, name: str) -> None:
        """Alice presses Approve."""
        assert self.live_stack.click(APPLICATION, "alice", name).status == 200

    def issued(self, name: str) -> int:
        """How many certificates there are for a name."""
        rows = self.live_stack.admin.get(f"/applications/{APPLICATION}/certificates", name=name)["items"]
        return len(rows)


@pytest.fixture(scope="module")
def guarded(live_stack: LiveStack) -> Iterator[Guarded]:
    admin = live_stack.admin
    admin.post("/certificate-policies", {"slug": PROFILE, "name": "Devices"})
    profile = {"slug": PROFILE, "name": "Devices", "ca": "root", "policy": PROFILE, "ttl": "7d"}
    admin.post("/certificate-profiles", profile)
    live_stack.application(APPLICATION, PROFILE)
    live_stack.approvals_channel(APPLICATION)
    step = {"name": "Security", "approvers": ["alice"], "channels": ["approvals"]}
    live_stack.guard(APPLICATION, step, profiles=[PROFILE])
    with httpx2.Client(base_url=live_stack.installation.url, timeout=60, trust_env=False) as http:
        yield Guarded(live_stack, http)


@pytest.fixture
def certbot(guarded: Guarded, tmp_path: Path) -> Iterator[Certbot]:
    """One whose challenges the server finds."""
    with dns_server() as dns:
        for name in ("waits.live.example", "gives-up.live.example"):
            dns.set(name, "A", ["127.0.0.1"])
        certbot = Certbot.at(tmp_path, "")
        settings = {"allowed_networks": ["127.0.0.0/8"], "resolvers": [dns.address]}
        urls = guarded.set_method("acme", {**settings, "http_port": certbot.port})
        certbot.directory = urls["directory"]
        yield certbot


def test_certbot_polls_its_order_until_the_click(guarded: Guarded, certbot: Certbot) -> None:
    name = "waits.live.example"
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(certbot.certonly, name)
        until(
            lambda: waiting.done() or WAITS.search(certbot.log()),
            "certbot reads that its order is processing",
        )
        assert not waiting.done(), waiting.result()
        guarded.click(name)
        waiting.result()
    assert certbot.live(name).is_file()
    assert guarded.issued(name) == 1
    (message,) = guarded.messages(name)
    assert "Approve ACME orders for waits.live.example?" in message.plain
    assert "this account, these names and this profile" in message.plain
    assert "it may change until the certificate is issued" in message.plain


def test_certbot_that_gave_up_comes_back_without_a_second_question(
    guarded: Guarded, certbot: Certbot
) -> None:
    name = "gives-up.live.example"
    certbot.certonly(name, more=("--issuance-timeout", "1"), fails=True)
    assert "TimeoutError" in certbot.log()
    guarded.click(name)
    assert guarded.issued(name) == 0, "the key of the order may be gone"
    certbot.certonly(name)
    assert certbot.live(name).is_file()
    assert guarded.issued(name) == 1
    assert len(guarded.messages(name)) == 1


def test_an_est_client_is_sent_away_until_the_click(guarded: Guarded) -> None:
    name = "est.live.example"
    guarded.set_method("est", {"retry_after": "7s"})
    path = f"/.well-known/est/applications/{APPLICATION}/profiles/{PROFILE}"
    endpoint, csr = EstEndpoint(guarded.http, guarded.secret("est/passphrases"), path), est_csr(name)
    for _ in range(2):
        waiting = endpoint.post("simpleenroll", csr)
        assert (waiting.status_code, waiting.headers["Retry-After"]) == (202, "7")
    guarded.click(name)
    assert guarded.issued(name) == 1, "by the vote itself"
    assert certificate_in(endpoint.post("simpleenroll", csr))
    assert (guarded.issued(name), len(guarded.messages(name))) == (1, 1)


def test_a_scep_client_is_pending_until_the_click(guarded: Guarded) -> None:
    name = "scep.live.example"
    guarded.set_method("scep", {})
    path = f"/scep/applications/{APPLICATION}/profiles/{PROFILE}/pkiclient.exe"
    endpoint = ScepEndpoint(guarded.http, guarded.secret("scep/challenges"), path, name)
    client = endpoint.client()
    request = client.request(scep_csr(client.key, name, endpoint.challenge))
    poll = client.poll(endpoint.issuer.subject)
    for message in (request, poll):
        assert endpoint.send(client, message).status == PkiStatus.PENDING
    guarded.click(name)
    assert guarded.issued(name) == 1, "by the vote itself"
    answer = endpoint.send(client, poll)
    assert answer.status == PkiStatus.SUCCESS
    assert answer.certificates[0].public_key() == client.key.public_key()
    assert (guarded.issued(name), len(guarded.messages(name))) == (1, 1)
