"""The SCEP server over HTTP (RFC 8894), on both databases where they decide."""

import base64
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlmodel import func, select
from tests.integration.conftest import Team
from tests.support.scep_client import (
    Answer,
    ScepClient,
    ScepEndpoint,
    constructed,
    rsa_key,
    scep_csr,
    self_signed,
)
from tests.support.web import serving

from certrail.domain.access import Role
from certrail.domain.enrollment import EnrollmentMethod
from certrail.persistence.tables import (
    ApprovalRequest,
    Certificate,
    CertificateRequest,
    EventRow,
    ScepRa,
)
from certrail.pki.scep.algorithms import CIPHERS
from certrail.pki.scep.envelope import issuer_and_serial, seal_envelope
from certrail.pki.scep.message import Attribute, FailInfo, MessageType, PkiStatus
from certrail.pki.scep.writing import named
from certrail.services.approvals.policies import Step
from certrail.services.enrollment.secrets import SecretKind

NAME = "device.example.com"
TRIPLE_DES = CIPHERS["1.2.840.113549.3.7"]


@dataclass
class Scep(ScepEndpoint):
    """An enrollment by SCEP with a challenge for many requests."""

    team: Team = field(kw_only=True)

    def one_time(self, lifetime: timedelta | None = None) -> str:
        _, text = self.team.services.enrollment_secrets.create(
            self.team.admin,
            self.team.application,
            "web",
            SecretKind.ONE_TIME_CHALLENGE,
            name="printer",
            lifetime=lifetime,
        )
        return text

    def count(self, table: type) -> int:
        with self.team.services.context.db.read() as session:
            return session.exec(select(func.count()).select_from(table)).one()


@contextmanager
def scep_of(team: Team, **settings: object) -> Iterator[Scep]:
    team.services.applications.set_enrollment(
        team.admin, team.application, "web", EnrollmentMethod.SCEP, settings=settings
    )
    where = (team.admin, team.application, "web")
    _, text = team.services.enrollment_secrets.create(*where, SecretKind.CHALLENGE, name="tablets")
    with serving(team.services) as url, httpx2.Client(base_url=url, timeout=60) as http:
        yield Scep(http, text, team=team)


@pytest.fixture
def scep(team: Team) -> Iterator[Scep]:
    with scep_of(team) as found:
        yield found


def certificate_of(answer: Answer) -> x509.Certificate:
    assert answer.status == PkiStatus.SUCCESS, answer.attributes
    (found,) = answer.certificates
    return found


def refused(answer: Answer, info: FailInfo) -> str:
    assert (answer.status, answer.fail_info) == (PkiStatus.FAILURE, info), answer.attributes
    assert not answer.certificates
    return str(answer.attributes[Attribute.FAIL_INFO_TEXT])


@pytest.mark.parametrize("by_get", [False, True])
@pytest.mark.parametrize("cipher", CIPHERS.values(), ids=lambda cipher: cipher.name)
def test_a_certificate_is_issued_in_the_answer(scep: Scep, cipher: object, by_get: bool) -> None:
    client = scep.client()
    client.cipher = cipher  # type: ignore[assignment]
    client.digest = hashes.SHA1() if by_get else hashes.SHA512()
    message = client.request(scep_csr(client.key, NAME, scep.challenge))
    answer = scep.send(client, message, by_get=by_get)
    certificate = certificate_of(answer)
    assert certificate.public_key() == client.key.public_key()
    certificate.verify_directly_issued_by(scep.issuer)
    assert answer.message.digest_name == client.digest.name
    assert answer.message.verify().public_key == scep.ra.public_key()


def test_capabilities_and_the_registration_authority(scep: Scep) -> None:
    caps = scep.http.get(scep.url, params={"operation": "GetCACaps", "message": "0"})
    words = set(caps.text.split())
    assert {"AES", "DES3", "SHA-256", "SHA-384", "Renewal", "POSTPKIOperation", "SCEPStandard"} <= words
    assert "GetNextCACert" not in words, "there is never a next certificate"
    scep.ra.verify_directly_issued_by(scep.issuer)
    usage = scep.ra.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment) == (True, True)
    assert scep.http.get(scep.url, params={"operation": "GetNextCACert"}).status_code == 404
    assert scep.http.get(scep.url, params={"operation": "Nonsense"}).status_code == 400
    assert (
        scep.http.get(scep.url.replace("/web/", "/no/"), params={"operation": "GetCACaps"}).status_code == 404
    )


def test_its_certificate_is_renewed_in_time_and_the_old_one_still_decrypts(scep: Scep) -> None:
    before = scep.client()
    scep.team.clock.advance(timedelta(days=340))
    after = Scep(scep.http, scep.challenge, team=scep.team)
    assert after.ra != scep.ra
    assert Scep(scep.http, scep.challenge, team=scep.team).ra == after.ra
    assert certificate_of(scep.enrolled(before))
    with scep.team.services.context.db.read() as session:
        rows = session.exec(select(ScepRa)).all()
        assert len(rows) == 2
        assert not any("PRIVATE KEY" in row.key_sealed for row in rows)
        events = session.exec(select(EventRow).where(EventRow.type == "scep_ra.made")).all()
    assert len(events) == 2


@pytest.mark.parametrize("challenge", [None, "wrong", "x" * 1000])
def test_without_the_challenge_nothing_is_issued(scep: Scep, challenge: str | None) -> None:
    text = refused(scep.enrolled(scep.client(), challenge), FailInfo.BAD_REQUEST)
    assert "challenge" in text
    assert scep.count(Certificate) == 0
    with scep.team.services.context.db.read() as session:
        assert session.exec(select(EventRow).where(EventRow.type == "access.unauthenticated")).all()


def test_no_challenge_is_stored(scep: Scep) -> None:
    once = scep.one_time()
    certificate_of(scep.enrolled(scep.client()))
    certificate_of(scep.enrolled(scep.client(rsa_key(1)), once))
    with scep.team.services.context.db.engine.connect() as connection:
        for table in ("certificate_request", "enrollment_secret", "event", "enrollment_exchange"):
            rows = connection.exec_driver_sql(f"select * from {table}").fetchall()
            assert rows
            stored = decoded(str([tuple(row) for row in rows]))
            assert scep.challenge.encode() not in stored, table
            assert once.encode() not in stored, table


def decoded(text: str) -> bytes:
    """A text with the CSRs in it as DER, where a challenge is readable."""
    found = text.encode()
    for block in text.split("-----BEGIN CERTIFICATE REQUEST-----")[1:]:
        inner = block.split("-----END")[0].replace("\\n", "").replace("\\", "").replace("\n", "")
        found += base64.b64decode("".join(inner.split()))
    return found


def test_a_one_time_challenge_is_for_one_request(scep: Scep) -> None:
    challenge = scep.one_time()
    first = scep.client()
    message = first.request(scep_csr(first.key, NAME, challenge))
    certificate = certificate_of(scep.send(first, message))
    assert "used" in refused(scep.enrolled(scep.client(rsa_key(1)), challenge), FailInfo.BAD_REQUEST)
    # An answer that was lost: the same message again finds the request, though its challenge is used.
    assert certificate_of(scep.send(first, message)) == certificate
    expired = scep.one_time(lifetime=timedelta(minutes=5))
    scep.team.clock.advance(timedelta(minutes=5))
    refused(scep.enrolled(scep.client(rsa_key(2)), expired), FailInfo.BAD_REQUEST)


def test_two_clients_with_one_challenge_get_one_certificate(scep: Scep) -> None:
    """The challenge's row is locked in the transaction that accepts the request: the second is rolled back."""
    challenge = scep.one_time()
    answers: list[Answer] = []
    barrier = threading.Barrier(2)

    def send(client: ScepClient) -> None:
        message = client.request(scep_csr(client.key, NAME, challenge))
        barrier.wait()
        answers.append(scep.send(client, message))

    threads = [threading.Thread(target=send, args=(scep.client(rsa_key(n)),)) for n in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [PkiStatus.SUCCESS, PkiStatus.FAILURE]
    assert scep.count(Certificate) == scep.count(CertificateRequest) == 1


def test_no_more_one_time_challenges_wait_than_are_allowed(team: Team) -> None:
    with scep_of(team, most_one_time_challenges=2) as scep:
        scep.one_time()
        scep.one_time()
        with pytest.raises(Exception, match="2 valid secrets"):
            scep.one_time()


def test_a_renewal_is_signed_with_the_present_certificate(scep: Scep) -> None:
    present = certificate_of(scep.enrolled(scep.client()))
    renewing = scep.client(rsa_key(), present)
    csr = scep_csr(rsa_key(1), NAME)
    renewed = certificate_of(scep.send(renewing, renewing.request(csr, MessageType.RENEWAL_REQ)))
    assert renewed.public_key() == rsa_key(1).public_key()
    with scep.team.services.context.db.read() as session:
        rows = {row.serial: row for row in session.exec(select(Certificate)).all()}
    old, new = rows[f"{present.serial_number:x}"], rows[f"{renewed.serial_number:x}"]
    assert (old.lineage_id, old.status) == (new.lineage_id, "superseded")
    again = scep.client(rsa_key(), present)
    message = again.request(scep_csr(rsa_key(2), NAME), MessageType.RENEWAL_REQ)
    assert "superseded" in refused(scep.send(again, message), FailInfo.BAD_REQUEST)


def test_a_new_request_with_the_key_of_a_certificate_renews_it(scep: Scep) -> None:
    """certmonger sends a PKCSReq with its challenge again."""
    first = certificate_of(scep.enrolled(scep.client()))
    again = certificate_of(scep.enrolled(scep.client()))
    other = certificate_of(scep.enrolled(scep.client(rsa_key(1))))
    with scep.team.services.context.db.read() as session:
        lineages = {row.serial: row.lineage_id for row in session.exec(select(Certificate)).all()}
    of_first, of_again, of_other = (lineages[f"{c.serial_number:x}"] for c in (first, again, other))
    assert of_first == of_again != of_other


def test_a_renewal_has_the_same_names_and_a_certificate_of_this_profile(scep: Scep) -> None:
    present = certificate_of(scep.enrolled(scep.client()))
    renewing = scep.client(rsa_key(), present)
    other_name = renewing.request(scep_csr(rsa_key(1), "other.example.com"), MessageType.RENEWAL_REQ)
    assert "names" in refused(scep.send(renewing, other_name), FailInfo.BAD_REQUEST)
    stranger = scep.client(rsa_key(2), self_signed(rsa_key(2), NAME))
    message = stranger.request(scep_csr(rsa_key(1), NAME), MessageType.RENEWAL_REQ)
    refused(scep.send(stranger, message), FailInfo.BAD_REQUEST)
    forged = scep.client(rsa_key(2), present)  # its certificate, without its key
    message = forged.request(scep_csr(rsa_key(2), NAME), MessageType.RENEWAL_REQ)
    refused(scep.send(forged, message), FailInfo.BAD_MESSAGE_CHECK)


def test_renewal_by_certificate_can_be_switched_off(team: Team) -> None:
    with scep_of(team, renewal_by_certificate=False) as scep:
        renewing = scep.client(rsa_key(), certificate_of(scep.enrolled(scep.client())))
        message = renewing.request(scep_csr(rsa_key(1), NAME), MessageType.RENEWAL_REQ)
        assert "switched off" in refused(scep.send(renewing, message), FailInfo.BAD_REQUEST)


def test_an_open_approval_is_pending_until_it_is_given(scep: Scep) -> None:
    team = scep.team
    boss = team.person("boss", Role.ADMIN)
    team.guard(Step("One", ("boss",)))
    client = scep.client()
    message = client.request(scep_csr(client.key, NAME, scep.challenge))
    poll = client.poll(scep.issuer.subject)
    assert scep.send(client, message).status == PkiStatus.PENDING
    assert scep.send(client, poll).status == PkiStatus.PENDING
    assert scep.send(client, message).status == PkiStatus.PENDING
    other = scep.client(rsa_key(1))
    other.transaction_id = client.transaction_id
    refused(scep.send(other, other.poll(scep.issuer.subject)), FailInfo.BAD_CERT_ID)
    with team.services.context.db.read() as session:
        approval = session.exec(select(ApprovalRequest)).one().id
    team.services.approvals.vote(boss, approval, "approve")
    assert certificate_of(scep.send(client, poll)) == certificate_of(scep.send(client, message))
    assert scep.count(CertificateRequest) == 1


def test_get_cert_finds_a_certificate_of_the_profile(scep: Scep) -> None:
    client = scep.client()
    certificate = certificate_of(scep.enrolled(client))
    wanted = client.request(issuer_and_serial(named(certificate)), MessageType.GET_CERT)
    assert certificate_of(scep.send(client, wanted)) == certificate
    unknown = client.request(issuer_and_serial(named(scep.ra)), MessageType.GET_CERT)
    refused(scep.send(client, unknown), FailInfo.BAD_CERT_ID)
    refused(scep.send(client, client.request(b"0", MessageType.GET_CRL)), FailInfo.BAD_REQUEST)


def test_the_policy_denies_it_in_words(scep: Scep) -> None:
    text = refused(scep.enrolled(scep.client(), name="device.elsewhere.test"), FailInfo.BAD_REQUEST)
    assert "device.elsewhere.test" in text


def test_what_is_not_for_this_server_does_not_decrypt(scep: Scep) -> None:
    client = scep.client()
    client.recipient = self_signed(rsa_key(2), "another RA")
    refused(scep.enrolled(client), FailInfo.BAD_MESSAGE_CHECK)


def test_single_des_is_bad_alg(scep: Scep) -> None:
    """micromdm's client encrypts with it, in constructed strings."""
    client = scep.client()
    sealed = seal_envelope(scep_csr(client.key, NAME, "x"), named(scep.ra), ra_key(scep), TRIPLE_DES)
    triple_des, des = bytes.fromhex("2a864886f70d0307"), bytes.fromhex("2a864886f70d0306")
    message = client.signed(constructed(sealed).replace(triple_des, des), MessageType.PKCS_REQ, {})
    assert "1.2.840.113549.3.6" in refused(scep.send(client, message), FailInfo.BAD_ALG)


def ra_key(scep: Scep) -> rsa.RSAPublicKey:
    key = scep.ra.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def test_300_mutated_messages_are_answered_by_the_protocol(scep: Scep) -> None:
    """Never a 5xx, never over two seconds, and nothing issued."""
    chance = random.Random(8894)
    client = scep.client()
    csr = scep_csr(client.key, NAME, "wrong")
    sealed = seal_envelope(csr, named(scep.ra), ra_key(scep), TRIPLE_DES)
    seeds = [client.request(csr), client.signed(constructed(sealed), MessageType.PKCS_REQ, {})]
    statuses: dict[int, int] = {}
    for number in range(300):
        data = bytearray(seeds[number % 2])
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if number % 4 == 3:  # mutated before it is signed, so that it is decrypted and read
            inner = bytearray(csr)
            inner[chance.randrange(len(inner))] ^= 1 << chance.randrange(8)
            data = bytearray(client.request(bytes(inner)))
        started = time.monotonic()
        answer = scep.http.post(scep.url, params={"operation": "PKIOperation"}, content=bytes(data))
        assert time.monotonic() - started < 2
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
    assert set(statuses) <= {200, 400}, statuses
    assert scep.count(Certificate) == 0


def test_the_legacy_url_issues_for_a_profile_with_enrollment_of_its_own(team: Team) -> None:
    team.services.catalog.create_profile(
        team.admin,
        slug="old",
        name="Old",
        ca="root",
        policy="tls",
        ttl=timedelta(days=7),
        legacy_enrollment={"api": {"enabled": False}, "scep": {"enabled": True}},
    )
    secrets = team.services.enrollment_secrets
    _, text = secrets.create(team.admin, None, "old", SecretKind.CHALLENGE, name="older")
    with serving(team.services) as url, httpx2.Client(base_url=url, timeout=60) as http:
        scep = Scep(http, text, "/scep/old/pkiclient.exe", team=team)
        certificate_of(scep.enrolled(scep.client()))
    with team.services.context.db.read() as session:
        assert session.exec(select(Certificate)).one().application_id is None
