"""A live installation with everything that pages show: certificates, deliveries, a failure, and an approval."""

import secrets
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from examples.demo.installation import Api, Installation, until

from certrail_server.ports import free_port

PEOPLE = {"ann": "operator", "bob": "admin", "eve": "auditor"}
"""Users of the Application, and their roles."""
SHOP = "/applications/shop"
OBJECTS = {
    "application": "shop",
    "sync": "edge",
    "profile": "web",
    "ca": "root",
    "policy": "shop",
    "connection": "receiver",
    "kind": "destination",
    "name": "files",
    "principal": "ann",
}
"""Slugs of what pages are about, by the parameter of their path."""
NAMES = ("www", "checkout", "search", "static", "api")


@dataclass
class World:
    """`certrail dev` with an Application `shop`.

    Attributes:
        folder: what a destination of files has.
        objects: ids of what pages are about, by the parameter of their path.
        cookies: of browsers in which people signed in, by who: a command that makes a link takes seconds.
    """

    installation: Installation
    folder: Path
    objects: dict[str, str]
    cookies: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the console is served."""
        return self.installation.url

    @cached_property
    def admin(self) -> Api:
        """The API as the first Product Admin."""
        return Api(self.url, self.installation.run("token", "bootstrap"))

    def api(self, who: str) -> Api:
        """The API as a user, with a token that votes."""
        token = self.installation.run("token", "create", who, "--name", secrets.token_hex(4))
        return Api(self.url, token)

    def link(self, who: str) -> str:
        """A link that signs a browser in."""
        return self.installation.run("console", who)

    def path(self, template: str) -> str:
        """The address of a page about the objects."""
        for name, value in self.objects.items():
            template = template.replace(f"{{{name}}}", value)
        return template

    def request(self, who: str, name: str, profile: str = "web", **content: Any) -> Any:
        """A certificate request of a user."""
        body = {"profile": profile, "sans": {"dns": [f"{name}.shop.example.com"]}, **content}
        return self.api(who).post(f"{SHOP}/certificate-requests", body)


def started(folder: Path) -> World:
    """A running installation, with everything in it."""
    # Its name is on pages, and so on the pictures of them.
    certificates = Path(tempfile.mkdtemp(prefix="shop-"))
    world = World(Installation(folder / "certrail"), certificates, dict(OBJECTS))
    world.installation.start()
    try:
        _make_product(world)
        _make_team(world)
        _make_certificates(world)
    except BaseException:
        world.installation.stop()
        raise
    return world


def _make_product(world: World) -> None:
    api = world.admin
    subject = {"common_name": "Example Root", "organization": "Example Ltd", "country": "DE"}
    api.post("/certificate-authorities", {"slug": "root", "name": "Example Root", "subject": subject})
    rules = {"sans": {"dns": {"allowed": ["*.shop.example.com"]}}, "max_ttl": "90d"}
    api.post("/certificate-policies", {"slug": "shop", "name": "Shop", "rules": rules})
    for slug, name in (("web", "Web servers"), ("guarded", "With approval")):
        profile = {"slug": slug, "name": name, "ca": "root", "policy": "shop", "ttl": "47d"}
        api.post("/certificate-profiles", profile)
    _connect(api, "folder", "folder", {"root": str(world.folder)})
    nobody = f"http://127.0.0.1:{free_port()}"
    _connect(api, "receiver", "http-put", {"url": nobody, "allowed_hosts": ["127.0.0.1"]})
    _connect(api, "mail", "smtp", {"host": "127.0.0.1", "port": free_port()})


def _make_team(world: World) -> None:
    api = world.admin
    text = "What customers see: storefront, checkout and search."
    profiles = ["web", "guarded"]
    api.post("/applications", {"slug": "shop", "name": "Shop", "description": text, "profiles": profiles})
    api.post("/applications", {"slug": "payroll", "name": "Payroll", "profiles": ["web"]})
    for slug in (*PEOPLE, "zoe"):
        api.post("/users", {"slug": slug, "name": slug.title(), "email": f"{slug}@example.com"})
    for slug, role in PEOPLE.items():
        api.put(f"{SHOP}/members/{slug}", {"role": role})
    api.put("/applications/payroll/members/zoe", {"role": "operator"})
    step = {"name": "Security", "approvers": ["ann", "bob"], "quorum": 1, "channels": []}
    policy = {"slug": "owners", "name": "Owners", "profiles": ["guarded"], "request_ttl": "2d"}
    api.post(f"{SHOP}/approval-policies", {**policy, "steps": [step]})
    files = {"slug": "files", "name": "Storefront", "destination": "files", "connection": "folder"}
    api.post(f"{SHOP}/syncs", files)
    receiver = {"slug": "edge", "name": "Edge", "destination": "http-put", "connection": "receiver"}
    api.post(f"{SHOP}/syncs", {**receiver, "selection": {"names": ["api.shop.example.com"]}})
    mail = {"sender": "certrail@example.com", "recipients": ["shop@example.com"]}
    channel = {"slug": "mail", "name": "Mail", "notifier": "email", "connection": "mail", "config": mail}
    api.post(f"{SHOP}/channels", channel)
    escalation = [{"after": "4h", "channels": ["mail"]}]
    failed = {"slug": "failed", "name": "Failed deliveries", "events": ["delivery.failed"]}
    api.post(f"{SHOP}/alerts", {**failed, "channels": ["mail"], "escalation": escalation})


def _make_certificates(world: World) -> None:
    api = world.admin
    for number, name in enumerate(NAMES):
        metadata = {"team": "storefront", "environment": "production"}
        world.request("ann", name, ttl=f"{7 + 9 * number}d", metadata=metadata)

    def issued() -> Any:
        found = api.get(f"{SHOP}/certificates", sort="newest")["items"]
        return found if len(found) == len(NAMES) else None

    def delivered() -> bool:
        rows = api.get(f"{SHOP}/deliveries", status="delivered")["items"]
        return len(rows) == len(NAMES)

    def failed() -> Any:
        return api.get(f"{SHOP}/incidents")["items"]

    certificates = until(issued, "certificates to be issued")
    until(delivered, "certificates to be delivered")
    until(failed, "the delivery to nobody to fail")
    world.objects["certificate_id"] = certificates[0]["id"]
    wanted = world.request("bob", "accounts", "guarded", ttl="80d")
    approval = until(
        lambda: api.get(f"/certificate-requests/{wanted['id']}")["approval_request_id"], "an approval"
    )
    world.objects |= {"approval_id": approval, "request_id": wanted["id"]}


def _connect(api: Api, slug: str, kind: str, config: dict[str, Any]) -> None:
    api.post("/connections", {"slug": slug, "name": slug.title(), "type": kind, "config": config})
