"""Peers whose clocks are behind take what was signed a moment ago."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from tests.integration.conftest import Team

from certrail.domain.content import Subject
from certrail.domain.timestamps import MARGIN
from certrail.persistence.tables import Certificate
from certrail.pki.revocation import Reason

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
BEHIND = timedelta(seconds=5)


def issued(team: Team, **content: object) -> Certificate:
    given = {"sans": {"dns": ["skew.example.com"]}, **content}
    row = team.services.requests.submit(team.admin, team.application, profile="web", content=given)
    assert team.services.issuance.advance(row.id).status == "issued"
    return team.services.inventory.get(team.services.requests.get(row.id).certificate_id or "")


def certificate_of(team: Team, ca: str) -> x509.Certificate:
    (version, *_) = team.services.authorities.get(ca)[1]
    return x509.load_pem_x509_certificate(version.pem.encode())


def verified(folder: Path, at: str, *arguments: str) -> str:
    """What `openssl verify` says at this time; empty if nothing is wrong."""
    command = ["openssl", "verify", "-x509_strict", "-attime", at, "-CAfile", "root.pem", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr


def test_a_peer_that_is_five_seconds_behind_takes_certificates_and_lists(team: Team, tmp_path: Path) -> None:
    team.services.authorities.create_intermediate(
        team.admin, slug="below", name="Below", subject=Subject(common_name="Below"), parent="root"
    )
    good, revoked = issued(team), issued(team)
    team.services.revocation.revoke(team.admin, revoked.id, Reason.SUPERSEDED)
    der = team.services.status_responder.crl("root").content
    (tmp_path / "crl.pem").write_bytes(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM))
    for name, certificate in (("root", "root"), ("below", "below")):
        pem = certificate_of(team, certificate).public_bytes(Encoding.PEM)
        (tmp_path / f"{name}.pem").write_bytes(pem)
    for name, row in (("good", good), ("revoked", revoked)):
        (tmp_path / f"{name}.pem").write_text(row.pem)
    at = str(int((team.clock.now - BEHIND).timestamp()))
    listed = ("-crl_check", "-CRLfile", "crl.pem")
    assert [verified(tmp_path, at, *listed, f"{name}.pem") for name in ("root", "below", "good")] == [""] * 3
    assert "certificate revoked" in verified(tmp_path, at, *listed, "revoked.pem")
    too_early = str(int((team.clock.now - MARGIN - BEHIND).timestamp()))
    assert "not yet valid" in verified(tmp_path, too_early, "good.pem")


def test_it_takes_answers_of_ocsp_and_their_signer(team: Team) -> None:
    leaf = x509.load_pem_x509_certificate(issued(team).pem.encode())
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, certificate_of(team, "root"), hashes.SHA256())
    der = request.build().public_bytes(Encoding.DER)
    answer = ocsp.load_der_ocsp_response(team.services.status_responder.ocsp("root", der).content)
    assert answer.this_update_utc == team.clock.now - MARGIN
    (signer,) = answer.certificates
    assert signer.not_valid_before_utc <= team.clock.now - BEHIND


@pytest.mark.parametrize(("seconds", "before"), [(86_400, 60), (600, 60), (60, 6), (5, 0)])
def test_a_lifetime_is_exact_and_begins_at_most_a_tenth_of_it_before(
    team: Team, seconds: int, before: int
) -> None:
    row = issued(team, ttl_seconds=seconds)
    assert row.not_after - row.not_before == timedelta(seconds=seconds)
    assert row.not_before == team.clock.now - timedelta(seconds=before)
