"""Programs of others enrol at the URLs of a project of the older model: lego, curl with openssl, strongSwan.

`make interop` runs this. The URLs name a profile and no Application; the approval policy is that of the project.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from tests.integration.conftest import Fresh, installed
from tests.integration.conftest import plugins as plugins
from tests.integration.conftest import sqlite as sqlite
from tests.integration.enrollment.acme_world import steps_taken
from tests.integration.older_project import Project, load_into, small_export, worked_on
from tests.interop.acme_clients import lego_at, run
from tests.interop.debian import program

from certrail.plugins.registry import PluginRegistry
from certrail_fakes.dns import dns_server
from certrail_server.ports import free_port

SHOP, DEVICE = "new.shop.acme.example", "printer.dev.acme.example"
SUBJECT = ("-subj", f"/CN={DEVICE}", "-addext", f"subjectAltName=DNS:{DEVICE}")


@pytest.fixture
def project(sqlite: Fresh, plugins: PluginRegistry, tmp_path: Path) -> Iterator[Project]:
    team, exported, folder = installed(sqlite, plugins), small_export(), tmp_path / "hosts"
    folder.mkdir(mode=0o700)
    load_into(team, exported, folder)
    with steps_taken(team), worked_on(team, exported, folder) as found:
        yield found
    sqlite.database.close()


def urls(project: Project, profile: str, method: str) -> dict[str, str]:
    found = project.ok("admin", "GET", f"/profiles/{profile}/enrollment")["methods"]
    by_method: dict[str, dict[str, str]] = {row["method"]: row["urls"] for row in found}
    assert "/applications/" not in str(by_method[method])
    return by_method[method]


def secret(project: Project, kind: str) -> str:
    path = f"/profiles/acme-devices/enrollment/{kind}"
    return str(project.ok("admin", "POST", path, {"name": "devices"})["value"])


def assert_issued(project: Project, name: str) -> None:
    (row,) = project.items(f"/certificates?name={name}")
    assert (row["application_id"], row["status"]) == (None, "active")


def test_lego_comes_back_after_two_people_approved(project: Project, tmp_path: Path) -> None:
    port = free_port()
    with dns_server() as dns:
        dns.set(SHOP, "A", ["127.0.0.1"])
        settings = {"allowed_networks": ["127.0.0.0/8"], "resolvers": [dns.address], "http_port": port}
        on = {"legacy_enrollment": {"acme": {"enabled": True, **settings}}}
        project.ok("admin", "PATCH", "/certificate-profiles/acme-web", on)
        options = ("--http", "--http.port", f"127.0.0.1:{port}", "--cert.timeout", "3", "run")
        directory = urls(project, "acme-web", "acme")["directory"]
        assert "time limit exceeded" in lego_at(directory, tmp_path, *options, name=SHOP, fails=True)
        (asked,) = project.items("/approval-requests?status=open", "ada")
        for voter in ("ada", "grace"):
            project.ok(voter, "POST", f"/approval-requests/{asked['id']}/votes", {"decision": "approve"})
        lego_at(directory, tmp_path, *options, name=SHOP)
    assert_issued(project, SHOP)


def test_curl_by_est(project: Project, tmp_path: Path) -> None:
    server, passphrase = urls(project, "acme-devices", "est")["server"], secret(project, "est/passphrases")
    csr, answer = tmp_path / "device.csr", tmp_path / "device.p7"
    key = (
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-noenc",
        "-keyout",
        f"{tmp_path}/device.key",
    )
    run("openssl", "req", "-new", *key, *SUBJECT, "-outform", "DER", "-out", str(csr))
    run("openssl", "base64", "-A", "-in", str(csr), "-out", f"{csr}.b64")
    body = ("--header", "Content-Type: application/pkcs10", "--data-binary", f"@{csr}.b64")
    to = ("--output", str(answer), f"{server}/simpleenroll")
    run("curl", "--fail-with-body", "--silent", "--user", f"device:{passphrase}", *body, *to)
    run("openssl", "base64", "-d", "-A", "-in", str(answer), "-out", f"{answer}.der")
    printed = run("openssl", "pkcs7", "-inform", "DER", "-in", f"{answer}.der", "-print_certs")
    assert DEVICE in printed
    assert_issued(project, DEVICE)


def test_strongswan_by_scep(project: Project, tmp_path: Path) -> None:
    server, challenge = urls(project, "acme-devices", "scep")["server"], secret(project, "scep/challenges")
    pki, key = program("pki", "strongswan-pki"), tmp_path / "device.key"
    files = {name: str(tmp_path / f"{name}.pem") for name in ("ca", "ra")}
    run(pki, "--scepca", "--url", server, "--caout", files["ca"], "--raout", files["ra"], "--outform", "pem")
    run("openssl", "genrsa", "-out", str(key), "2048")
    trust = ("--cacert-enc", files["ra"], "--cacert-sig", files["ra"], "--cacert", files["ca"])
    names = ("--dn", f"CN={DEVICE}", "--san", DEVICE, "--password", challenge)
    printed = run(pki, "--scep", "--url", server, "--in", str(key), *names, *trust, "--outform", "pem")
    leaf = x509.load_pem_x509_certificate(printed[printed.index("-----BEGIN") :].encode())
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert_issued(project, DEVICE)
