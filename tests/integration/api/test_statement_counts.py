"""A GET of one object is one transaction of few statements. The numbers may fall, and must not grow."""

import asyncio
from collections.abc import Iterator

import httpx2
import pytest
from docs.generate import application
from tests.integration.conftest import Fresh, installed
from tests.integration.example_world import ExampleWorld, opened
from tests.support.statements import Traffic, traffic
from tests.support.web import served_application

from certrail.domain.approval import GuardedAction
from certrail.persistence.tables import Delivery
from certrail.pki.revocation import Reason
from certrail.plugins.registry import PluginRegistry
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import SYSTEM
from certrail.services.delivery.retirement_planner import RetirementReason, retire
from certrail_sdk import Receipt

MOST = 4
MORE = {
    "/api/v1/applications/{application}/deletion": 15,
    "/api/v1/approval-requests/{approval_id}": 10,
}
"""By path: what the deletion of an Application would take with it; and an approval with its subject, its votes, and
those who may vote now."""


def single_objects() -> list[str]:
    """Paths of the calls that answer with one object, as the API's description says."""
    found = []
    for path, methods in application().openapi()["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {}).get("$ref", "")
        if path.startswith("/api/v1/") and schema and not schema.endswith("List"):
            found.append(path)
    return found


def objects_of(world: ExampleWorld) -> dict[str, str]:
    """What paths name besides the objects of the world."""
    services, team = world.team.services, world.team
    certificate = world.named["certificate_id"]
    services.approval_policies.create(
        team.admin,
        team.application,
        slug="revocations",
        name="Revocations",
        profiles=["web"],
        steps=[Step("Owners", ("bob",))],
        guards=(GuardedAction.REVOCATION,),
    )
    _, revocation = services.revocation.revoke(team.admin, certificate, Reason.SUPERSEDED)
    assert revocation
    services.mirrors.create(
        team.admin, "root", slug="copy", destination="files", connection="folder", config={}
    )
    ((delivery, _),) = services.deliveries.list(team.application)
    with services.context.unit_of_work(SYSTEM) as uow:
        row = uow.session.get_one(Delivery, delivery.id)
        receipt = Receipt(reference="/there", fingerprint="0" * 64, changed=True)
        row.receipt, row.delivered_certificate_id = receipt.model_dump(mode="json"), certificate
        retirement = retire(uow, row, RetirementReason.ENDED, uow.now)
        assert retirement
    return {
        "delivery_id": delivery.id,
        "group": "security",
        "kind": "destination",
        "machine_identity": "deployer",
        "mirror": "copy",
        "name": "files",
        "notification_id": services.alerts.notifications(team.application)[0].id,
        "request_id": services.inventory.get(certificate).request_id or "",
        "retirement_id": retirement.id,
        "revocation_id": revocation.id,
        "user": "alice",
    }


@pytest.fixture(scope="module")
def world(
    sqlite: Fresh, plugins: PluginRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ExampleWorld]:
    with opened(installed(sqlite, plugins), tmp_path_factory.mktemp("examples")) as world:
        yield world
    sqlite.database.close()


async def read(world: ExampleWorld, path: str) -> tuple[httpx2.Response, Traffic]:
    """The answer of the application itself, and what was sent for it."""
    headers = {"authorization": world.client.headers["authorization"]}
    transport = httpx2.ASGITransport(served_application())
    async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
        with traffic(world.team.services.context.db, own=True) as seen:
            answer = await client.get(path)
    return answer, seen


def test_a_get_of_one_object_is_one_transaction_of_few_statements(world: ExampleWorld) -> None:
    paths, wrong, named = single_objects(), [], objects_of(world)
    assert len(paths) > 35
    for path in paths:
        others = {"policy": "tls"} if "certificate-policies" in path else {"policy": "guard"}
        others |= {"ca": "outer"} if path.endswith("/csr") else {}
        answer, seen = asyncio.run(read(world, world.path(path, **{**named, **others})))
        statements, transactions = seen.counts
        if answer.status_code != 200 or transactions > 1 or statements > MORE.get(path, MOST):
            wrong.append(f"{path} {answer.status_code} {seen.listed}")
    assert not wrong, "\n\n".join(wrong)
