"""The story itself: one certificate from request to receipt, with a worker killed on the way."""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from examples.demo.installation import Installation, until
from examples.demo.team import APP, Team
from examples.demo.world import World

NAME = "api.payments.example"


@dataclass
class Fact:
    """One row of the table at the end: read back from the other side."""

    what: str
    where: str
    seen: str


class Story:
    """Plays the steps; every fact it reports was read from the outside system."""

    def __init__(self, installation: Installation, world: World, team: Team, folder: Path) -> None:
        self._installation = installation
        self._world = world
        self._team = team
        self._folder = folder
        self.request: dict[str, Any] = {}
        self.certificate: dict[str, Any] = {}

    def ask(self) -> str:
        """A machine asks for a certificate."""
        body = {"profile": "web", "subject": {"common_name": NAME}, "sans": {"dns": [NAME]}}
        self.request = self._team.deployer.post(
            f"{APP}/certificate-requests", body, **{"Idempotency-Key": "story-1"}
        )
        return f"request {self.request['id'][:8]} is {self.request['status']}"

    def vote_by_api(self) -> str:
        """Alice approves through the API."""
        approval = self.request["approval_request_id"]
        self._team.alice.post(f"/approval-requests/{approval}/votes", {"decision": "approve"})
        return "Alice approved by API: 1 of 2"

    def vote_in_slack(self) -> str:
        """Bob presses Approve under the message in #approvals."""
        slack = self._world.slack
        message = until(lambda: next(iter(slack.messages), None), "the question in Slack")
        bob = next(user for user in slack.users.values() if user.email == "bob@example.com")
        channel = next(
            c for c in self._team.admin.get(f"{APP}/channels")["items"] if c["slug"] == "approvals"
        )
        # A refresh of the message may be under way: its buttons are the ones to press.
        callback = f"{self._installation.url}/callbacks/{channel['id']}"
        reply = asyncio.run(slack.click(bob.id, message.ts, answer="Approve", callback_url=callback))
        assert reply.status == 200, reply
        return "Bob approved in Slack: 2 of 2"

    def wait_until_issued(self) -> str:
        """The request is decided and signed."""

        def decided() -> Any:
            row = self._team.deployer.get(f"/certificate-requests/{self.request['id']}", wait=10)
            return row if row["status"] not in ("pending_approval", "approved", "issuing") else None

        self.request = until(decided, "the certificate")
        assert self.request["status"] == "issued", self.request
        self.certificate = self._team.admin.get(f"/certificates/{self.request['certificate_id']}")
        return f"serial {self.certificate['serial'][:16]}…, valid until {self.certificate['not_after'][:10]}"

    def kill_in_flight(self) -> str:
        """The worker dies after ACM stored the import and before its answer arrived."""
        self._world.acm.wait_until_held(timeout=240)
        pid = self._installation.kill("worker")
        self._world.acm.release()
        return f"worker {pid} got SIGKILL while its import was in flight"

    def wait_until_delivered(self) -> str:
        """All deliveries stand and were read back."""

        def settled() -> bool:
            rows = self._team.admin.get(f"{APP}/deliveries")["items"]
            return len(rows) == 3 and all(row["status"] == "delivered" and row["verified_at"] for row in rows)

        until(settled, "three deliveries")
        return "three deliveries, each read back"

    def wait_until_reported(self) -> str:
        """The mail arrived."""
        until(lambda: self._world.mail.mails, "the mail")
        return f"mail “{self._world.mail.mails[0].message['Subject']}”"

    def facts(self) -> Iterator[Fact]:
        """What is true outside, read back from every side."""
        yield self._fact_request()
        yield self._fact_votes()
        yield self._fact_certificate()
        yield self._fact_files()
        yield self._fact_acm()
        yield self._fact_vault()
        yield self._fact_mail()

    def _fact_request(self) -> Fact:
        again = self._team.deployer.post(
            f"{APP}/certificate-requests",
            {"profile": "web", "subject": {"common_name": NAME}, "sans": {"dns": [NAME]}},
            **{"Idempotency-Key": "story-1"},
        )
        assert again["id"] == self.request["id"], "the same call twice is one request"
        return Fact("request", again["id"][:8], f"{again['status']}; asked twice, made once")

    def _fact_votes(self) -> Fact:
        approval = self._team.admin.get(f"/approval-requests/{self.request['approval_request_id']}")
        votes = ", ".join(f"{v['decision']} via {v['via']}" for v in approval["votes"])
        assert approval["status"] == "approved"
        assert len(approval["votes"]) == 2

        def closed() -> bool:
            # The link to the record stays; the buttons that answer are gone.
            return not any(button.get("value") for button in self._world.slack.messages[0].buttons)

        until(closed, "the message in Slack to lose its buttons")
        return Fact("votes", "API and Slack", f"{votes}; the message lost its buttons")

    def _fact_certificate(self) -> Fact:
        rows = self._team.admin.get(f"{APP}/certificates")["items"]
        assert [row["id"] for row in rows] == [self.certificate["id"]]
        leaf = x509.load_pem_x509_certificate(self.certificate["pem"].encode())
        root = x509.load_pem_x509_certificate(self.certificate["root"].encode())
        leaf.verify_directly_issued_by(root)
        return Fact("certificate", self.certificate["fingerprint"][:16], "one, signed by the internal root")

    def _fact_files(self) -> Fact:
        place = next(self._folder.iterdir()) / "current"
        self._same((place / "cert.pem").read_bytes())
        mode = oct((place / "privkey.pem").stat().st_mode & 0o777)
        return Fact("delivery", "files", f"cert.pem and privkey.pem ({mode}) in {place.parent.name}")

    def _fact_acm(self) -> Fact:
        client = self._world.acm_client()
        found = client.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"]
        assert len(found) == 1, "one object in spite of the lost answer"
        arn = found[0]["CertificateArn"]
        detail = client.describe_certificate(CertificateArn=arn)["Certificate"]
        self._same(client.get_certificate(CertificateArn=arn)["Certificate"].encode())
        return Fact("delivery", "aws-acm", f"1 certificate, {detail['Status']}, …{arn[-12:]}")

    def _fact_vault(self) -> Fact:
        delivery = self._delivery("vault")
        certificate = self._world.certificate_client().get_certificate(delivery["object_name"])
        versions = list(
            self._world.certificate_client().list_properties_of_certificate_versions(delivery["object_name"])
        )
        assert len(versions) == 1, "one version"
        secret = self._world.secret_client().get_secret(delivery["object_name"])
        key, leaf, _ = pkcs12.load_key_and_certificates(base64.b64decode(secret.value or ""), None)
        assert key is not None
        assert leaf is not None
        assert bytes(certificate.cer or b"") == leaf.public_bytes(Encoding.DER)
        self._same(leaf.public_bytes(Encoding.PEM))
        return Fact("delivery", "azure-key-vault", "1 version, certificate and secret agree, key inside")

    def _fact_mail(self) -> Fact:
        mails = self._world.mail.mails
        assert len(mails) == 1, "one mail"
        return Fact("mail", "team@example.com", str(mails[0].message["Subject"]))

    def _delivery(self, sync: str) -> dict[str, Any]:
        rows = self._team.admin.get(f"{APP}/deliveries")["items"]
        return next(row for row in rows if row["sync"] == sync)

    def _same(self, pem: bytes) -> None:
        seen = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex()
        assert seen == self.certificate["fingerprint"], "the other side holds another certificate"
