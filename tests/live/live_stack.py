"""A running installation with one Application per kind of destination, so that a test knows who is at work."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography import x509
from examples.demo.installation import Api, Installation, until
from examples.demo.team import connection
from examples.demo.world import World

from certrail.services.core.actor import SYSTEM
from certrail.services.facade import Services
from certrail_fakes.slack_delivery import Reply
from certrail_server.bootstrap import build
from certrail_server.settings import Settings

PATIENCE = 300.0
OPEN = ("pending_approval", "approved", "issuing")


@dataclass
class LiveStack:
    """The installation, the world around it, and who may do what in it."""

    installation: Installation
    world: World
    folder: Path
    database_url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    admin: Api = field(init=False)
    deployer: Api = field(init=False)
    alice: Api = field(init=False)

    def open(self) -> None:
        """Fill the installation."""
        self.tokens["admin"] = self.installation.run("token", "bootstrap", "--name", "Admin")
        self.admin = self.api("admin")
        self._product()
        self.admin.post("/users", {"slug": "alice", "name": "Alice", "email": "alice@example.com"})
        self.admin.post("/machine-identities", {"slug": "deployer", "name": "Deployer"})
        for slug in ("alice", "deployer"):
            self.token(slug)
        self.deployer, self.alice = self.api("deployer"), self.api("alice")
        connection(self.admin, "slack", "slack", self.world.workspace())
        connection(self.admin, "mail", "smtp", self.world.smtp())
        connection(self.admin, "aws", "aws", self.world.aws())
        connection(self.admin, "azure", "azure", self.world.azure())
        connection(self.admin, "folder", "folder", {"root": str(self.folder)})
        self.application("files")
        self.sync("files", "files", "folder")
        self.application("acm")
        self.sync("acm", "aws-acm", "aws")
        self.application("vault")
        self.sync("vault", "azure-key-vault", "azure")
        self.application("asked")
        self.approvals_channel("asked")
        self.guard("asked", {"name": "Security", "approvers": ["alice"], "channels": ["approvals"]})

    def api(self, slug: str) -> Api:
        """The API as somebody calls it."""
        return Api(self.installation.url, self.tokens[slug])

    def token(self, slug: str) -> None:
        """Make a token on the server, as `certrail token create` does: one that an admin makes casts no vote."""
        _, self.tokens[slug] = self._services.tokens.issue(SYSTEM, slug, name="test")

    @cached_property
    def _services(self) -> Services:
        """In this process: a command of its own for each token would import everything anew."""
        settings = Settings(data_dir=self.installation.data_dir, database_url=self.database_url or None)
        return build(settings, make_keyring=False).services

    def application(self, slug: str, profile: str = "web") -> None:
        """An Application with a mail for every certificate."""
        self.admin.post("/applications", {"slug": slug, "name": slug.capitalize(), "profiles": [profile]})
        for member in ("alice", "deployer"):
            self.admin.put(f"/applications/{slug}/members/{member}", {"role": "operator"})
        mail = {"sender": "certrail@example.com", "recipients": [f"{slug}@example.com"]}
        channel = {"slug": "mail", "name": "Mail", "notifier": "email", "connection": "mail"}
        self.admin.post(f"/applications/{slug}/channels", {**channel, "config": mail})
        alert = {"slug": "issued", "name": "Issued", "events": ["certificate.issued"], "channels": ["mail"]}
        self.admin.post(f"/applications/{slug}/alerts", alert)

    def sync(self, application: str, destination: str, via: str, **options: Any) -> None:
        """A sync that carries everything of an Application."""
        body = {"slug": destination, "name": destination, "destination": destination, "connection": via}
        self.admin.post(f"/applications/{application}/syncs", body | options)

    def guard(self, application: str, step: dict[str, Any], **options: Any) -> None:
        """Approval for the requests of an Application."""
        policy = {"slug": "guard", "name": "Guard", "profiles": ["web"], "steps": [step], **options}
        self.admin.post(f"/applications/{application}/approval-policies", policy)

    def approvals_channel(self, application: str) -> None:
        """Where an Application's approvers are asked, in Slack."""
        channel = {"slug": "approvals", "name": "#approvals", "notifier": "slack", "connection": "slack"}
        self.admin.post(
            f"/applications/{application}/channels", {**channel, "config": {"channel": "#approvals"}}
        )

    def click(self, application: str, slug: str, name: str, **how: Any) -> Reply:
        """Somebody presses Approve under the question about a name; ``how`` goes to the click."""
        slack = self.world.slack
        message = until(
            lambda: next((found for found in slack.messages if name in str(found)), None),
            f"the question about {name} in Slack",
        )
        channels = self.admin.get(f"/applications/{application}/channels")["items"]
        channel = next(row["id"] for row in channels if row["slug"] == "approvals")
        email = f"{slug}@example.com"
        known = next((user for user in slack.users.values() if user.email == email), None)
        user = known or slack.add_user(slug.capitalize(), email)
        callback = f"{self.installation.url}/callbacks/{channel}"
        return asyncio.run(slack.click(user.id, message.ts, answer="Approve", callback_url=callback, **how))

    def order(self, application: str, name: str, profile: str = "web") -> "Order":
        """Ask for a certificate."""
        headers = {"Idempotency-Key": f"{application}-{name}"}
        path = f"/applications/{application}/certificate-requests"
        return Order(
            self, application, name, self.deployer.post(path, self.desired(name, profile), **headers)
        )

    def desired(self, name: str, profile: str = "web") -> dict[str, Any]:
        """What is asked for in an order."""
        return {"profile": profile, "subject": {"common_name": name}, "sans": {"dns": [name]}}

    def events(self, application: str, kind: str) -> list[dict[str, Any]]:
        """All events of a kind in an Application."""
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = self.admin.get(f"/applications/{application}/events", type=kind, after=after)
            found += page["items"]
            after = page["next_cursor"]
        return found

    def _product(self) -> None:
        root = {"slug": "root", "name": "Root", "subject": {"common_name": "Live Root"}}
        self.admin.post("/certificate-authorities", root)
        rules = {"sans": {"dns": {"allowed": ["*.live.example"]}}, "key_algorithms": ["EC_P256"]}
        self.admin.post("/certificate-policies", {"slug": "tls", "name": "TLS", "rules": rules})
        profile = {"slug": "web", "name": "Web", "ca": "root", "policy": "tls", "ttl": "47d"}
        self.admin.post("/certificate-profiles", profile)


@dataclass
class Order:
    """One request and what became of it."""

    live_stack: LiveStack
    application: str
    name: str
    request: dict[str, Any]

    def approve(self) -> None:
        """Alice approves by API."""
        path = f"/approval-requests/{self.request['approval_request_id']}/votes"
        self.live_stack.alice.post(path, {"decision": "approve"}, **{"Idempotency-Key": path})

    def wait_until_issued(self) -> None:
        """The request is decided."""

        def decided() -> Any:
            row = self.live_stack.deployer.get(f"/certificate-requests/{self.request['id']}")
            return row if row["status"] not in OPEN else None

        self.request = until(decided, f"the certificate for {self.name}", PATIENCE)
        assert self.request["status"] == "issued", self.request

    def deliveries(self) -> list[dict[str, Any]]:
        """What the record says of this request's deliveries."""
        lineage = self.live_stack.admin.get(f"/certificates/{self.request['certificate_id']}")["lineage_id"]
        rows = self.live_stack.admin.get(f"/applications/{self.application}/deliveries", limit=200)["items"]
        return [row for row in rows if row["lineage_id"] == lineage]

    def wait_until_verified(self) -> None:
        """The Application's sync delivered it, and it was read back."""

        def settled() -> bool:
            rows = self.deliveries()
            return len(rows) == 1 and rows[0]["verified_at"] is not None

        until(settled, f"the delivery of {self.name}", PATIENCE)

    def wait_until_reported(self) -> None:
        """The record says that the mail went out."""

        def reported() -> bool:
            rows = self.live_stack.admin.get(f"/applications/{self.application}/notifications", limit=200)[
                "items"
            ]
            mine = [row for row in rows if self.name in str(row["content"])]
            return bool(mine) and all(row["status"] == "sent" for row in mine)

        until(reported, f"the mail about {self.name}", PATIENCE)

    def certificates(self) -> list[dict[str, Any]]:
        """All certificates that were issued for this name."""
        rows = self.live_stack.admin.get(f"/applications/{self.application}/certificates", limit=200)["items"]
        return [row for row in rows if names_of(row["pem"]) == [self.name]]

    def mails(self) -> list[str]:
        """The Message-IDs of the mails about this name, one per mail that arrived."""
        mails = self.live_stack.world.mail.mails
        return [mail.message_id for mail in mails if self.name in mail.part("text/plain")]


def names_of(pem: str) -> list[str]:
    """The DNS names in a certificate."""
    leaf = x509.load_pem_x509_certificate(pem.encode())
    sans = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return sans.get_values_for_type(x509.DNSName)


def opened(stack: ExitStack, folder: Path, **env: str) -> LiveStack:
    """Start an installation and its world; the stack ends them."""
    world = stack.enter_context(World())
    installation = Installation(folder / "certrail", **env)
    stack.callback(installation.stop)
    if "CERTRAIL_DATABASE_URL" in env:
        installation.run("migrate")
    installation.start()
    (folder / "delivered").mkdir()
    database_url = env.get("CERTRAIL_DATABASE_URL", "")
    live_stack = LiveStack(installation, world, folder / "delivered", database_url)
    live_stack.open()
    return live_stack
