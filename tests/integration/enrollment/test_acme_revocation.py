"""Revocation by clients, and certbot's `revoke`."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from josepy.b64 import b64encode
from josepy.jwk import JWKEC
from sqlmodel import select
from tests.integration.enrollment.acme_world import AcmeClient, AcmeWorld
from tests.integration.enrollment.certbot import Certbot

from certrail.domain.approval import GuardedAction
from certrail.persistence.tables import Certificate, EventRow
from certrail.services.approvals.policies import Step

URN = "urn:ietf:params:acme:error:"


def issued(acme: AcmeWorld, client: AcmeClient) -> x509.Certificate:
    acme.here("a.example.com")
    return x509.load_pem_x509_certificate(client.certificate("a.example.com").fullchain_pem.encode())


def body(certificate: x509.Certificate, reason: object = None) -> dict[str, object]:
    text = b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return {"certificate": text} | ({} if reason is None else {"reason": reason})


def status(acme: AcmeWorld) -> tuple[str, str | None]:
    with acme.team.services.context.db.read() as session:
        row = session.exec(select(Certificate)).one()
    return row.status, row.revocation_reason


def test_by_the_account_that_ordered_it(acme: AcmeWorld) -> None:
    client = acme.client()
    certificate = issued(acme, client)
    url = client.acme.directory["revokeCert"]
    for reason in (6, 99, "1", True):
        refused = client.raw(url, body(certificate, reason))
        assert refused.json()["type"] == URN + "badRevocationReason"
    assert client.raw(url, body(certificate, 4)).status_code == 200
    assert status(acme) == ("revoked", "superseded")
    again = client.raw(url, body(certificate))
    assert (again.status_code, again.json()["type"]) == (400, URN + "alreadyRevoked")


def test_another_account_must_control_its_names(acme: AcmeWorld) -> None:
    certificate = issued(acme, acme.client())
    other = acme.client()
    url = other.acme.directory["revokeCert"]
    assert other.raw(url, body(certificate)).status_code == 403
    issued(acme, other)
    assert other.raw(url, body(certificate)).status_code == 200
    with acme.team.services.context.db.read() as session:
        rows = session.exec(select(Certificate)).all()
        event = session.exec(select(EventRow).where(EventRow.type == "certificate.revoked")).one()
    assert sorted(row.status for row in rows) == ["active", "revoked"]
    assert event.actor_name.startswith("ACME account")


def test_by_its_own_key(acme: AcmeWorld) -> None:
    client = acme.client()
    acme.here("a.example.com")
    key = ec.generate_private_key(ec.SECP256R1())
    order = client.acme.new_order(csr_by(key))
    client.show_by_http(order)
    pem = client.acme.poll_and_finalize(order).fullchain_pem
    certificate = x509.load_pem_x509_certificate(pem.encode())
    stranger = acme.stranger()
    url = stranger.acme.directory["revokeCert"]
    assert stranger.raw(url, body(certificate)).status_code == 403
    holder = AcmeClient(acme, JWKEC(key=key))
    assert holder.raw(url, body(certificate, 1)).status_code == 200
    assert status(acme) == ("revoked", "keyCompromise")


def csr_by(key: ec.EllipticCurvePrivateKey) -> bytes:
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    sans = x509.SubjectAlternativeName([x509.DNSName("a.example.com")])
    return built.add_extension(sans, critical=False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_guarded_revocation_waits_and_says_so(acme: AcmeWorld) -> None:
    client = acme.client()
    certificate = issued(acme, client)
    acme.team.person("ada")
    acme.team.guard(Step("One", ("ada",)), guards=(GuardedAction.REVOCATION,))
    answer = client.raw(client.acme.directory["revokeCert"], body(certificate))
    assert answer.status_code == 403
    assert "waits for approval" in answer.json()["detail"]
    assert status(acme) == ("active", None)


@pytest.mark.any_database
@pytest.mark.parametrize("own_key", [False, True])
def test_certbot_revokes(acme: AcmeWorld, tmp_path: Path, own_key: bool) -> None:
    acme.here("a.example.com")
    certbot = Certbot.at(tmp_path, acme.directory)
    acme.settings(http_port=certbot.port)
    certbot.certonly("a.example.com")
    words = ["--cert-path", str(certbot.live("a.example.com")), "--reason", "superseded"]
    if own_key:
        key = certbot.live("a.example.com", "privkey.pem")
        assert load_pem_private_key(key.read_bytes(), None)
        words += ["--key-path", str(key)]
    certbot.run("revoke", "--server", acme.directory, *words, "--no-delete-after-revoke")
    assert status(acme) == ("revoked", "superseded")
