"""Renewal by EST with the certificate of the TLS handshake, which a trusted proxy passes on."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import quote

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
)
from tests.integration.conftest import Team
from tests.integration.enrollment.est_client import Est, certificate_in, est_csr, est_of
from tests.support.scep_client import self_signed
from tests.support.web import serving

from certrail.domain.enrollment import EnrollmentMethod
from certrail.pki.revocation import Reason
from certrail.services.enrollment.secrets import SecretKind
from certrail_server.settings import Settings

PROXIED = {"trusted_proxies": frozenset({"127.0.0.1"}), "client_certificate_header": "X-Client-Certificate"}


@contextmanager
def proxied(team: Team, **settings: object) -> Iterator[Est]:
    """Behind a proxy, which this test's client is, as it comes from a trusted address."""
    team.services.applications.set_enrollment(team.admin, team.application, "web", EnrollmentMethod.EST)
    _, text = team.services.enrollment_secrets.create(
        team.admin, team.application, "web", SecretKind.PASSPHRASE, name="routers"
    )
    given = Settings(**{**PROXIED, **settings})  # type: ignore[arg-type]
    with serving(team.services, settings=given) as url, httpx2.Client(base_url=url, timeout=60) as client:
        yield Est(client, text, "/.well-known/est/applications/app/profiles/web", team)


def with_certificate(
    est: Est, operation: str, csr: bytes, header: str, forwarded: str | None = None
) -> httpx2.Response:
    headers = {"X-Client-Certificate": header} | ({"X-Forwarded-For": forwarded} if forwarded else {})
    return est.client.post(f"{est.base}/{operation}", content=base64.b64encode(csr), headers=headers)


def headers_of(certificate: x509.Certificate) -> list[str]:
    """As nginx, RFC 9440 and HAProxy write it."""
    encoded = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return [quote(certificate.public_bytes(Encoding.PEM).decode()), f":{encoded}:", encoded]


def test_a_certificate_renews_itself_without_a_passphrase(team: Team) -> None:
    with proxied(team) as est:
        present = est.enrolled(est_csr("a.example.com"))
        lineage = est.row_of(present).lineage_id
        for header in (0, 1, 2):
            csr = est_csr("a.example.com")
            given = headers_of(present)[header]
            renewed = certificate_in(with_certificate(est, "simplereenroll", csr, given, "192.0.2.7"))
            assert est.row_of(renewed).lineage_id == lineage
            # An answer that was lost: the superseded certificate gets the same one again, and nothing else.
            assert certificate_in(with_certificate(est, "simplereenroll", csr, given)) == renewed
            other = with_certificate(est, "simplereenroll", est_csr("a.example.com"), given)
            assert other.status_code == 409
            present = renewed


def test_a_certificate_is_good_for_nothing_but_its_renewal(team: Team) -> None:
    with proxied(team) as est:
        (header, *_) = headers_of(est.enrolled(est_csr("a.example.com")))
        assert with_certificate(est, "simpleenroll", est_csr("a.example.com"), header).status_code == 403
        assert with_certificate(est, "simplereenroll", est_csr("b.example.com"), header).status_code == 400
        assert with_certificate(est, "serverkeygen", est_csr("a.example.com"), header).status_code == 401


def test_a_certificate_that_is_not_valid_here_authenticates_nobody(team: Team) -> None:
    with proxied(team) as est:
        key = ec.generate_private_key(ec.SECP256R1())
        stranger = self_signed(key, "a.example.com")  # type: ignore[arg-type]
        revoked = est.enrolled(est_csr("a.example.com"))
        team.services.revocation.revoke(team.admin, est.row_of(revoked).id, reason=Reason.KEY_COMPROMISE)
        for text in (*headers_of(stranger), headers_of(revoked)[0], "nonsense", "-----BEGIN", "%%", ""):
            answer = with_certificate(est, "simplereenroll", est_csr("a.example.com"), text)
            assert answer.status_code == 401, text
        expired = est.enrolled(est_csr("b.example.com"))
        team.clock.advance(timedelta(days=48))
        answer = with_certificate(est, "simplereenroll", est_csr("b.example.com"), headers_of(expired)[0])
        assert answer.status_code == 401


def test_the_header_is_read_from_trusted_addresses_only(team: Team) -> None:
    with proxied(team, trusted_proxies=frozenset({"192.0.2.0/24"})) as est:
        (header, *_) = headers_of(est.enrolled(est_csr("a.example.com")))
        for forwarded in (None, "192.0.2.7"):
            answer = with_certificate(est, "simplereenroll", est_csr("a.example.com"), header, forwarded)
            assert answer.status_code == 401
    with est_of(team) as est:
        answer = with_certificate(est, "simplereenroll", est_csr("a.example.com"), header)
        assert answer.status_code == 401


def test_a_header_without_proxies_is_refused() -> None:
    with pytest.raises(ValueError, match="TRUSTED_PROXIES"):
        Settings(client_certificate_header="X-Client-Certificate")
