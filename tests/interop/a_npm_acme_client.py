"""npm's acme-client against the server: HTTP-01, a wildcard by DNS-01, TLS-ALPN-01, and an external account binding.

`make interop` runs this; `.ci/interop-programs` installs the package beside the other programs.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.integration.conftest import Fresh
from tests.integration.conftest import plugins as plugins
from tests.integration.conftest import sqlite as sqlite
from tests.integration.enrollment.acme_world import AcmeWorld
from tests.interop.acme_clients import INTEROP, NAME, issued, opened_acme, run
from tests.interop.debian import program

from certrail.plugins.registry import PluginRegistry
from certrail_server.ports import free_port

MODULES = INTEROP.parent / "node_modules"
SCRIPT = Path(__file__).with_name("acme_client.js")


@pytest.fixture
def acme(sqlite: Fresh, plugins: PluginRegistry, tmp_path: Path) -> Iterator[AcmeWorld]:
    with opened_acme(sqlite, plugins, tmp_path) as world:

        def store(text: str) -> None:
            """What the script's challenges consist of."""
            kind, where, value = text.split()
            if kind == "file":
                world.web.answers[f"/.well-known/acme-challenge/{where}"] = value
            else:
                world.dns.add(where, "TXT", value)

        world.web.on_post = store
        yield world


def enrol(acme: AcmeWorld, challenge: str, name: str = NAME, fails: bool = False, **more: Any) -> str:
    """Run the script; returns what it printed."""
    web = f"http://127.0.0.1:{acme.web.port}/"
    given = {"directory": acme.directory, "names": [name], "challenge": challenge, "web": web, **more}
    node = program("node", "nodejs")
    return run(node, str(SCRIPT), json.dumps(given), fails=fails, NODE_PATH=str(MODULES))


def names(printed: str) -> list[str]:
    """Of the first certificate that was printed."""
    pem = printed[printed.index("-----BEGIN CERTIFICATE-----") :]
    leaf = x509.load_pem_x509_certificates(pem.encode())[0]
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return found.get_values_for_type(x509.DNSName)


def test_by_http_and_its_revocation(acme: AcmeWorld) -> None:
    assert names(enrol(acme, "http-01", revoke=True)) == [NAME]
    assert [row.status for row in issued(acme)] == ["revoked"]


def test_a_wildcard_by_dns(acme: AcmeWorld) -> None:
    assert names(enrol(acme, "dns-01", "*.example.com")) == ["*.example.com"]


def test_by_tls(acme: AcmeWorld) -> None:
    port = free_port()
    acme.settings(tls_port=port)
    assert names(enrol(acme, "tls-alpn-01", tlsPort=port)) == [NAME]


def test_an_ip_address(acme: AcmeWorld) -> None:
    team = acme.team
    rules = {"sans": {"ip": {"allowed": ["127.0.0.0/8"]}}}
    team.services.catalog.update_policy(team.admin, "tls", rules=rules)
    enrol(acme, "http-01", "127.0.0.1")
    assert issued(acme)[0].names["ip"] == ["127.0.0.1"]


def test_with_an_external_account_binding(acme: AcmeWorld) -> None:
    team = acme.team
    acme.settings(external_account_required=True)
    assert "external account binding" in enrol(acme, "http-01", fails=True).lower()
    shown = team.services.external_account_keys.create(team.admin, team.application, "web", "npm")
    assert names(enrol(acme, "http-01", eab={"kid": shown.row.id, "hmacKey": shown.mac_key})) == [NAME]
    assert len(issued(acme)) == 1
