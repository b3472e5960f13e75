"""The EST server over HTTP (RFC 7030), on both databases where they decide."""

import base64
import email
import random
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    pkcs7,
)
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.enrollment.est_client import Est, certificate_in, est_csr, est_of
from tests.support.web import serving

from certrail.domain.access import Role
from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.states import RequestStatus
from certrail.persistence.tables import (
    ApprovalRequest,
    Certificate,
    CertificateRequest,
    EnrollmentSecret,
    EventRow,
)
from certrail.services.approvals.policies import Step
from certrail.services.enrollment.secrets import SecretKind


@pytest.fixture
def est(team: Team) -> Iterator[Est]:
    with est_of(team) as found:
        yield found


def test_a_certificate_is_issued_in_the_answer_to_the_csr(est: Est) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = est.enrolled(est_csr("a.example.com", key=key))
    assert certificate.public_key() == key.public_key()
    row = est.row_of(certificate)
    with est.team.services.context.db.read() as session:
        request = session.get_one(CertificateRequest, row.request_id)
        actors = session.exec(select(EventRow.actor_name).where(EventRow.type == "certificate.issued")).all()
    assert (request.origin, request.status) == ("est", RequestStatus.ISSUED)
    assert actors == ["EST passphrase routers of web in app"]


def test_cacerts_need_no_passphrase_and_verify_what_is_issued(est: Est) -> None:
    answer = est.client.get(f"{est.base}/cacerts")
    assert answer.headers["content-transfer-encoding"] == "base64"
    root = certificate_in(answer)
    est.enrolled(est_csr("a.example.com")).verify_directly_issued_by(root)
    assert est.client.get("/.well-known/est/applications/app/profiles/none/cacerts").status_code == 404
    assert est.client.get("/.well-known/est/web/cacerts").status_code == 404


def test_csrattrs_say_what_keys_the_policy_takes(est: Est) -> None:
    assert est.client.get(f"{est.base}/csrattrs").status_code == 204
    rules = {"key_algorithms": ["EC_P384"], "sans": {"dns": {"allowed": ["*.example.com"]}}}
    est.team.services.catalog.update_policy(est.team.admin, "tls", rules)
    answer = est.client.get(f"{est.base}/csrattrs")
    assert answer.headers["content-type"] == "application/csrattrs"
    assert bytes.fromhex("06052b81040022") in base64.b64decode(answer.content)  # secp384r1


@pytest.mark.parametrize("passphrase", [None, "wrong", "x" * 5000])
def test_without_the_passphrase_nothing_is_issued(est: Est, passphrase: str | None) -> None:
    answer = est.post("simpleenroll", est_csr("a.example.com"), passphrase)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="certrail EST"'
    assert "passphrase" in answer.text
    with est.team.services.context.db.read() as session:
        assert not session.exec(select(Certificate)).all()
        assert session.exec(select(EventRow).where(EventRow.type == "access.unauthenticated")).all()


def test_passphrases_are_hashed_rotated_and_revoked_one_by_one(est: Est) -> None:
    secrets, team = est.team.services.enrollment_secrets, est.team
    where = (team.admin, team.application, "web")
    second, text = secrets.create(*where, SecretKind.PASSPHRASE, name="next", lifetime=timedelta(days=1))
    with team.services.context.db.read() as session:
        for row in session.exec(select(EnrollmentSecret)).all():
            assert row.hash.startswith("scrypt-")
            assert est.passphrase not in row.hash
            assert text not in row.hash
        events = session.exec(select(EventRow).where(EventRow.type == "enrollment_secret.created")).all()
    assert text not in str([event.data for event in events])
    assert est.post("simpleenroll", est_csr("a.example.com"), text).status_code == 200
    assert est.post("simpleenroll", est_csr("b.example.com")).status_code == 200
    secrets.revoke(*where, EnrollmentMethod.EST, second.id)
    assert est.post("simpleenroll", est_csr("c.example.com"), text).status_code == 401
    assert est.post("simpleenroll", est_csr("d.example.com")).status_code == 200


def test_a_passphrase_that_expired_is_refused(est: Est) -> None:
    team = est.team
    _, text = team.services.enrollment_secrets.create(
        team.admin, team.application, "web", SecretKind.PASSPHRASE, name="short", lifetime=timedelta(hours=1)
    )
    assert est.post("simpleenroll", est_csr("a.example.com"), text).status_code == 200
    team.clock.advance(timedelta(hours=1))
    assert est.post("simpleenroll", est_csr("b.example.com"), text).status_code == 401


def test_a_refusal_says_in_text_what_to_change(est: Est) -> None:
    answer = est.post("simpleenroll", est_csr("a.elsewhere.test"))
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/plain")
    assert "a.elsewhere.test" in answer.text
    for body in (b"", b"no base64!", base64.b64encode(b"no CSR"), b"A" * 70_000):
        answer = est.client.post(f"{est.base}/simpleenroll", content=body, auth=("u", est.passphrase))
        assert answer.status_code == 400, body
        assert answer.headers["content-type"].startswith("text/plain")
    assert est.post("fullcmc", est_csr("a.example.com")).status_code == 404


def test_the_same_csr_again_gets_the_same_certificate_for_a_while(est: Est) -> None:
    csr = est_csr("a.example.com")
    first = est.enrolled(csr)
    assert est.enrolled(csr) == first
    est.team.clock.advance(timedelta(hours=2))
    assert est.enrolled(csr) != first


def test_the_same_csr_twice_at_once_is_one_request(est: Est) -> None:
    """Each in a transaction that does not see the other's: the unique constraint decides."""
    csr = est_csr("a.example.com")
    est.enrolled(est_csr("warm.example.com"))
    answers: list[httpx2.Response] = []
    barrier = threading.Barrier(4)

    def send() -> None:
        barrier.wait()
        answers.append(est.post("simpleenroll", csr))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({certificate_in(answer).serial_number for answer in answers}) == 1
    with est.team.services.context.db.read() as session:
        assert len(session.exec(select(CertificateRequest)).all()) == 2


def approval_of(team: Team) -> str:
    with team.services.context.db.read() as session:
        return session.exec(select(ApprovalRequest)).one().id


def test_an_open_approval_is_202_until_it_is_given(est: Est) -> None:
    team = est.team
    boss = team.person("boss", Role.ADMIN)
    team.guard(Step("One", ("boss",)))
    csr = est_csr("a.example.com")
    waiting = est.post("simpleenroll", csr)
    assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "60")
    assert est.post("simpleenroll", csr).status_code == 202
    approval = approval_of(team)
    team.services.approvals.vote(boss, approval, "approve")
    team.clock.advance(timedelta(days=2))  # a client of a cron job comes when it comes
    certificate = est.enrolled(csr)
    assert est.enrolled(csr) == certificate
    with team.services.context.db.read() as session:
        assert len(session.exec(select(CertificateRequest)).all()) == 1


def test_a_rejection_holds_for_the_same_csr(est: Est) -> None:
    team = est.team
    boss = team.person("boss", Role.ADMIN)
    team.guard(Step("One", ("boss",)))
    csr = est_csr("a.example.com")
    assert est.post("simpleenroll", csr).status_code == 202
    approval = approval_of(team)
    team.services.approvals.vote(boss, approval, "reject", comment="not this one")
    refused = est.post("simpleenroll", csr)
    assert refused.status_code == 403
    assert "rejected" in refused.text
    assert est.post("simpleenroll", est_csr("a.example.com")).status_code == 202


def test_simplereenroll_joins_the_lineage_of_the_same_names(est: Est) -> None:
    first = est.row_of(est.enrolled(est_csr("a.example.com", "b.example.com", cn="a.example.com")))
    renewed = est.enrolled(est_csr("b.example.com", "a.example.com", cn="a.example.com"), "simplereenroll")
    assert est.row_of(renewed).lineage_id == first.lineage_id
    with est.team.services.context.db.read() as session:
        assert session.get_one(Certificate, first.id).status == "superseded"
    other = est.post("simplereenroll", est_csr("a.example.com", cn="a.example.com"))
    assert other.status_code == 400
    assert "simpleenroll" in other.text


def test_serverkeygen_shows_a_key_that_fits_once(team: Team) -> None:
    with est_of(team, server_key_generation=True) as est:
        csr = est_csr("a.example.com")
        answer = est.post("serverkeygen", csr)
        assert answer.status_code == 200, answer.text
        head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
        _, key_part, certificate_part = email.message_from_bytes(head + answer.content).walk()
        key_der, der = key_part.get_payload(decode=True), certificate_part.get_payload(decode=True)
        assert isinstance(key_der, bytes)
        assert isinstance(der, bytes)
        key, (certificate,) = load_der_private_key(key_der, None), pkcs7.load_der_pkcs7_certificates(der)
        assert spki(key.public_key()) == spki(certificate.public_key())  # type: ignore[arg-type]
        assert spki(certificate.public_key()) != spki(x509.load_der_x509_csr(csr).public_key())  # type: ignore[arg-type]
        assert est.post("serverkeygen", csr).status_code == 409


def spki(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_serverkeygen_is_off_unless_it_is_set(est: Est) -> None:
    answer = est.post("serverkeygen", est_csr("a.example.com"))
    assert answer.status_code == 409
    assert "server_key_generation" in answer.text


def test_the_legacy_url_issues_for_a_profile_with_enrollment_of_its_own(team: Team) -> None:
    catalog, secrets = team.services.catalog, team.services.enrollment_secrets
    methods = {"api": {"enabled": False}, "est": {"enabled": True}}
    catalog.create_profile(
        team.admin,
        slug="old",
        name="Old",
        ca="root",
        policy="tls",
        ttl=timedelta(days=7),
        legacy_enrollment=methods,
    )
    _, text = secrets.create(team.admin, None, "old", SecretKind.PASSPHRASE, name="older")
    with serving(team.services) as url, httpx2.Client(base_url=url, timeout=60) as client:
        legacy = Est(client, text, "/.well-known/est/old", team)
        certificate = legacy.enrolled(est_csr("a.example.com"))
        assert legacy.row_of(certificate).application_id is None
        elsewhere = Est(client, text, "/.well-known/est/applications/app/profiles/web", team)
        assert elsewhere.post("simpleenroll", est_csr("a.example.com")).status_code == 404


def test_300_mutated_requests_are_answered_by_the_protocol(est: Est) -> None:
    """Never a 5xx, and never over two seconds."""
    chance = random.Random(7030)
    seed = base64.b64encode(est_csr("a.example.com", cn="a.example.com"))
    statuses: dict[int, int] = {}
    for number in range(300):
        der = bytearray(base64.b64decode(seed) if number % 3 else seed)
        for _ in range(chance.randint(1, 3)):
            der[chance.randrange(len(der))] = chance.randrange(256)
        body = base64.b64encode(der) if number % 3 else bytes(der)
        started = time.monotonic()
        operation = ("simpleenroll", "simplereenroll", "serverkeygen")[number % 5 % 3]
        answer = est.client.post(f"{est.base}/{operation}", content=body, auth=("u", est.passphrase))
        assert time.monotonic() - started < 2
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
    assert set(statuses) <= {200, 400, 403, 409}, statuses
    assert statuses[400] > 200, statuses


def test_detaching_the_profile_ends_its_passphrases(est: Est) -> None:
    team = est.team
    est.enrolled(est_csr("a.example.com"))
    team.services.applications.detach_profile(team.admin, team.application, "web")
    assert est.post("simpleenroll", est_csr("b.example.com")).status_code == 404
    with team.services.context.db.read() as session:
        assert not session.exec(select(EnrollmentSecret)).all()
