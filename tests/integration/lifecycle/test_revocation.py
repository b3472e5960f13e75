"""Everybody who asks hears the same about a certificate: openssl by list and by OCSP, and our own state."""

import base64
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from sqlmodel import col, select
from tests.integration.conftest import Team
from tests.support.linting import crl_errors, errors_in, ocsp_errors
from tests.support.programs import openssl
from tests.support.web import serving

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.domain.errors import Conflict, NotFound
from certrail.domain.search import CertificateFilter
from certrail.persistence.tables import (
    CaCertificate,
    Certificate,
    EventRow,
    Lineage,
    OcspSigner,
    RevocationTombstone,
)
from certrail.pki.parse import from_pem_text
from certrail.pki.revocation import Reason

CA, OCSP = "root", "/ocsp/root"


@pytest.fixture
def url(team: Team) -> Iterator[str]:
    with serving(team.services) as url:
        team.services.context.public_url = url
        yield url


def issued(team: Team, name: str = "a.example.com") -> Certificate:
    request, _ = team.ask(team.admin, name)
    assert team.services.issuance.advance(request).status == "issued"
    return team.services.inventory.get(team.services.requests.get(request).certificate_id or "")


def root_of(team: Team, reference: str = "root") -> x509.Certificate:
    (present, *_) = team.services.authorities.get(reference)[1]
    return x509.load_pem_x509_certificate(present.pem.encode())


def by_list(team: Team, row: Certificate, folder: Path, url: str) -> str:
    """What `openssl verify` says with the list that the certificate itself names."""
    leaf = x509.load_pem_x509_certificate(row.pem.encode())
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    named = points[0].full_name
    assert named
    answer = httpx2.get(named[0].value, trust_env=False, timeout=60).raise_for_status()
    assert answer.headers["content-type"] == "application/pkix-crl"
    (folder / "crl.pem").write_bytes(x509.load_der_x509_crl(answer.content).public_bytes(Encoding.PEM))
    (folder / "leaf.pem").write_text(row.pem)
    (folder / "root.pem").write_bytes(root_of(team).public_bytes(Encoding.PEM))
    at = str(int(team.clock.now.timestamp()) + 1)
    command = ["verify", "-x509_strict", "-crl_check", "-attime", at, "-CRLfile", "crl.pem"]
    done = openssl(*command, "-CAfile", "root.pem", "leaf.pem", folder=folder)
    if done.returncode == 0:
        return "good"
    assert "certificate revoked" in done.stderr, done.stderr
    return "revoked"


def by_ocsp(
    row: Certificate, team: Team, folder: Path, url: str, *more: str, serial: int | None = None
) -> str:
    """What `openssl ocsp` says of it, or of another serial, at the address that the certificate itself names."""
    leaf = x509.load_pem_x509_certificate(row.pem.encode())
    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    (folder / "leaf.pem").write_text(row.pem)
    (folder / "root.pem").write_bytes(root_of(team).public_bytes(Encoding.PEM))
    asked = ["-cert", "leaf.pem"] if serial is None else ["-serial", str(serial)]
    command = ["ocsp", "-issuer", "root.pem", *asked, "-CAfile", "root.pem"]
    done = openssl(*command, "-url", access[0].access_location.value, *more, folder=folder)
    assert done.returncode == 0, done.stderr
    assert "Response verify OK" in done.stderr, done.stderr
    found = re.search(rf"^{re.escape(asked[1])}: (\w+)", done.stdout, re.MULTILINE)
    assert found, done.stdout
    reason = re.search(r"Reason: (\w+)", done.stdout)
    return found[1] + (f" {reason[1]}" if reason else "")


def test_lists_ocsp_and_our_own_state_agree(team: Team, url: str, tmp_path: Path) -> None:
    services, revocation = team.services, team.services.revocation
    good, gone, held = (
        issued(team, "a.example.com"),
        issued(team, "b.example.com"),
        issued(team, "c.example.com"),
    )
    for row in (good, gone, held):
        assert (by_list(team, row, tmp_path, url), by_ocsp(row, team, tmp_path, url)) == ("good", "good")
        assert not errors_in(x509.load_pem_x509_certificate(row.pem.encode()))
    team.clock.advance(timedelta(seconds=1))
    revocation.revoke(team.admin, gone.id, Reason.KEY_COMPROMISE)
    revocation.revoke(team.admin, held.id, Reason.CERTIFICATE_HOLD)
    assert [services.inventory.get(row.id).status for row in (good, gone, held)] == [
        "active",
        "revoked",
        "held",
    ]
    for status, row in (("active", good), ("revoked", gone), ("held", held)):
        (found,) = services.inventory.search(team.application, CertificateFilter(status=status))
        assert found.id == row.id
    assert by_list(team, good, tmp_path, url) == by_ocsp(good, team, tmp_path, url) == "good"
    assert by_ocsp(gone, team, tmp_path, url) == "revoked keyCompromise"
    assert by_ocsp(held, team, tmp_path, url) == "revoked certificateHold"
    assert [by_list(team, row, tmp_path, url) for row in (gone, held)] == ["revoked"] * 2
    revocation.release(team.admin, held.id)
    assert by_list(team, held, tmp_path, url) == by_ocsp(held, team, tmp_path, url) == "good"
    assert services.inventory.get(held.id).status == "active"
    with services.context.db.read() as session:
        recorded = select(EventRow.type).where(EventRow.subject_id == held.id).order_by(col(EventRow.seq))
        kinds = session.exec(recorded).all()
    assert kinds[-2:] == ["certificate.held", "certificate.released"]


def test_what_is_revoked_is_renewed_no_more(team: Team, url: str) -> None:
    row = issued(team)
    with team.services.context.db.read() as session:
        assert session.get_one(Lineage, row.lineage_id).renew_at is not None
    team.services.revocation.revoke(team.admin, row.id)
    assert team.services.renewals.explained(row.id)["off"] == "the certificate is revoked"
    with pytest.raises(Conflict, match="revoked"):
        team.services.renewals.renew(team.admin, row.id)
    with pytest.raises(Conflict, match="already"):
        team.services.revocation.revoke(team.admin, row.id)
    with pytest.raises(Conflict, match="only one on hold"):
        team.services.revocation.release(team.admin, row.id)
    with pytest.raises(NotFound):
        team.services.revocation.revoke(team.admin, "unknown")


def test_a_certificate_of_another_authority_is_not_ours_to_revoke(team: Team) -> None:
    team.services.catalog.create_profile(
        team.admin, slug="own", name="Own", issuer_type="self-signed", policy="tls", ttl=timedelta(days=1)
    )
    team.services.applications.attach_profile(team.admin, team.application, "own")
    content = {"subject": {"common_name": "x"}, "sans": {"dns": ["x.example.com"]}}
    asked = team.services.requests.submit(team.admin, team.application, profile="own", content=content)
    team.services.issuance.advance(asked.id)
    with pytest.raises(Conflict, match="Another authority"):
        team.services.revocation.revoke(team.admin, team.services.requests.get(asked.id).certificate_id or "")


def test_a_list_is_never_stale_and_its_number_only_grows_over_a_month(team: Team) -> None:
    rows = [issued(team, f"n{n}.example.com") for n in range(6)]
    numbers, listed = [], []
    for day in range(30):
        if day % 5 == 0:
            team.services.revocation.revoke(team.admin, rows[day // 5].id)
        team.services.sweeps["revocation-lists"]()
        answer = team.services.status_responder.crl("root")
        found = x509.load_der_x509_crl(answer.content)
        since, until = found.last_update_utc, found.next_update_utc
        assert answer.holds == (since, until)
        assert until
        assert until > team.clock.now + timedelta(days=1), "nextUpdate is always well ahead"
        assert found.is_signature_valid(root_of(team).public_key())  # type: ignore[arg-type]
        numbers.append(found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)
        listed.append(len(list(found)))
        team.clock.advance(timedelta(days=1))
    assert numbers == sorted(set(numbers))
    assert max(listed) == 6
    assert team.services.sweeps["revocation-lists"]() == 1
    assert team.services.sweeps["revocation-lists"]() == 0


def test_a_certificate_that_ended_leaves_the_list(team: Team) -> None:
    row = issued(team)
    team.services.revocation.revoke(team.admin, row.id)
    team.clock.advance(timedelta(days=50))
    team.services.sweeps["revocation-lists"]()
    assert len(list(x509.load_der_x509_crl(team.services.status_responder.crl("root").content))) == 0


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.EC_P256, KeyAlgorithm.RSA_2048, KeyAlgorithm.ED25519])
def test_lists_and_answers_are_as_the_rfcs_want_them(
    team: Team, url: str, tmp_path: Path, algorithm: KeyAlgorithm
) -> None:
    services = team.services
    services.authorities.create_root(
        team.admin, slug="r", name="R", subject=Subject(common_name="R"), key_algorithm=algorithm
    )
    services.catalog.update_profile(team.admin, "web", ca="r")
    good, gone = issued(team, "a.example.com"), issued(team, "b.example.com")
    for reason in (Reason.CERTIFICATE_HOLD, Reason.UNSPECIFIED):
        services.revocation.revoke(team.admin, gone.id, reason)
        der = services.status_responder.crl("r").content
        assert not crl_errors(der, tmp_path)
        for row in (good, gone):
            assert not ocsp_errors(
                services.status_responder.ocsp("r", question(team, row, "r")).content, tmp_path
            )
    point = x509.load_der_x509_crl(der).extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert point.critical
    with services.context.db.read() as session:
        (signer,) = session.exec(select(OcspSigner)).all()
    assert not errors_in(x509.load_pem_x509_certificate(signer.pem.encode()))


def question(
    team: Team,
    row: Certificate,
    authority: str = "root",
    nonce: bytes | None = None,
    serial: int | None = None,
) -> bytes:
    builder = ocsp.OCSPRequestBuilder()
    leaf, issuer = x509.load_pem_x509_certificate(row.pem.encode()), root_of(team, authority)
    if serial is None:
        builder = builder.add_certificate(leaf, issuer, hashes.SHA256())
    else:
        asked = builder.add_certificate(leaf, issuer, hashes.SHA256()).build()
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
            asked.issuer_name_hash, asked.issuer_key_hash, serial, hashes.SHA256()
        )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def test_ocsp_by_get_can_be_kept_and_with_a_nonce_it_cannot(team: Team, url: str) -> None:
    row = issued(team)
    plain = quote(base64.b64encode(question(team, row)).decode(), safe="")
    answer = httpx2.get(f"{url}{OCSP}/{plain}", trust_env=False, timeout=60)
    assert answer.headers["content-type"] == "application/ocsp-response"
    assert "max-age=3600" in answer.headers["cache-control"]
    response = ocsp.load_der_ocsp_response(answer.content)
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert response.next_update_utc is not None
    fresh = quote(base64.b64encode(question(team, row, nonce=b"0123456789abcdef")).decode(), safe="")
    answer = httpx2.get(f"{url}{OCSP}/{fresh}", trust_env=False, timeout=60)
    assert answer.headers["cache-control"] == "no-store"
    response = ocsp.load_der_ocsp_response(answer.content)
    assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"0123456789abcdef"


def test_what_is_not_ours_is_not_answered_for(team: Team, url: str, tmp_path: Path) -> None:
    row = issued(team)
    assert by_ocsp(row, team, tmp_path, url, serial=4711) == "unknown"
    assert by_ocsp(row, team, tmp_path, url, serial=int(row.serial, 16)) == "good"
    unknown = httpx2.post(
        f"{url}{OCSP}", content=question(team, row, serial=4711), trust_env=False, timeout=60
    )
    response = ocsp.load_der_ocsp_response(unknown.content)
    assert response.certificate_status is ocsp.OCSPCertStatus.UNKNOWN
    team.services.authorities.create_root(
        team.admin, slug="other", name="O", subject=Subject(common_name="O")
    )
    foreign = httpx2.post(f"{url}/ocsp/other", content=question(team, row), trust_env=False, timeout=60)
    assert (
        ocsp.load_der_ocsp_response(foreign.content).response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    )
    for length in (1, 32, 33, 128):
        asked = question(team, row, nonce=b"x" * length)
        found = ocsp.load_der_ocsp_response(team.services.status_responder.ocsp("root", asked).content)
        assert found.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"x" * length
    wrong = (question(team, row, nonce=b"x" * length) for length in (0, 129))
    for body in (b"", b"nonsense", b"0" * 5000, *wrong):
        malformed = httpx2.post(f"{url}{OCSP}", content=body, trust_env=False, timeout=60)
        status = ocsp.load_der_ocsp_response(malformed.content).response_status
        assert status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    assert httpx2.get(f"{url}{OCSP}/%21%21", trust_env=False, timeout=60).status_code == 200
    for path in ("not-there.crl", f"{CA}/0000000000000000.crl"):
        assert httpx2.get(f"{url}/crl/{path}", trust_env=False, timeout=60).status_code == 404


def test_openssl_hears_that_a_serial_is_unknown(team: Team, url: str, tmp_path: Path) -> None:
    issued(team)
    (tmp_path / "root.pem").write_bytes(root_of(team).public_bytes(Encoding.PEM))
    asked = [
        "ocsp",
        "-issuer",
        "root.pem",
        "-serial",
        "0x4711",
        "-CAfile",
        "root.pem",
        "-url",
        f"{url}{OCSP}",
    ]
    done = openssl(*asked, folder=tmp_path)
    assert "Response verify OK" in done.stderr, done.stderr
    assert "0x4711: unknown" in done.stdout


def test_the_one_who_answers_is_replaced_in_time(team: Team) -> None:
    row = issued(team)
    seen = set()
    for _ in range(20):
        response = ocsp.load_der_ocsp_response(
            team.services.status_responder.ocsp("root", question(team, row)).content
        )
        (signer,) = response.certificates
        assert signer.not_valid_before_utc <= team.clock.now < signer.not_valid_after_utc
        seen.add(signer.serial_number)
        team.clock.advance(timedelta(days=1))
    assert len(seen) == 3


def test_what_an_old_key_signed_is_in_the_list_of_that_key(team: Team, url: str, tmp_path: Path) -> None:
    old = issued(team, "old.example.com")
    team.services.authorities.renew(team.admin, "root", new_key=True)
    new = issued(team, "new.example.com")
    team.services.revocation.revoke(team.admin, old.id)
    with team.services.context.db.read() as session:
        versions = {row.id: row for row in session.exec(select(CaCertificate)).all()}
    for row, expected in ((old, 1), (new, 0)):
        leaf = x509.load_pem_x509_certificate(row.pem.encode())
        points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        named = points[0].full_name
        assert named
        found = x509.load_der_x509_crl(httpx2.get(named[0].value, trust_env=False, timeout=60).content)
        issuer = x509.load_pem_x509_certificate(versions[row.ca_certificate_id or ""].pem.encode())
        assert found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
        assert len(list(found)) == expected


def test_without_a_public_address_certificates_name_none(team: Team) -> None:
    leaf = x509.load_pem_x509_certificate(issued(team).pem.encode())
    present = {extension.oid for extension in leaf.extensions}
    assert x509.CRLDistributionPoints.oid not in present
    assert x509.AuthorityInformationAccess.oid not in present


def deleted(team: Team, *, at: str | None = None) -> None:
    look = team.services.deletions.preview(at or team.application)
    team.services.deletions.delete(team.admin, at or team.application, look.confirm)


def test_status_outlives_the_application(team: Team, url: str, tmp_path: Path) -> None:
    revocation, status = team.services.revocation, team.services.status_responder
    good, gone, held = (issued(team, f"{name}.example.com") for name in ("a", "b", "c"))
    team.clock.advance(timedelta(seconds=1))
    revocation.revoke(team.admin, gone.id, Reason.KEY_COMPROMISE)
    revocation.revoke(team.admin, held.id, Reason.CERTIFICATE_HOLD)
    warnings = " ".join(team.services.deletions.preview(team.application).warnings)
    assert "1 certificates stay good" in warnings
    assert "1 certificates stay on hold" in warnings
    deleted(team)
    assert team.services.inventory.search(None) == []
    listed = ["good", "revoked", "revoked"]
    assert [by_list(team, row, tmp_path, url) for row in (good, gone, held)] == listed
    answers = [by_ocsp(row, team, tmp_path, url) for row in (good, gone, held)]
    assert answers == ["good", "revoked keyCompromise", "revoked certificateHold"]
    team.clock.advance(timedelta(days=2))
    assert status.refresh()
    assert [by_list(team, row, tmp_path, url) for row in (good, gone, held)] == listed
    team.clock.advance(timedelta(days=60))
    assert status.refresh()
    der = status.crl("root").content
    assert not list(x509.load_der_x509_crl(der))
    with team.services.context.db.read() as session:
        assert session.exec(select(RevocationTombstone)).all() == []


def test_what_comes_back_after_its_application_is_what_it_was(team: Team, url: str, tmp_path: Path) -> None:
    services = team.services
    good, gone, held = (issued(team, f"{name}.example.com") for name in ("a", "b", "c"))
    services.revocation.revoke(team.admin, gone.id, Reason.SUPERSEDED)
    services.revocation.revoke(team.admin, held.id, Reason.CERTIFICATE_HOLD)
    deleted(team)
    home = services.applications.create(team.admin, slug="home", name="Home").id
    back = [services.imports.take(team.admin, home, from_pem_text(row.pem)) for row in (good, gone, held)]
    assert [(row.status, row.revocation_reason) for row in back] == [
        ("active", None),
        ("revoked", "superseded"),
        ("held", "certificateHold"),
    ]
    team.clock.advance(timedelta(seconds=1))
    services.revocation.revoke(team.admin, back[0].id)
    services.revocation.release(team.admin, back[2].id)
    answers = [by_ocsp(row, team, tmp_path, url) for row in (good, gone, held)]
    assert answers == ["revoked", "revoked superseded", "good"]
    assert [by_list(team, row, tmp_path, url) for row in (good, gone, held)] == ["revoked", "revoked", "good"]


def test_an_authority_stays_as_long_as_deleted_certificates_hold(team: Team) -> None:
    issued(team)
    deleted(team)
    services = team.services
    services.catalog.delete_profile(team.admin, "web")
    with pytest.raises(Conflict, match="has issued certificates"):
        services.authorities.delete(team.admin, "root")
    team.clock.advance(timedelta(days=48))
    services.authorities.delete(team.admin, "root")
    assert services.authorities.list() == []
