"""ACME clients of others against the server: lego, dehydrated, acme-tiny, uacme, Caddy, Traefik.

`make interop` runs this. Workflow steps are taken in the test's process; names lead to loopback by a DNS server here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from tests.integration.conftest import Fresh
from tests.integration.conftest import plugins as plugins
from tests.integration.conftest import sqlite as sqlite
from tests.integration.enrollment.acme_world import AcmeWorld
from tests.interop.acme_clients import (
    INTEROP,
    NAME,
    caddy,
    issued,
    lego,
    opened_acme,
    run,
    subject_alternative_names,
)
from tests.interop.certificates import Authority
from tests.interop.debian import program, running, until
from tests.live.ports import listens

from certrail.plugins.registry import PluginRegistry
from certrail_server.ports import free_port


@pytest.fixture
def acme(sqlite: Fresh, plugins: PluginRegistry, tmp_path: Path) -> Iterator[AcmeWorld]:
    with opened_acme(sqlite, plugins, tmp_path) as world:
        yield world


def openssl_key(path: Path) -> Path:
    run("openssl", "genrsa", "-out", str(path), "2048")
    return path


class TestLego:
    def test_issues_by_http_and_revokes(self, acme: AcmeWorld, tmp_path: Path) -> None:
        port = free_port()
        acme.settings(http_port=port)
        lego(acme, tmp_path, "--http", "--http.port", f"127.0.0.1:{port}", "run")
        lego(acme, tmp_path, "revoke")
        assert [row.status for row in issued(acme)] == ["revoked"]

    def test_renews_in_its_lineage(self, acme: AcmeWorld, tmp_path: Path) -> None:
        port = free_port()
        acme.settings(http_port=port)
        options = ("--http", "--http.port", f"127.0.0.1:{port}")
        lego(acme, tmp_path, *options, "run")
        lego(acme, tmp_path, *options, "renew --days 90 --no-random-sleep")
        rows = issued(acme)
        assert sorted(row.status for row in rows) == ["active", "superseded"]
        assert len({row.lineage_id for row in rows}) == 1

    def test_shows_by_tls(self, acme: AcmeWorld, tmp_path: Path) -> None:
        port = free_port()
        acme.settings(tls_port=port)
        lego(acme, tmp_path, "--tls", "--tls.port", f"127.0.0.1:{port}", "run")
        assert len(issued(acme)) == 1

    def test_gets_a_wildcard_by_dns(
        self, acme: AcmeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def set_record(text: str) -> None:
            name, value = text.split()
            acme.dns.add(name, "TXT", value)

        acme.web.on_post = set_record
        hook = tmp_path / "hook"
        hook.write_text(
            f'#!/bin/sh\n[ "$1" = present ] || exit 0\n'
            f'curl -sS --data "$2 $3" http://127.0.0.1:{acme.web.port}/\n'
        )
        hook.chmod(0o700)
        monkeypatch.setenv("EXEC_PATH", str(hook))
        acme.dns.set("example.com", "SOA", ["ns.example.com. hostmaster.example.com. 1 2 3 4 5"])
        words = ("--dns", "exec", "--dns.resolvers", acme.dns.address, "--dns.disable-cp", "run")
        lego(acme, tmp_path, *words, name="*.example.com")
        assert issued(acme)[0].names["dns"] == ["*.example.com"]

    def test_binds_its_account(self, acme: AcmeWorld, tmp_path: Path) -> None:
        port, team = free_port(), acme.team
        acme.settings(http_port=port, external_account_required=True)
        options = ("--http", "--http.port", f"127.0.0.1:{port}", "run")
        assert "External Account Binding" in lego(acme, tmp_path / "without", *options, fails=True)
        shown = team.services.external_account_keys.create(team.admin, team.application, "web", "lego")
        bound = ("--eab", "--kid", shown.row.id, "--hmac", shown.mac_key)
        lego(acme, tmp_path / "with", *bound, *options)
        assert len(issued(acme)) == 1

    def test_an_address_that_it_gives_as_a_name_is_refused(self, acme: AcmeWorld, tmp_path: Path) -> None:
        printed = lego(acme, tmp_path, "--http", "run", name="127.0.0.1", fails=True)
        assert "rejectedIdentifier" in printed


def test_dehydrated(acme: AcmeWorld, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f'CA="{acme.directory}"\nBASEDIR={tmp_path}\nWELLKNOWN={acme.web.folder}\nCHALLENGETYPE="http-01"\n'
        "CONTACT_EMAIL=ops@example.com\n"
    )
    dehydrated = program("dehydrated", "dehydrated")
    run(dehydrated, "--register", "--accept-terms", "--config", str(config))
    run(dehydrated, "--cron", "--config", str(config), "--domain", NAME)
    x509.load_pem_x509_certificate((tmp_path / "certs" / NAME / "cert.pem").read_bytes())
    assert len(issued(acme)) == 1


def test_acme_tiny(acme: AcmeWorld, tmp_path: Path) -> None:
    account, key = openssl_key(tmp_path / "account.key"), openssl_key(tmp_path / "host.key")
    csr = tmp_path / "host.csr"
    wanted = ("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}")
    run("openssl", "req", "-new", "-sha256", "-key", str(key), "-out", str(csr), *wanted)
    words = ("--account-key", str(account), "--csr", str(csr), "--acme-dir", str(acme.web.folder))
    run(program("acme-tiny", "acme-tiny"), "--directory-url", acme.directory, "--disable-check", *words)
    assert len(issued(acme)) == 1


def test_uacme(acme: AcmeWorld, tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.write_text(
        f'#!/bin/sh\n[ "$2" = http-01 ] || exit 1\n[ "$1" = begin ] || exit 0\n'
        f'printf %s "$5" > {acme.web.folder}/"$4"\n'
    )
    hook.chmod(0o700)
    base = (program("uacme", "uacme"), "-a", acme.directory, "-c", str(tmp_path / "uacme"), "-y")
    run(*base, "new", "ops@example.com")
    run(*base, "-h", str(hook), "issue", NAME)
    run(*base, "revoke", str(tmp_path / "uacme" / NAME / "cert.pem"))
    assert [row.status for row in issued(acme)] == ["revoked"]


def test_caddy(acme: AcmeWorld, tmp_path: Path) -> None:
    with caddy(acme, tmp_path):
        assert len(issued(acme)) == 1


@contextmanager
def behind_tls(acme: AcmeWorld, folder: Path) -> Iterator[tuple[str, Path]]:
    """The directory's URL behind a proxy with TLS, and the proxy's authority: Traefik takes no HTTP."""
    port, authority = free_port(), Authority(folder, "authority")
    pem, key = authority.issue("acme.example.com")
    (folder / "Front").write_text(
        f"{{\n admin off\n auto_https off\n}}\nhttps://127.0.0.1:{port} {{\n tls {pem} {key}\n"
        f" reverse_proxy {acme.url.removeprefix('http://')}\n}}\n"
    )
    context, url = acme.team.services.context, f"https://127.0.0.1:{port}"
    context.public_url = url
    command = (str(INTEROP / "caddy"), "run", "--config", str(folder / "Front"), "--adapter", "caddyfile")
    with running(*command, log=folder / "front.log"):
        until(lambda: listens(port), "the proxy")
        yield acme.directory.replace(acme.url, url), authority.certificate


def test_traefik(acme: AcmeWorld, tmp_path: Path) -> None:
    http, https = free_port(), free_port()
    acme.settings(http_port=http)
    with behind_tls(acme, tmp_path) as (directory, authority):
        traefik(tmp_path, directory, authority, http, https)
    assert len(issued(acme)) == 1


def traefik(tmp_path: Path, directory: str, authority: Path, http: int, https: int) -> None:
    (tmp_path / "routes.yaml").write_text(
        f"http:\n  routers:\n    site:\n      rule: Host(`{NAME}`)\n      service: noop@internal\n"
        "      entryPoints: [websecure]\n      tls:\n        certResolver: certrail\n"
    )
    (tmp_path / "traefik.yaml").write_text(
        f"entryPoints:\n  web:\n    address: 127.0.0.1:{http}\n  websecure:\n    address: 127.0.0.1:{https}\n"
        f"providers:\n  file:\n    filename: {tmp_path}/routes.yaml\n"
        f"certificatesResolvers:\n  certrail:\n    acme:\n      caServer: {directory}\n"
        f"      caCertificates: [{authority}]\n"
        f"      email: ops@example.com\n      storage: {tmp_path}/acme.json\n"
        "      httpChallenge:\n        entryPoint: web\n"
    )
    command = (str(INTEROP / "traefik"), f"--configFile={tmp_path}/traefik.yaml")
    with running(*command, log=tmp_path / "traefik.log"):
        until(lambda: subject_alternative_names(https) == [NAME], "Traefik's certificate")
