"""OCSP for certificates of roots and intermediates: the CertID names the issuer by its own subject and key."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from tests.integration.conftest import Team

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.persistence.tables import Certificate
from certrail.pki.revocation import Reason

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
HASHES: tuple[hashes.HashAlgorithm, ...] = (hashes.SHA1(), hashes.SHA256())


def issue_below(team: Team, depth: int, algorithm: KeyAlgorithm) -> tuple[Certificate, str]:
    """A leaf under `depth` authorities, of which the last has this key; also the slug of the last."""
    parent = None
    for level in range(1, depth + 1):
        slug = f"level-{level}"
        last = level == depth
        values: dict[str, Any] = {
            "slug": slug,
            "name": slug,
            "subject": Subject(common_name=f"Level {level}"),
        }
        key = algorithm if last else KeyAlgorithm.EC_P256
        room = depth - level
        if parent is None:
            team.services.authorities.create_root(
                team.admin, **values, key_algorithm=key, max_path_length=room
            )
        else:
            team.services.authorities.create_intermediate(
                team.admin, **values, parent=parent, key_algorithm=key, max_path_length=room
            )
        parent = slug
    assert parent is not None
    team.services.catalog.create_profile(
        team.admin, slug="deep", name="Deep", ca=parent, policy="tls", ttl=timedelta(days=7)
    )
    team.services.applications.attach_profile(team.admin, team.application, "deep")
    row = team.services.requests.submit(
        team.admin, team.application, profile="deep", content={"sans": {"dns": ["a.example.com"]}}
    )
    assert team.services.issuance.advance(row.id).status == "issued"
    certificate_id = team.services.requests.get(row.id).certificate_id
    return team.services.inventory.get(certificate_id or ""), parent


def status_of(team: Team, row: Certificate, ca: str, algorithm: hashes.HashAlgorithm) -> ocsp.OCSPCertStatus:
    """What a client that knows the leaf and its issuer is answered; the signature is verified up to the issuer."""
    (version, *_) = team.services.authorities.get(ca)[1]
    issuer = x509.load_pem_x509_certificate(version.pem.encode())
    leaf = x509.load_pem_x509_certificate(row.pem.encode())
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, algorithm).build()
    answer = team.services.status_responder.ocsp(ca, request.public_bytes(Encoding.DER))
    response = ocsp.load_der_ocsp_response(answer.content)
    assert response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
    (signer,) = response.certificates
    signer.verify_directly_issued_by(issuer)
    return response.certificate_status


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_every_key_type_of_an_intermediate(team: Team, algorithm: KeyAlgorithm) -> None:
    row, ca = issue_below(team, 2, algorithm)
    for digest in HASHES:
        assert status_of(team, row, ca, digest) is ocsp.OCSPCertStatus.GOOD


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_every_level(team: Team, depth: int) -> None:
    row, ca = issue_below(team, depth, KeyAlgorithm.EC_P256)
    for digest in HASHES:
        assert status_of(team, row, ca, digest) is ocsp.OCSPCertStatus.GOOD
    team.services.revocation.revoke(team.admin, row.id, Reason.KEY_COMPROMISE)
    for digest in HASHES:
        assert status_of(team, row, ca, digest) is ocsp.OCSPCertStatus.REVOKED


def test_another_issuer_is_answered_unauthorized(team: Team) -> None:
    row, _ = issue_below(team, 2, KeyAlgorithm.EC_P256)
    (version, *_) = team.services.authorities.get("level-2")[1]
    issuer = x509.load_pem_x509_certificate(version.pem.encode())
    leaf = x509.load_pem_x509_certificate(row.pem.encode())
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA256()).build()
    answer = team.services.status_responder.ocsp("level-1", request.public_bytes(Encoding.DER))
    response = ocsp.load_der_ocsp_response(answer.content)
    assert response.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
