"""The team of the story: an Application with its profile, approvers, channels and syncs, made through the API."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.demo.installation import Api, Installation
from examples.demo.world import World

APP = "/applications/payments-api"


@dataclass
class Team:
    """Who takes part, each with a token of their own."""

    admin: Api
    deployer: Api
    alice: Api
    tokens: dict[str, str]


def bootstrap(installation: Installation) -> Api:
    """The first Product Admin."""
    return Api(installation.url, installation.run("token", "bootstrap", "--name", "Demo Admin"))


def assemble(installation: Installation, world: World, folder: Path) -> Team:
    """Make everything that the story needs."""
    admin = bootstrap(installation)
    make_product(admin)
    tokens = make_people(installation, admin)
    make_channels(admin, world)
    make_approval(admin)
    make_syncs(admin, world, folder)
    world.slack.add_user("Bob", "bob@example.com")
    apis = {name: Api(installation.url, token) for name, token in tokens.items()}
    return Team(admin, apis["deployer"], apis["alice"], tokens)


def make_product(admin: Api) -> None:
    """An authority, a policy, a profile, and the Application that uses them."""
    admin.post(
        "/certificate-authorities",
        {"slug": "internal-root", "name": "Internal Root", "subject": {"common_name": "Demo Internal Root"}},
    )
    rules = {
        "sans": {"dns": {"allowed": ["*.payments.example"]}},
        "key_algorithms": ["EC_P256"],
        "max_ttl": "47d",
    }
    admin.post("/certificate-policies", {"slug": "internal-tls", "name": "Internal TLS", "rules": rules})
    admin.post(
        "/certificate-profiles",
        {"slug": "web", "name": "Web server", "ca": "internal-root", "policy": "internal-tls", "ttl": "47d"},
    )
    admin.post("/applications", {"slug": "payments-api", "name": "Payments API", "profiles": ["web"]})


def make_people(installation: Installation, admin: Api) -> dict[str, str]:
    """Two approvers and a machine that asks; returns their tokens.

    They are made where certrail runs: a token that the admin makes for somebody else over the API casts no vote.
    """
    for slug in ("alice", "bob"):
        admin.post("/users", {"slug": slug, "name": slug.capitalize(), "email": f"{slug}@example.com"})
    admin.post("/machine-identities", {"slug": "deployer", "name": "Payments deployer"})
    tokens = {}
    for slug in ("alice", "bob", "deployer"):
        admin.put(f"{APP}/members/{slug}", {"role": "operator"})
        tokens[slug] = installation.run("token", "create", slug, "--name", "demo")
    return tokens


def make_channels(admin: Api, world: World) -> None:
    """A Slack channel for questions, and mail for what was issued."""
    connection(admin, "slack", "slack", world.workspace())
    connection(admin, "mail", "smtp", world.smtp())
    approvals = {"slug": "approvals", "name": "#approvals", "notifier": "slack", "connection": "slack"}
    admin.post(f"{APP}/channels", {**approvals, "config": {"channel": "#approvals"}})
    mail = {"sender": "certrail@example.com", "recipients": ["team@example.com"]}
    admin.post(
        f"{APP}/channels",
        {"slug": "mail", "name": "Mail", "notifier": "email", "connection": "mail", "config": mail},
    )
    events = ["certificate.issued"]
    admin.post(f"{APP}/alerts", {"slug": "issued", "name": "Issued", "events": events, "channels": ["mail"]})


def make_approval(admin: Api) -> None:
    """Both approvers must say yes."""
    step = {"name": "Security", "approvers": ["alice", "bob"], "quorum": 2, "channels": ["approvals"]}
    policy = {"slug": "two-people", "name": "Two people", "profiles": ["web"], "request_ttl": "1d"}
    admin.post(f"{APP}/approval-policies", {**policy, "steps": [step]})


def make_syncs(admin: Api, world: World, folder: Path) -> None:
    """Three kinds of destination."""
    connection(admin, "aws", "aws", world.aws())
    connection(admin, "azure", "azure", world.azure())
    connection(admin, "folder", "folder", {"root": str(folder)})
    folder.mkdir(parents=True, exist_ok=True)
    _sync(admin, "files", "files", "folder")
    _sync(admin, "acm", "aws-acm", "aws")
    _sync(admin, "vault", "azure-key-vault", "azure")


def connection(admin: Api, slug: str, kind: str, config: dict[str, Any]) -> None:
    """A connection, shared by all Applications."""
    admin.post("/connections", {"slug": slug, "name": slug, "type": kind, "config": config})


def _sync(admin: Api, slug: str, destination: str, connection: str) -> None:
    sync = {"slug": slug, "name": slug, "destination": destination, "connection": connection}
    admin.post(f"{APP}/syncs", sync)
