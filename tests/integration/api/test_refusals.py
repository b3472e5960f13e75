"""Whatever is refused is on record: by whom, where and why; and a flood of strangers is a few events."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.integration.conftest import Team
from tests.support.web import serving

import certrail
import certrail_server
from certrail.domain.access import ProductRole, Role
from certrail.domain.errors import CertrailError, Conflict
from certrail.persistence.tables import EventRow
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor
from certrail.services.facade import Services
from certrail_server.api import problems
from certrail_server.api.refusals import Refusals

pytestmark = pytest.mark.any_database


@pytest.fixture
def url(team: Team) -> Iterator[str]:
    with serving(team.services) as found:
        yield found


def call(
    team: Team, url: str, who: Actor, method: str, path: str, body: dict[str, object] | None = None
) -> httpx2.Response:
    _, token = team.services.tokens.issue(team.admin, who.principal_id or "", name="t")
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.request(
        method, f"{url}/api/v1{path}", json=body, headers=headers, trust_env=False, timeout=60
    )


def recorded(team: Team, type_: str) -> list[EventRow]:
    return list(team.services.audit_log.events(None, type_=type_, limit=1000))


def test_what_an_object_refuses_is_on_record(team: Team, url: str) -> None:
    issued, _ = team.ask(team.admin)
    team.services.issuance.advance(issued)
    certificate = team.services.requests.get(issued).certificate_id
    team.guard(Step("Owners", ("admin",)))
    waiting, approval = team.ask(team.person("asker"))
    other = team.person("other")
    for method, path, body, status in (
        ("POST", f"/certificates/{certificate}/private-key", None, 403),
        ("POST", f"/certificate-requests/{waiting}/cancel", None, 403),
        ("POST", "/tokens", {"principal": "asker", "name": "mine"}, 403),
        ("POST", "/syncs", {}, 409),
    ):
        answer = call(team, url, other, method, path, body)  # type: ignore[arg-type]
        assert answer.status_code == status, answer.text
        event = recorded(team, "access.refused")[-1]
        assert (event.actor_name, event.subject_id) == ("other", f"/api/v1{path}")
        assert (event.data["method"], event.request_id) == (method, answer.headers["x-request-id"])
        assert answer.json()["type"].endswith(f":{event.data['reason']}")
    of_application = [event.application_id for event in recorded(team, "access.refused")]
    assert of_application == [team.application, team.application, None, None]

    legacy = call(team, url, team.admin, "POST", "/syncs", {})
    assert legacy.json()["type"].endswith("legacy-creation")
    event = recorded(team, "access.refused")[-1]
    assert (event.data["reason"], event.request_id) == ("legacy-creation", legacy.headers["x-request-id"])

    count = len(recorded(team, "access.refused"))
    vote = call(team, url, other, "POST", f"/approval-requests/{approval}/votes", {"decision": "approve"})
    assert vote.status_code == 403
    assert len(recorded(team, "approval.vote_refused")) == 1
    assert len(recorded(team, "access.refused")) == count, "a refused vote is one event"


def test_a_flood_of_refusals_of_one_caller_is_two_events(team: Team) -> None:
    """Whoever has a token could fill the audit log with calls that are refused; each route counts by itself."""
    stranger = team.person("stranger", None)
    with serving(team.services) as url:
        for number in range(15):
            path = f"/certificates/{number}/private-key"
            assert call(team, url, stranger, "POST", path, None).status_code == 404
        assert call(team, url, stranger, "GET", "/audit/head", None).status_code == 403
        (first, elsewhere) = recorded(team, "access.refused")
        assert first.subject_id == "/api/v1/certificates/0/private-key"
        assert elsewhere.subject_id == "/api/v1/audit/head"
    (rest,) = recorded(team, "access.refused")[2:]
    # It describes the last of them, and counts those before it.
    assert (rest.actor_name, rest.data["repeats"], rest.data["reason"]) == ("stranger", 13, "not-found")
    assert rest.subject_id == "/api/v1/certificates/14/private-key"


@pytest.mark.parametrize("ident", ["i" * 80 + "{}", "cert{}", "private-key{}"])
def test_ids_of_any_length_belong_to_one_route(team: Team, ident: str) -> None:
    """An id beyond what an event shows of a path, and one that begins like a segment of the route."""
    stranger = team.person("stranger", None)
    with serving(team.services) as url:
        for number in range(6):
            path = f"/certificates/{ident.format(number)}/private-key"
            assert call(team, url, stranger, "POST", path, None).status_code == 404
    _, rest = recorded(team, "access.refused")
    assert rest.data["repeats"] == 4


def test_a_flood_of_strangers_is_two_events(team: Team) -> None:
    row, token = team.services.tokens.issue(team.admin, "admin", name="t")
    team.services.tokens.revoke(team.admin, row.id)
    with serving(team.services) as url:
        for given in ("crt_x_y", "nonsense", token, None) * 10:
            headers = {"authorization": f"Bearer {given}"} if given else {}
            answer = httpx2.get(f"{url}/api/v1/me", headers=headers, trust_env=False, timeout=60)
            assert answer.status_code == 401
        (first,) = recorded(team, "access.unauthenticated")
        assert (first.subject_type, first.subject_id) == ("remote", "127.0.0.1")
        said = {"method": "GET", "path": "/api/v1/me", "reason": "unauthenticated"}
        assert first.data == said | {"repeats": 0}
        assert first.request_id
    _, rest = recorded(team, "access.unauthenticated")
    assert (rest.subject_id, rest.data["repeats"]) == ("127.0.0.1", 38)
    assert token.rpartition("_")[2] not in repr(recorded(team, "access.unauthenticated"))


def test_a_refusal_stands_where_it_cannot_be_recorded(team: Team, url: str) -> None:
    """As when somebody added an event behind the head, with which every new one collides."""
    team.person("stranger", None)
    _, token = team.services.tokens.issue(team.admin, "stranger", name="t")
    events = team.services.audit_log.events(None, limit=1000)
    with team.services.context.db.write() as session:
        session.add(EventRow(**{**events[-1].model_dump(), "seq": len(events) + 1, "id": "forged"}))
    answer = httpx2.get(
        f"{url}/api/v1/audit/head", headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=60
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("who", ["requester", "Admin", "Product Admin"])
def test_a_request_is_cancelled_by_its_requester_and_by_admins(team: Team, url: str, who: str) -> None:
    team.guard(Step("Owners", ("admin",)))
    asker = team.person("asker")
    waiting, _ = team.ask(asker)
    if who == "Admin":
        asker = team.person("boss", Role.ADMIN)
    if who == "Product Admin":
        team.person("above", None)
        team.services.principals.update(team.admin, "above", product_role=ProductRole.ADMIN)
        asker = team.actor("above")
    answer = call(team, url, asker, "POST", f"/certificate-requests/{waiting}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    (event,) = recorded(team, "approval.cancelled")
    assert event.data["comment"] == f"cancelled by {'the requester' if who == 'requester' else 'an Admin'}"


def test_a_renewal_beside_an_open_one_names_that(team: Team, url: str) -> None:
    issued, _ = team.ask(team.admin)
    team.services.issuance.advance(issued)
    certificate = team.services.requests.get(issued).certificate_id
    first = call(team, url, team.admin, "POST", f"/certificates/{certificate}/renew", {})
    assert first.status_code == 202, first.text
    second = call(team, url, team.admin, "POST", f"/certificates/{certificate}/renew", {})
    assert (second.status_code, second.json()["type"]) == (409, "urn:certrail:problem:renewal-open")
    assert second.json()["request"] == first.json()["id"]


def extras() -> set[str]:
    """The names of further members that any refusal in the source has."""
    engine, server = Path(certrail.__file__).parent, Path(certrail_server.__file__).parent
    refusals = {"CertrailError", *(cls.__name__ for cls in CertrailError.__subclasses__())}
    calls = (
        node
        for folder in (engine, server)
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in refusals
    )
    return {word.arg for call in calls for word in call.keywords if word.arg} - {"kind"}


def test_every_extra_of_a_refusal_is_answered() -> None:
    """Whatever its name: one that an argument of ours had, too, was answered with 500."""
    found = extras()
    assert {"request", "endpoint", "errors"} <= found
    app = FastAPI()
    problems.install(app)
    app.state.refusals = Refusals(cast(Services, None))

    @app.get("/{name}")
    def refuse(name: str) -> None:
        extra: dict[str, Any] = {name: [name]}
        raise Conflict("no", **extra)

    with TestClient(app) as client:
        for name in sorted(found | {"status", "title", "type", "instance", "request", "app", "extra"}):
            answer = client.get(f"/{name}")
            assert (answer.status_code, answer.json()["type"]) == (409, "urn:certrail:problem:conflict"), name
            standard = name in ("status", "title", "type", "instance")
            assert (answer.json()[name] == [name]) != standard, "members of RFC 9457 are not replaced"
