"""A running installation as Temporal shows it: by its UI, and by queries with Temporal's own command."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from examples.demo.installation import Api, Installation, until
from examples.demo.team import bootstrap, connection, make_product

from certrail_server.ports import free_port
from certrail_workflows.binaries import temporal_binary

pytestmark = pytest.mark.endurance

APPLICATION = "payments-api"
NAME = "seen.payments.example"
HERE = f"/applications/{APPLICATION}"


class Watched:
    """An installation with Temporal's UI, in which a certificate was issued and delivered."""

    def __init__(self, folder: Path) -> None:
        self.ui_port = free_port()
        self.installation = Installation(folder / "certrail", CERTRAIL_TEMPORAL_UI_PORT=str(self.ui_port))
        self.installation.start()
        self.admin: Api = bootstrap(self.installation)
        make_product(self.admin)
        self._sync(folder / "delivered")
        self.certificate = self.issue(NAME)

    def _sync(self, folder: Path) -> None:
        folder.mkdir()
        connection(self.admin, "folder", "folder", {"root": str(folder)})
        sync = {"slug": "files", "name": "Files", "destination": "files", "connection": "folder"}
        self.admin.post(f"{HERE}/syncs", sync)

    def issue(self, name: str) -> dict[str, Any]:
        """A new certificate."""
        body = {"profile": "web", "subject": {"common_name": name}, "sans": {"dns": [name]}}
        request = self.admin.post(f"{HERE}/certificate-requests", body, **{"Idempotency-Key": name})

        def issued() -> Any:
            row = self.admin.get(f"/certificate-requests/{request['id']}")
            return row["certificate_id"] if row["status"] == "issued" else None

        certificate: dict[str, Any] = self.admin.get(f"/certificates/{until(issued, 'the certificate')}")
        return certificate

    def guard(self) -> None:
        """Issuance, and so renewal, and revocation wait for alice from now on."""
        self.admin.post("/users", {"slug": "alice", "name": "Alice", "email": "alice@example.com"})
        self.admin.put(f"{HERE}/members/alice", {"role": "operator"})
        step = {"name": "Security", "approvers": ["alice"]}
        policy = {"slug": "guard", "name": "Guard", "profiles": ["web"], "steps": [step]}
        self.admin.post(f"{HERE}/approval-policies", policy | {"guards": ["issuance", "revocation"]})

    def listed(self, query: str) -> list[dict[str, Any]]:
        """What Temporal's own command finds; it holds no key of ours."""
        rows: list[dict[str, Any]] = self._asked("list", "--query", query) or []
        return rows

    def found(self, kind: str) -> dict[str, dict[str, Any]]:
        """The Application's workflows of a kind, by id."""
        rows = self.listed(f'certrailApplication = "{APPLICATION}" AND certrailKind = "{kind}"')
        return {row["execution"]["workflowId"]: row for row in rows}

    def summary(self, workflow_id: str) -> str:
        """As Temporal's own command shows it."""
        described = self._asked("describe", "-w", workflow_id)
        return str(described["executionConfig"]["userMetadata"]["summary"])

    def details(self, workflow_id: str) -> str:
        """The present wait, as Temporal's own command shows it."""
        (metadata,) = self._asked("metadata", "-w", workflow_id)["queryResult"]
        return str(metadata.get("currentDetails", ""))

    def _asked(self, *words: str) -> Any:
        address = f"127.0.0.1:{(self.installation.data_dir / 'temporal.port').read_text()}"
        where = ("--address", address, "--namespace", "certrail")
        command = [str(temporal_binary()), "workflow", *words, "--output", "json", *where]
        answer = subprocess.run(command, capture_output=True, check=True, timeout=60)
        return json.loads(answer.stdout or "null")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    one = Watched(tmp_path_factory.mktemp("watched"))
    yield one
    one.installation.stop()


def test_the_ui_is_served_on_loopback(watched: Watched) -> None:
    address = f"http://127.0.0.1:{watched.ui_port}/namespaces/certrail/workflows"
    with httpx2.Client(trust_env=False, timeout=30) as client:
        answer = client.get(address, follow_redirects=True)
    assert answer.status_code == httpx2.codes.OK
    assert "text/html" in answer.headers["content-type"]


def test_issuance_renewal_and_deliveries_are_found_by_application(watched: Watched) -> None:
    admin, certificate = watched.admin, watched.certificate
    renewed = admin.post(f"/certificates/{certificate['id']}/renew")
    until(
        lambda: admin.get(f"/certificate-requests/{renewed['id']}")["status"] == "issued",
        "the renewal by hand",
    )
    expected = {
        f"issuance-{certificate['request_id']}": f"Issue {NAME} for {APPLICATION}",
        f"issuance-{renewed['id']}": f"Renew {NAME} for {APPLICATION}",
    }

    def all_found() -> Any:
        ids = {
            row["execution"]["workflowId"] for row in watched.listed(f'certrailApplication = "{APPLICATION}"')
        }
        deliveries = {ident for ident in ids if ident.startswith("delivery-")}
        return deliveries if deliveries and ids >= set(expected) else None

    deliveries = until(all_found, "the Application's workflows")
    for ident in deliveries:
        expected[ident] = f"Deliver {NAME} to files for {APPLICATION}"
    for ident, words in expected.items():
        assert words in watched.summary(ident)
    assert not watched.listed('certrailApplication = "another"')
    lineage = watched.listed(f'certrailLineage = "{certificate["lineage_id"]}"')
    assert {row["execution"]["workflowId"] for row in lineage} >= set(expected), "from the first request on"


def test_each_kind_of_workflow_is_found_with_a_summary_and_its_wait(watched: Watched) -> None:
    admin = watched.admin
    waits, revoked = watched.issue("waits.payments.example"), watched.issue("revoked.payments.example")
    watched.guard()
    revocation = admin.post(f"/certificates/{revoked['id']}/revoke", {"reason": "keyCompromise"})
    # The window is past, so the next sweep renews, and alice has to approve that.
    window = {"begins": "2026-01-01T00:00:00Z", "ends": "2026-01-02T00:00:00Z"}
    admin.put("/certificate-authorities/internal-root/renewal-info", window)
    expected = {
        "issuance": {f"issuance-{waits['request_id']}": "Issue waits.payments.example"},
        "renewal": {f"renewal-{waits['lineage_id']}-1": "Renew waits.payments.example"},
        "revocation": {f"revocation-{revocation['id']}": "Revoke revoked.payments.example"},
        "delivery": {
            f"delivery-{delivery['id']}": f"Deliver {delivery['common_name']} to files"
            for delivery in admin.get(f"{HERE}/deliveries")["items"]
        },
    }
    assert len(expected["delivery"]) == 3
    for kind, workflows in expected.items():
        until(lambda: watched.found(kind).keys() >= workflows.keys(), f"each {kind}")  # noqa: B023
        for ident, words in workflows.items():
            assert watched.summary(ident) == f"{words} for {APPLICATION}"
    for ident in (*expected["renewal"], *expected["revocation"]):
        (row,) = watched.listed(f'WorkflowId = "{ident}"')
        assert row["status"] == "WORKFLOW_EXECUTION_STATUS_RUNNING"
        until(lambda: watched.details(ident).startswith("Waits for approval"), f"the wait of {ident}")  # noqa: B023
