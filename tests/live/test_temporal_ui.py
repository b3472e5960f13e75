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

APPLICATION = "payments-api"
NAME = "seen.payments.example"
HERE = f"/applications/{APPLICATION}"


class Watched:
    """An installation with Temporal's UI, in which a certificate was issued, delivered and could not be renewed."""

    def __init__(self, folder: Path) -> None:
        self.ui_port = free_port()
        self.installation = Installation(folder / "certrail", CERTRAIL_TEMPORAL_UI_PORT=str(self.ui_port))
        self.installation.start()
        self.admin: Api = bootstrap(self.installation)
        make_product(self.admin)
        self._sync(folder / "delivered")
        self.certificate = self._issue()

    def _sync(self, folder: Path) -> None:
        folder.mkdir()
        connection(self.admin, "folder", "folder", {"root": str(folder)})
        sync = {"slug": "files", "name": "Files", "destination": "files", "connection": "folder"}
        self.admin.post(f"{HERE}/syncs", sync)

    def _issue(self) -> dict[str, Any]:
        body = {"profile": "web", "subject": {"common_name": NAME}, "sans": {"dns": [NAME]}}
        request = self.admin.post(f"{HERE}/certificate-requests", body, **{"Idempotency-Key": NAME})

        def issued() -> Any:
            row = self.admin.get(f"/certificate-requests/{request['id']}")
            return row["certificate_id"] if row["status"] == "issued" else None

        certificate: dict[str, Any] = self.admin.get(f"/certificates/{until(issued, 'the certificate')}")
        return certificate

    def listed(self, query: str) -> list[dict[str, Any]]:
        """What Temporal's own command finds; it holds no key of ours."""
        command = [str(temporal_binary()), "workflow", "list", "--output", "json", "--query", query]
        address = f"127.0.0.1:{(self.installation.data_dir / 'temporal.port').read_text()}"
        answer = subprocess.run([*command, "--address", address], capture_output=True, check=True, timeout=60)
        rows: list[dict[str, Any]] = json.loads(answer.stdout or "[]")
        return rows

    def summary(self, workflow_id: str) -> str:
        """As Temporal's own command shows it."""
        command = [str(temporal_binary()), "workflow", "describe", "--output", "json", "-w", workflow_id]
        address = f"127.0.0.1:{(self.installation.data_dir / 'temporal.port').read_text()}"
        answer = subprocess.run([*command, "--address", address], capture_output=True, check=True, timeout=60)
        metadata = json.loads(answer.stdout)["executionConfig"]["userMetadata"]
        return str(metadata["summary"])


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    one = Watched(tmp_path_factory.mktemp("watched"))
    yield one
    one.installation.stop()


def test_the_ui_is_served_on_loopback(watched: Watched) -> None:
    address = f"http://127.0.0.1:{watched.ui_port}/namespaces/default/workflows"
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
