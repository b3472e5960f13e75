"""An installation that has all that the examples of the API's description name, so that each can be sent as it is."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from tests.integration.conftest import Team
from tests.integration.elsewhere import Elsewhere
from tests.support.web import serving

from certrail.domain.access import Role
from certrail.domain.content import Subject
from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.search import CertificateFilter
from certrail.services.access.viewed_lists import ViewedList
from certrail.services.alerting.alerts import Escalation
from certrail.services.approvals.policies import Step
from certrail.services.catalog.enrollment import enroll
from certrail_fakes.oidc import FakeOidc, oidc
from certrail_fakes.receiver import WebhookReceiver
from certrail_server.api import samples
from certrail_server.api.sign_in import SignIn
from certrail_server.settings import Settings

Json = dict[str, Any]
WAIT_SECONDS = 60
SECRET = "a-secret-of-the-receiver"
NAMED = {
    "alert": "issued",
    "application": "app",
    "ca": "root",
    "channel": "events",
    "connection": "receiver",
    "method": "api",
    "principal": "alice",
    "profile": "web",
    "saved_search": "mine",
    "sync": "files",
}
"""What a path names; an id is found when the installation is made."""
NAMED_BY_CALL = {
    "install_authority_certificate": {"ca": "outer"},
    "revoke_authority": {"ca": "inner"},
    "transfer_plugin": {"kind": "destination", "name": "files"},
    "update_approval_policy": {"policy": "guard"},
    "update_certificate_policy": {"policy": "tls"},
}


@dataclass
class ExampleWorld:
    """The installation, and what stands for the words of an example that are known here only."""

    team: Team
    client: httpx2.Client
    file: Path
    prepared: Path
    named: dict[str, str]
    placeholders: dict[str, str] = field(default_factory=dict)
    legacy_lineage: str = ""

    def renew(self) -> None:
        """Make the installation as it was, under the server that runs."""
        with sqlite3.connect(self.prepared) as source, sqlite3.connect(self.file, WAIT_SECONDS) as target:
            # In one transaction: the dispatcher of the server may hold a connection to this file.
            source.backup(target)
        source.close()
        target.close()

    def path(self, path: str, operation: str = "", **more: str) -> str:
        """With its parameters replaced."""
        known = {**self.named, **NAMED_BY_CALL.get(operation.removesuffix("_in_legacy_scope"), {}), **more}
        return re.sub(r"\{(\w+)\}", lambda found: known[found[1]], path)

    def body(self, path: str, example: Json) -> Json:
        """With its placeholders replaced."""
        text = json.dumps(example)
        lineage = {} if "{application}" in path else {samples.LINEAGE: self.legacy_lineage}
        for placeholder, value in {**self.placeholders, **lineage}.items():
            text = text.replace(json.dumps(placeholder)[1:-1], json.dumps(value)[1:-1])
        found: Json = json.loads(text)
        return found

    def send(self, method: str, path: str, operation: str, example: Json) -> httpx2.Response:
        """The answer to an example."""
        return self.client.request(method, self.path(path, operation), json=self.body(path, example))


@contextmanager
def opened(team: Team, folder: Path) -> Iterator[ExampleWorld]:
    """The world of an installation on SQLite."""
    file = Path(team.services.context.db.engine.url.database or "")
    prepared = folder / "prepared.db"
    (folder / "root").mkdir()
    with ExitStack() as stack:
        receiver, provider = WebhookReceiver().start(), stack.enter_context(oidc())
        stack.callback(receiver.stop)
        named = _objects(team, folder / "root", receiver)
        sign_in = SignIn(_settings(provider), team.services.context.keyring)
        _, token = team.services.tokens.issue(team.admin, "admin", name="examples")
        with sqlite3.connect(file, WAIT_SECONDS) as source, sqlite3.connect(prepared) as target:
            source.backup(target)
        source.close()
        target.close()
        headers = {"authorization": f"Bearer {token}"}
        url = stack.enter_context(serving(team.services, sign_in))
        client = httpx2.Client(base_url=url, headers=headers, timeout=WAIT_SECONDS, trust_env=False)
        world = ExampleWorld(team, stack.enter_context(client), file, prepared, named)
        world.placeholders = _placeholders(world)
        yield world


def _settings(provider: FakeOidc) -> Settings:
    return Settings.model_validate(
        {
            "oidc_issuer": provider.issuer,
            "oidc_client_id": provider.client_id,
            "oidc_client_secret": provider.client_secret,
            "oidc_scopes": "openid email",
            "public_url": "http://localhost:9",
        }
    )


def _placeholders(world: ExampleWorld) -> dict[str, str]:
    services, elsewhere = world.team.services, Elsewhere(world.team)
    lineages = {
        row.application_id: row.lineage_id for row in services.inventory.search(None, CertificateFilter())
    }
    world.legacy_lineage = lineages[None]
    approval = world.client.get(world.path("/api/v1/approval-requests/{approval_id}", "")).raise_for_status()
    return {
        samples.DIGEST: approval.json()["digest"],
        samples.ISSUED_ELSEWHERE: elsewhere.sign(services.authorities.request("outer")),
        samples.ISSUED_BY: elsewhere.pem,
        samples.LINEAGE: lineages[world.team.application],
        samples.ONE_TIME_TOKEN: world.named["one_time_token"],
        samples.SIGN_IN: world.client.post("/auth/device").raise_for_status().json()["handle"],
    }


def _objects(team: Team, root: Path, receiver: WebhookReceiver) -> dict[str, str]:
    """Of each kind one, in the Application and in the legacy scope; returns what paths name."""
    _people(team)
    _product(team)
    _connections(team, root, receiver)
    for scope in (team.application, None):
        _integrations(team, scope)
    services, admin = team.services, team.admin
    services.authorities.create_intermediate(
        admin, slug="outer", name="Outer", subject=Subject(common_name="Outer")
    )
    services.authorities.create_intermediate(
        admin, slug="inner", name="Inner", subject=Subject(common_name="Inner"), parent="root"
    )
    services.saved_searches.create(
        admin, team.application, slug="mine", name="Mine", wanted=CertificateFilter()
    )
    view = services.saved_views.keep(
        admin, None, list_=ViewedList.APPROVALS, name="Rejected", filter_={"status": "rejected"}
    )
    issued, outside = (_request(team, s, "admin", "web", "www") for s in (team.application, None))
    for request in (issued, outside):
        services.issuance.advance(request)
    waiting = _request(team, team.application, "alice", "guarded", "guarded")
    approval = services.approvals.of_subject(waiting)
    (incident,) = services.incidents.list(team.application)
    assert approval
    return {
        **NAMED,
        "saved_view": view.row.id,
        "approval_id": approval.id,
        "certificate_id": services.requests.get(issued).certificate_id or "",
        "incident_id": incident.id,
        "token": services.tokens.issue(admin, "deployer", name="old")[0].id,
        "one_time_token": services.agents.create(
            admin, team.application, "web", name="host", names=["www.example.com"]
        )[1],
    }


def _people(team: Team) -> None:
    services, admin = team.services, team.admin
    for slug, kind in (("alice", "user"), ("bob", "user"), ("deployer", "machine")):
        team.person(slug, kind=kind)
    services.principals.create(
        admin, kind="group", slug="security", name="Security", members=["alice", "bob"]
    )
    services.applications.set_member(admin, team.application, "security", Role.OPERATOR)
    for slug, role in (("admin", Role.ADMIN), ("alice", Role.OPERATOR), ("bob", Role.OPERATOR)):
        services.applications.set_member(admin, None, slug, role)
    services.applications.set_member(admin, None, "security", Role.OPERATOR)


def _product(team: Team) -> None:
    services = team.services
    for slug in ("internal", "guarded"):
        services.catalog.create_profile(
            team.admin, slug=slug, name=slug, ca="root", policy="tls", ttl=timedelta(days=47)
        )
    services.applications.attach_profile(team.admin, team.application, "guarded")
    for slug in ("web", "guarded"):
        profile = services.catalog.profile(slug)
        with services.context.unit_of_work(team.admin) as uow:
            enroll(uow, None, profile.id, EnrollmentMethod.API)
    web = services.catalog.profile("web").id
    with services.context.unit_of_work(team.admin) as uow:
        for scope in (team.application, None):
            for method in (EnrollmentMethod.EST, EnrollmentMethod.SCEP):
                enroll(uow, scope, web, method)


def _connections(team: Team, root: Path, receiver: WebhookReceiver) -> None:
    slack = {"bot_token": "xoxb-0", "signing_secret": SECRET}
    hook = {"url": receiver.url, "signing_secret": SECRET, "allowed_hosts": ["127.0.0.1"]}
    configs: Mapping[str, tuple[str, Json]] = {
        "folder": ("folder", {"root": str(root)}),
        "receiver": ("webhook", hook),
        "slack": ("slack", slack),
    }
    for slug, (kind, config) in configs.items():
        team.services.connections.create(team.admin, slug=slug, name=slug, type_=kind, config=config)


def _integrations(team: Team, scope: str | None) -> None:
    """Channels, a sync, an alert whose event opens an incident, and a guarded profile."""
    services, admin = team.services, team.admin
    common: Json = {"actor": admin, "application_id": scope}
    channels: list[Json] = [
        {"slug": "events", "notifier": "webhook", "connection": "receiver", "config": {}},
        {
            "slug": "approvals",
            "notifier": "slack",
            "connection": "slack",
            "config": {"channel": "#approvals"},
        },
    ]
    if scope is None:
        channels.append({**channels[0], "slug": "operations", "product_wide": True})
    for channel in channels:
        services.channels.create(**common, name=channel["slug"], **channel)
    services.syncs.create(
        **common, slug="files", name="Files", destination="files", connection="folder", config={}
    )
    services.alerts.create_alert(
        **common,
        slug="issued",
        name="Issued",
        events=["certificate.issued"],
        channels=["events"],
        escalation=[Escalation(timedelta(hours=1), ["events"])],
    )
    services.approval_policies.create(
        **common, slug="guard", name="Guard", profiles=["guarded"], steps=[Step("Owners", ("admin",))]
    )


def _request(team: Team, scope: str | None, by: str, profile: str, host: str) -> str:
    content = {"sans": {"dns": [f"{host}.example.com"]}}
    return team.services.requests.submit(team.actor(by), scope, profile=profile, content=content).id
