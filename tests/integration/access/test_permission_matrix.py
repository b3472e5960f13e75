"""Every route, called over HTTP as everybody, does what the table in the docs says."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from docs.generate import REFERENCE, routes
from sqlmodel import select
from tests.integration.conftest import Team
from tests.support.web import serving

from certrail.domain.access import Role
from certrail.domain.approval import GuardedAction
from certrail.persistence.tables import Delivery, EventRow
from certrail.pki.revocation import Reason
from certrail.services.alerting.alerts import Escalation
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import SYSTEM
from certrail.services.delivery.retirement_planner import RetirementReason, retire
from certrail_sdk import Receipt

pytestmark = pytest.mark.any_database

EVERYBODY = ("Product Admin", "Admin", "Operator", "Auditor", "no role")
COUNTS_AS = {
    **{who: who for who in EVERYBODY},
    "Product Admin who is no member": "Product Admin",
    "Admin through a group": "Admin",
    "Auditor who is Operator through a group": "Operator",
    "Operator of a group that is switched off": "no role",
}
ENROLLMENT = ("/acme/", "/.well-known/est/", "/est/", "/scep/")
NOT_KNOWN = "not-there"
"""Stands for whatever a path names below the Application, so that allowed calls change nothing."""


def documented() -> dict[tuple[str, str], dict[str, bool]]:
    """By method and path: who may call it, as the table says."""
    lines = (REFERENCE / "api-permissions.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    called = {tuple(cells[0].strip("`").split(" ")): cells[2:] for cells in rows if cells[1] != "none"}
    return {
        call: {who: mark == "yes" for who, mark in zip(EVERYBODY, marks, strict=True)}  # type: ignore[misc]
        for call, marks in called.items()
    }


@dataclass
class Walk:
    """A served installation in which every kind of object exists, and everybody's token."""

    team: Team
    client: httpx2.Client
    tokens: dict[str, str]
    objects: dict[str, str]

    def ask(self, method: str, path: str, token: str | None, objects: dict[str, str]) -> httpx2.Response:
        """The answer to a call about these objects."""
        named = re.sub(r"\{(\w+)\}", lambda m: objects.get(m[1], NOT_KNOWN), path)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.client.request(method, named, headers=headers)

    def call(self, method: str, path: str, token: str | None) -> tuple[int, str]:
        """The status, and the id of the call."""
        answer = self.ask(method, path, token, self.objects)
        return answer.status_code, answer.headers["x-request-id"]

    def get(self, path: str, who: str) -> dict[str, list[str]]:
        """What somebody reads."""
        answer = self.client.get(path, headers={"authorization": f"Bearer {self.tokens[who]}"})
        found: dict[str, list[str]] = answer.raise_for_status().json()
        return found

    def refused(self) -> set[str | None]:
        """The ids of the calls that the guard refused, which are on record.

        What the object itself refused to somebody whom the route let through has finer reasons.
        """
        with self.team.services.context.db.read() as session:
            events = session.exec(select(EventRow).where(EventRow.type == "access.refused")).all()
        return {event.request_id for event in events if event.data["reason"] in ("forbidden", "not-found")}


@pytest.fixture
def walk(team: Team, tmp_path: Path) -> Iterator[Walk]:
    services = team.services
    for slug, role in (("admin-of-it", Role.ADMIN), ("operator", Role.OPERATOR), ("auditor", Role.AUDITOR)):
        team.person(slug, role)
        services.applications.set_member(team.admin, None, slug, role)
    team.person("elsewhere", None)
    services.principals.create(team.admin, kind="user", slug="above", name="Above", product_role="admin")
    for slug, own, role in (
        ("group-admin", None, Role.ADMIN),
        ("group-operator", Role.AUDITOR, Role.OPERATOR),
    ):
        _through_a_group(team, slug, own, role)
    _through_a_group(team, "group-off", None, Role.OPERATOR)
    services.principals.set_active(team.admin, "group-off-group", False)
    # Whoever has no role here is an Admin next api_client: what they may do there must not help them here.
    next_endpoint = services.applications.create(
        team.admin, slug="next-api_client", name="Next api_client", profiles=["web"]
    )
    services.applications.set_member(team.admin, next_endpoint.id, "elsewhere", Role.ADMIN)
    with serving(services) as url, httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield Walk(team, client, tokens_of(team), objects_in(team, tmp_path))


def _through_a_group(team: Team, slug: str, own: Role | None, role: Role) -> None:
    """Somebody with a role of their own, and one of their group, in the Application and where there is none."""
    services, group = team.services, f"{slug}-group"
    team.person(slug, own)
    services.principals.create(team.admin, kind="group", slug=group, name=group, members=[slug])
    for application in (team.application, None):
        services.applications.set_member(team.admin, application, group, role)


def tokens_of(team: Team) -> dict[str, str]:
    slugs = {
        "Admin": "admin-of-it",
        "Operator": "operator",
        "Auditor": "auditor",
        "no role": "elsewhere",
        "Product Admin who is no member": "above",
        "Admin through a group": "group-admin",
        "Auditor who is Operator through a group": "group-operator",
        "Operator of a group that is switched off": "group-off",
    }
    issue = team.services.tokens.issue
    tokens = {who: issue(team.admin, slug, name="walk")[1] for who, slug in slugs.items()}
    return tokens | {"Product Admin": issue(team.admin, team.admin.principal_id or "", name="walk")[1]}


def objects_in(team: Team, tmp_path: Path) -> dict[str, str]:
    """Of each kind of object that a path names by its own id, one."""
    services = team.services
    services.connections.create(
        team.admin, slug="folder", name="Folder", type_="folder", config={"root": str(tmp_path)}
    )
    services.connections.create(
        team.admin, slug="hook", name="Hook", type_="webhook", config={"url": "https://hook.example.com/"}
    )
    services.syncs.create(
        team.admin,
        team.application,
        slug="files",
        name="Files",
        destination="files",
        config={},
        connection="folder",
    )
    services.channels.create(
        team.admin,
        team.application,
        slug="hook",
        name="Hook",
        notifier="webhook",
        connection="hook",
        config={},
    )
    services.alerts.create_alert(
        team.admin,
        team.application,
        slug="told",
        name="Told",
        events=["certificate.issued"],
        channels=["hook"],
        escalation=[Escalation(timedelta(hours=1), ["hook"])],
    )
    issued, _ = team.ask(team.admin)
    services.issuance.advance(issued)
    (incident,) = services.incidents.list(team.application)
    (notification,) = services.alerts.notifications(team.application)
    with services.context.unit_of_work(SYSTEM) as uow:
        delivery = uow.session.exec(select(Delivery)).one()
        receipt = Receipt(reference="/there", fingerprint="0" * 64, changed=True)
        delivery.receipt, delivery.delivered_certificate_id = receipt.model_dump(mode="json"), "it"
        retirement = retire(uow, delivery, RetirementReason.ENDED, uow.now)
        assert retirement
    team.guard(Step("Owners", ("operator",)), guards=tuple(GuardedAction))
    waiting, approval = team.ask(team.admin, "b.example.com")
    certificate = services.requests.get(issued).certificate_id
    assert approval
    assert certificate
    _, revocation = services.revocation.revoke(team.admin, certificate, Reason.SUPERSEDED)
    assert revocation
    return {
        "application": team.application,
        "request_id": waiting,
        "certificate_id": certificate,
        "delivery_id": delivery.id,
        "retirement_id": retirement.id,
        "incident_id": incident.id,
        "notification_id": notification.id,
        "approval_id": approval,
        "revocation_id": revocation.id,
    }


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # thousands of calls: on one database
def test_everybody_may_do_what_the_table_says_and_nothing_else(walk: Walk) -> None:
    table = documented()
    answers = {
        (who, method, path): walk.call(method, path, walk.tokens[who])
        for method, path in table
        for who in COUNTS_AS
    }
    refusals, wrong = walk.refused(), []
    moved = {(route.method, route.path) for route in routes() if route.moved}
    assert ("POST", "/api/v1/syncs") in moved
    for (who, method, path), (status, call) in answers.items():
        if (method, path) in moved:
            # Whoever asks is told where it is made now, whatever they may do there.
            if status != 409 or table[method, path][COUNTS_AS[who]]:
                wrong.append(f"{who}: {method} {path} answers {status}")
            continue
        refused = call in refusals
        reported_so = status in (403, 404) if refused else status < 500
        if refused == table[method, path][COUNTS_AS[who]] or not reported_so or status == 401:
            wrong.append(f"{who}: {method} {path} answers {status}, refused={refused}")
    assert not wrong, "\n".join(wrong)


def test_what_may_not_be_seen_is_answered_like_what_is_not_there(walk: Walk) -> None:
    """To the letter: a noun of its own would tell the one from the other."""
    unknown, hidden = {name: uuid.uuid4().hex for name in walk.objects}, 0
    for method, path in documented():
        if not any(f"{{{name}}}" in path for name in walk.objects):
            continue
        answers = [
            walk.ask(method, path, walk.tokens["no role"], objects) for objects in (walk.objects, unknown)
        ]
        seen, not_there = map(_but_for_its_own_id, answers)
        assert seen == not_there, f"{method} {path}"
        hidden += answers[0].status_code == 404
    assert hidden > 50


def _but_for_its_own_id(answer: httpx2.Response) -> object:
    if answer.headers["content-type"].startswith("text/html"):
        return answer.text.replace(answer.headers["x-request-id"], "")
    return {**answer.json(), "instance": "", "request_id": ""}


def test_everybody_sees_what_they_may_do(walk: Walk) -> None:
    allowed = documented()
    of_routes = {route.permission for route in routes() if route.permission}
    for who in ("Product Admin", "Admin", "Operator", "Auditor"):
        reported = walk.get(f"/api/v1/applications/{walk.team.application}/permissions", who)["permissions"]
        may = {r.permission for r in routes() if r.permission and allowed[r.method, r.path][who]}
        assert set(reported) & of_routes == may, who
    above = walk.get("/api/v1/me", "no role")["permissions"]
    assert set(above) & of_routes == {
        r.permission for r in routes() if r.permission and allowed[r.method, r.path]["no role"]
    }


def test_a_token_with_scopes_sees_what_it_may_do(walk: Walk) -> None:
    _, token = walk.team.services.tokens.issue(
        walk.team.admin, "operator", name="narrow", scopes=["application", "request:read"]
    )
    walk.tokens["narrow"] = token
    reported = walk.get(f"/api/v1/applications/{walk.team.application}/permissions", "narrow")["permissions"]
    assert set(reported) == {"application:list", "application:read", "request:read"}


def test_nobody_gets_in_without_a_token_or_with_one_that_is_no_more(walk: Walk) -> None:
    services = walk.team.services
    row, revoked = services.tokens.issue(walk.team.admin, "operator", name="revoked")
    services.tokens.revoke(walk.team.admin, row.id)
    services.principals.set_active(walk.team.admin, "auditor", False)
    for method, path in documented():
        for token in (None, "certrail_not_a_token", revoked, walk.tokens["Auditor"]):
            assert walk.call(method, path, token)[0] == 401, f"{method} {path}"


def test_the_table_holds_every_route() -> None:
    guarded = {(route.method, route.path) for route in routes() if route.permission}
    assert documented().keys() == guarded
    assert len(guarded) > 60
    open_to_all = {
        (route.method, route.path)
        for route in routes()
        # Clients of ACME, EST and SCEP bring no token: tests/integration/enrollment.
        if not route.permission and not route.path.startswith(ENROLLMENT)
    }
    assert open_to_all == {
        ("POST", "/callbacks/{channel}"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        # For whoever shows the token of the settings: tests/integration/operations/test_metrics.py.
        ("GET", "/metrics"),
        ("GET", "/docs"),
        ("GET", "/docs/assets/{name}"),
        ("GET", "/redoc"),
        # For whoever shows a one-time token: tests/integration/enrollment/test_agents.py.
        ("POST", "/agents/enroll"),
        ("POST", "/auth/device"),
        ("POST", "/auth/device/token"),
        ("GET", "/auth/sign-in"),
        ("GET", "/auth/callback"),
        ("GET", "/auth/session"),
        ("POST", "/auth/sign-out"),
        # To the pages of the console, which are guarded.
        ("GET", "/"),
        ("GET", "/approvals/{approval_id}"),
        # For whoever is not signed in yet, or signs out: tests/integration/console/test_signing_in.py.
        ("GET", "/console/sign-in"),
        ("GET", "/console/sign-in/{link}"),
        ("POST", "/console/sign-in/{link}"),
        ("POST", "/console/sign-out"),
        ("POST", "/console/theme"),
        ("POST", "/console/keys"),
        ("GET", "/console/static/{version}/{name}"),
        ("GET", "/ca/{ca}.cer"),
        ("GET", "/ca/{ca}/{key}.cer"),
        ("GET", "/crl/{ca}.crl"),
        ("GET", "/crl/{ca}/{key}.crl"),
        ("GET", "/ocsp/{ca}/{question:path}"),
        ("POST", "/ocsp/{ca}"),
    }
