"""EST on a TLS port of its own, by curl: a certificate renews itself without a proxy and without a passphrase."""

import asyncio
import base64
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.enrollment.est_client import est_csr
from tests.support.web import serving

from certrail.domain.enrollment import EnrollmentMethod
from certrail.persistence.tables import Certificate
from certrail.pki import keys
from certrail.pki.revocation import Reason
from certrail.services.enrollment.methods import EnrollmentMethods
from certrail.services.enrollment.secrets import SecretKind
from certrail_server.est_listener import BadServerCertificate, EstListener
from certrail_server.ports import CannotListen, free_port, listening
from certrail_server.serve import configured
from certrail_server.settings import Settings

Key = ec.EllipticCurvePrivateKey


def written(folder: Path, name: str, key: Key, certificate: x509.Certificate) -> tuple[Path, Path]:
    """A certificate and its key as files."""
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def server_certificate(folder: Path, serial: int = 1) -> tuple[Path, Path]:
    """One that signs itself, for the loopback address."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "est")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    )
    return written(folder, "server", key, built.sign(key, keys.hash_for(key)))


@dataclass
class Curl:
    """curl as a client of the EST listener."""

    team: Team
    folder: Path
    port: int
    server: Path

    def call(self, path: str, *words: str) -> tuple[int, str]:
        """Status and body; status 0 where the handshake fails."""
        command = ["curl", "--silent", "--cacert", str(self.server), "--write-out", "\n%{http_code}", *words]
        command += ["--max-time", "60", f"https://127.0.0.1:{self.port}{path}"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        body, _, status = ended.stdout.rpartition("\n")
        return int(status), body

    def enroll(
        self,
        operation: str,
        csr: bytes,
        *,
        certificate: tuple[Path, Path] | None = None,
        user: str | None = None,
    ) -> tuple[int, str]:
        """Send a CSR, with a client certificate or a passphrase."""
        body = self.folder / "request.b64"
        body.write_bytes(base64.encodebytes(csr))
        words = ["--data-binary", f"@{body}", "--header", "Content-Type: application/pkcs10"]
        if certificate is not None:
            words += ["--cert", str(certificate[0]), "--key", str(certificate[1])]
        if user is not None:
            words += ["--user", user]
        return self.call(f"/.well-known/est/applications/app/profiles/web/{operation}", *words)


def certificate_of(answer: tuple[int, str]) -> x509.Certificate:
    assert answer[0] == 200, answer
    (found,) = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer[1], validate=True))
    return found


def allow(team: Team, *usages: str) -> None:
    """What the certificates of the profile may be used for."""
    rules = {
        "sans": {"dns": {"allowed": ["*.example.com"]}},
        "extended_key_usages": {"allowed": ["serverAuth", "clientAuth"]},
    }
    team.services.catalog.update_policy(team.admin, "tls", rules)
    team.services.catalog.update_profile(team.admin, "web", defaults={"extended_key_usages": list(usages)})


def passphrase(team: Team) -> str:
    _, text = team.services.enrollment_secrets.create(
        team.admin, team.application, "web", SecretKind.PASSPHRASE, name="routers"
    )
    return f"anybody:{text}"


@contextmanager
def listener(team: Team, folder: Path, **settings: object) -> Iterator[Curl]:
    team.services.applications.set_enrollment(team.admin, team.application, "web", EnrollmentMethod.EST)
    certificate, key = server_certificate(folder)
    port = free_port()
    files = {"est_tls_certificate_file": certificate, "est_tls_key_file": key}
    with serving(team.services, settings=Settings(est_port=port, **files, **settings)):  # type: ignore[arg-type]
        yield Curl(team, folder, port, certificate)


def test_a_certificate_renews_itself_by_tls_without_a_proxy(team: Team, tmp_path: Path) -> None:
    allow(team, "serverAuth", "clientAuth")
    with listener(team, tmp_path) as curl:
        key = ec.generate_private_key(ec.SECP256R1())
        first = certificate_of(
            curl.enroll("simpleenroll", est_csr("a.example.com", key=key), user=passphrase(team))
        )
        present = written(tmp_path, "client", key, first)
        renewed = certificate_of(curl.enroll("simplereenroll", est_csr("a.example.com"), certificate=present))
        assert renewed.serial_number != first.serial_number
        with team.services.context.db.read() as session:
            rows = session.exec(select(Certificate)).all()
        assert len({row.lineage_id for row in rows}) == 1
        assert curl.enroll("simpleenroll", est_csr("a.example.com"), certificate=present)[0] == 403
        assert curl.enroll("simplereenroll", est_csr("a.example.com"))[0] == 401


def test_what_is_revoked_is_refused_though_tls_admits_it(team: Team, tmp_path: Path) -> None:
    allow(team, "clientAuth")
    with listener(team, tmp_path) as curl:
        key = ec.generate_private_key(ec.SECP256R1())
        first = certificate_of(
            curl.enroll("simpleenroll", est_csr("a.example.com", key=key), user=passphrase(team))
        )
        with team.services.context.db.read() as session:
            ident = session.exec(select(Certificate)).one().id
        team.services.revocation.revoke(team.admin, ident, reason=Reason.KEY_COMPROMISE)
        present = written(tmp_path, "client", key, first)
        assert curl.enroll("simplereenroll", est_csr("a.example.com"), certificate=present)[0] == 401


def test_openssl_refuses_certificates_of_servers_and_of_strangers(team: Team, tmp_path: Path) -> None:
    """The handshake fails for an extended key usage without clientAuth (RFC 5280 section 4.2.1.12)."""
    allow(team, "serverAuth")
    with listener(team, tmp_path) as curl:
        key = ec.generate_private_key(ec.SECP256R1())
        issued = certificate_of(
            curl.enroll("simpleenroll", est_csr("a.example.com", key=key), user=passphrase(team))
        )
        of_server = written(tmp_path, "client", key, issued)
        strangers = curl.server, curl.server.with_suffix(".key")
        for certificate in (of_server, strangers):
            assert curl.enroll("simplereenroll", est_csr("a.example.com"), certificate=certificate)[0] == 0


def test_nothing_but_est_is_served(team: Team, tmp_path: Path) -> None:
    settings = {"trusted_proxies": frozenset({"127.0.0.1"}), "client_certificate_header": "X-Client"}
    allow(team, "clientAuth")
    with listener(team, tmp_path, **settings) as curl:
        assert curl.call("/.well-known/est/applications/app/profiles/web/cacerts")[0] == 200
        for path in ("/healthz", "/api/v1/me", "/acme/x", "/estimate", "/.well-known/est"):
            assert curl.call(path)[0] == 404
        issued = certificate_of(curl.enroll("simpleenroll", est_csr("a.example.com"), user=passphrase(team)))
        header = base64.b64encode(issued.public_bytes(Encoding.DER)).decode()
        path = "/.well-known/est/applications/app/profiles/web/simplereenroll"
        body = base64.b64encode(est_csr("a.example.com")).decode()
        assert curl.call(path, "--header", f"X-Client: {header}", "--data-raw", body)[0] == 401


def test_a_new_server_certificate_and_a_new_authority_are_taken_over(team: Team, tmp_path: Path) -> None:
    certificate, key = server_certificate(tmp_path)
    settings = Settings(est_port=0, est_tls_certificate_file=certificate, est_tls_key_file=key)
    found = EstListener(_nothing, team.services, settings, configured(_nothing, settings))  # type: ignore[arg-type]
    assert not found._context.get_ca_certs()
    team.services.applications.set_enrollment(team.admin, team.application, "web", EnrollmentMethod.EST)
    server_certificate(tmp_path, serial=2)
    asyncio.run(found.refresh())
    assert len(found._context.get_ca_certs()) == 1
    certificate.write_text("no certificate")
    asyncio.run(found.refresh())
    with pytest.raises(BadServerCertificate, match="CERTRAIL_EST_TLS_CERTIFICATE_FILE"):
        EstListener(_nothing, team.services, settings, configured(_nothing, settings))  # type: ignore[arg-type]


async def _nothing(_scope: object, _receive: object, _send: object) -> None:
    """An application that is never called."""


def test_its_url_is_among_those_of_the_enrollment(team: Team) -> None:
    team.services.applications.set_enrollment(team.admin, team.application, "web", EnrollmentMethod.EST)
    context = replace(team.services.context, est_public_url="https://est.example.com:8443")
    for known, urls in ((team.services.context, False), (context, True)):
        _, states = EnrollmentMethods(known).of(team.application, "web", "https://pki.example.com")
        state = next(each for each in states if each.method is EnrollmentMethod.EST)
        assert ("tls" in state.urls) is urls
        assert ("--cert host.pem" in state.clients["curl"]) is urls
    assert state.urls["tls"].startswith("https://est.example.com:8443/.well-known/est/applications/")
    assert state.urls["tls"] in state.clients["curl"]


def test_a_port_that_is_taken_is_named_by_its_setting() -> None:
    with listening(0, "127.0.0.1") as taken, pytest.raises(CannotListen, match="CERTRAIL_EST_PORT"):
        listening(taken.getsockname()[1], "127.0.0.1", "CERTRAIL_EST")


@pytest.mark.parametrize(
    "given", [{"est_port": 8443}, {"est_tls_certificate_file": Path("a"), "est_port": 1}]
)
def test_settings_that_belong_together_come_together(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="CERTRAIL_EST_TLS_KEY_FILE"):
        Settings(**given)  # type: ignore[arg-type]
