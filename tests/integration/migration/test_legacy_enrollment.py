"""Clients of a project of the older model enrol at its URLs, which name a profile and no Application."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Team
from tests.integration.enrollment.acme_world import steps_taken
from tests.integration.enrollment.certbot import Certbot
from tests.integration.enrollment.est_client import EstEndpoint, certificate_in, est_csr
from tests.integration.older_project import Project
from tests.support.scep_client import ScepEndpoint, scep_csr

from certrail.pki.scep.message import MessageType, PkiStatus
from certrail_fakes.dns import dns_server

pytestmark = pytest.mark.any_database
IMPATIENT = ("--issuance-timeout", "1")
RENEW = ("renew", "--force-renewal", "--no-random-sleep-on-renew")
SHOP, DEVICE = "new.shop.acme.example", "printer.dev.acme.example"


def urls(project: Project, profile: str, method: str) -> dict[str, str]:
    """As the API says them."""
    found = project.ok("admin", "GET", f"/profiles/{profile}/enrollment")
    assert found["application_id"] is None
    by_method: dict[str, dict[str, str]] = {row["method"]: row["urls"] for row in found["methods"]}
    return by_method[method]


def issued(project: Project, name: str) -> list[dict[str, Any]]:
    rows = project.items(f"/certificates?name={name}")
    assert {row["application_id"] for row in rows} <= {None}
    return rows


@pytest.fixture
def steps(team: Team) -> Iterator[None]:
    """The steps of workflows are taken in this process."""
    with steps_taken(team):
        yield


@pytest.mark.usefixtures("steps")
def test_certbot_gets_what_two_people_approve_and_renews_it(loaded: Project, tmp_path: Path) -> None:
    """Under the approval policy that the project had."""
    base = urls(loaded, "acme-web", "acme")["directory"]
    profile = loaded.ok("admin", "GET", "/certificate-profiles/acme-web")
    assert base.endswith(f"/acme/profiles/{profile['id']}/directory")
    certbot = Certbot.at(tmp_path, base)
    with dns_server() as dns:
        dns.set(SHOP, "A", ["127.0.0.1"])
        settings = {
            "allowed_networks": ["127.0.0.0/8"],
            "resolvers": [dns.address],
            "http_port": certbot.port,
        }
        set_acme(loaded, settings)
        certbot.certonly(SHOP, more=IMPATIENT, fails=True)
        assert "TimeoutError" in certbot.log()
        approve(loaded)
        certbot.certonly(SHOP)
        (first,) = issued(loaded, SHOP)
        certbot.run(*RENEW, *IMPATIENT, fails=True)
        approve(loaded)
        certbot.run(*RENEW)
    rows = issued(loaded, SHOP)
    assert sorted(row["status"] for row in rows) == ["active", "superseded"]
    assert {row["lineage_id"] for row in rows} == {first["lineage_id"]}


def set_acme(project: Project, settings: dict[str, Any]) -> None:
    changed = {"legacy_enrollment": {"acme": {"enabled": True, **settings}}}
    project.ok("admin", "PATCH", "/certificate-profiles/acme-web", changed)


def approve(project: Project) -> None:
    (asked,) = project.items("/approval-requests?status=open", "ada")
    for voter in ("ada", "grace"):
        project.ok(voter, "POST", f"/approval-requests/{asked['id']}/votes", {"decision": "approve"})


@pytest.mark.parametrize("by", ["slug", "id"])
def test_est_clients_enrol_and_renew(loaded: Project, by: str) -> None:
    profile = loaded.ok("admin", "GET", "/certificate-profiles/acme-devices")
    path = "/profiles/acme-devices/enrollment/est/passphrases"
    passphrase = loaded.ok("admin", "POST", path, {"name": "routers"})["value"]
    assert urls(loaded, "acme-devices", "est")["server"].endswith(f"/.well-known/est/{profile['id']}")
    client = EstEndpoint(loaded.client, passphrase, f"/.well-known/est/{profile[by]}")
    assert loaded.client.get(f"{client.base}/cacerts").status_code == 200
    for operation in ("simpleenroll", "simplereenroll"):
        assert certificate_in(client.post(operation, est_csr(DEVICE)))
    assert len(issued(loaded, DEVICE)) == 2


def test_scep_clients_enrol_and_renew(loaded: Project) -> None:
    path = "/profiles/acme-devices/enrollment/scep/challenges"
    challenge = loaded.ok("admin", "POST", path, {"name": "tablets"})["value"]
    server = urls(loaded, "acme-devices", "scep")["server"]
    assert "/applications/" not in server
    endpoint = ScepEndpoint(loaded.client, challenge, server, DEVICE)
    enrolled = endpoint.enrolled(endpoint.client())
    assert enrolled.status == PkiStatus.SUCCESS
    (certificate,) = enrolled.certificates
    client = endpoint.client(certificate=certificate)
    renewed = endpoint.send(client, client.request(scep_csr(client.key, DEVICE), MessageType.RENEWAL_REQ))
    assert renewed.status == PkiStatus.SUCCESS
    rows = issued(loaded, DEVICE)
    assert sorted(row["status"] for row in rows) == ["active", "superseded"]
    assert len({row["lineage_id"] for row in rows}) == 1
