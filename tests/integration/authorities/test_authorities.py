"""Authorities below each other, below somebody else's, and their renewals; every chain is judged by OpenSSL too."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from tests.integration.conftest import Team
from tests.integration.elsewhere import Elsewhere
from tests.support.chains import openssl_verifies

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.persistence.tables import Certificate
from certrail.pki.keys import generate

pytestmark = pytest.mark.any_database

DAY = timedelta(days=1)


def loaded(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def issue(team: Team, profile: str, name: str = "a.example.com") -> Certificate:
    """A certificate from a profile that is attached for it."""
    team.services.applications.attach_profile(team.admin, team.application, profile)
    row = team.services.requests.submit(
        team.admin, team.application, profile=profile, content={"sans": {"dns": [name]}}
    )
    outcome = team.services.issuance.advance(row.id)
    issued = team.services.requests.get(row.id)
    assert outcome.status == "issued", issued.reason
    return team.services.inventory.get(issued.certificate_id or "")


def profile_under(team: Team, ca: str, ttl: timedelta = DAY) -> str:
    slug = f"under-{ca}"
    team.services.catalog.create_profile(team.admin, slug=slug, name=slug, ca=ca, policy="tls", ttl=ttl)
    return slug


def verified(team: Team, folder: Path, certificate: Certificate) -> bool:
    assert certificate.root
    chain = [loaded(pem) for pem in certificate.chain]
    at = team.clock.now + timedelta(minutes=1)
    return openssl_verifies(folder, loaded(certificate.pem), chain, loaded(certificate.root), at)


def test_three_floors_of_authorities_issue(team: Team, tmp_path: Path) -> None:
    authorities = team.services.authorities
    authorities.create_intermediate(
        team.admin,
        slug="policy-ca",
        name="Policy CA",
        subject=Subject(common_name="Policy CA"),
        parent="root",
        key_algorithm=KeyAlgorithm.EC_P384,
        max_path_length=1,
    )
    authorities.create_intermediate(
        team.admin,
        slug="issuing",
        name="Issuing",
        subject=Subject(common_name="Issuing"),
        parent="policy-ca",
        key_algorithm=KeyAlgorithm.ED25519,
    )
    certificate = issue(team, profile_under(team, "issuing"))
    assert [loaded(pem).subject.rfc4514_string() for pem in certificate.chain] == [
        "CN=Issuing",
        "CN=Policy CA",
    ]
    assert verified(team, tmp_path, certificate)
    with pytest.raises(Conflict, match="allows no authority below itself"):
        authorities.create_intermediate(
            team.admin, slug="below", name="Below", subject=Subject(common_name="Below"), parent="issuing"
        )
    with pytest.raises(Conflict, match="path length of at most 0"):
        authorities.create_intermediate(
            team.admin,
            slug="below",
            name="Below",
            subject=Subject(common_name="Below"),
            parent="policy-ca",
            max_path_length=1,
        )


def test_nothing_outlives_its_issuer(team: Team) -> None:
    authorities = team.services.authorities
    subject = Subject(common_name="Short")
    authorities.create_root(team.admin, slug="short", name="Short", subject=subject, lifetime=30 * DAY)
    authorities.create_intermediate(
        team.admin, slug="below", name="B", subject=Subject(common_name="B"), parent="short"
    )
    (below,) = authorities.get("below")[1]
    (short,) = authorities.get("short")[1]
    assert below.not_after == short.not_after, "five years, but no longer than the parent"
    with pytest.raises(Conflict, match="outlive its issuer"):
        authorities.create_intermediate(
            team.admin, slug="long", name="L", subject=subject, parent="short", lifetime=31 * DAY
        )
    with pytest.raises(NotFound):
        authorities.get("long")


@pytest.fixture
def elsewhere(team: Team) -> Elsewhere:
    team.services.authorities.create_intermediate(
        team.admin, slug="outer", name="Outer", subject=Subject(common_name="Outer")
    )
    return Elsewhere(team)


def test_a_csr_goes_out_and_a_certificate_comes_in(team: Team, elsewhere: Elsewhere, tmp_path: Path) -> None:
    authorities = team.services.authorities
    slug = profile_under(team, "outer")
    team.services.applications.attach_profile(team.admin, team.application, slug)
    with pytest.raises(Conflict, match="has no certificate yet"):
        team.services.requests.submit(
            team.admin, team.application, profile=slug, content={"sans": {"dns": ["a.example.com"]}}
        )
    signed = elsewhere.sign(authorities.request("outer"))
    row = authorities.install(team.admin, "outer", signed, elsewhere.pem)
    assert row.status == "active"
    assert verified(team, tmp_path, issue(team, slug))
    with pytest.raises(Conflict, match="installed already"):
        authorities.install(team.admin, "outer", signed + elsewhere.pem)


def test_a_certificate_that_does_not_fit_is_refused_with_the_reason(team: Team, elsewhere: Elsewhere) -> None:
    authorities = team.services.authorities
    csr = authorities.request("outer")
    fitting = elsewhere.sign(csr)
    root, leaf = elsewhere.pem, issue(team, "web").pem
    offers: Sequence[tuple[str, str, str]] = (
        (elsewhere.sign(csr, subject=Subject(common_name="Other")), root, "the request was for 'CN=Outer'"),
        (elsewhere.sign(csr, key=generate(KeyAlgorithm.EC_P256)), root, "another key than the request"),
        (fitting, "", "issuer 'CN=Elsewhere' is missing"),
        (fitting, authorities.get("root")[1][0].pem, "issuer 'CN=Elsewhere' is missing"),
        (leaf, root, "the request was for"),
        ("nonsense", root, "no PEM certificate"),
        (fitting.replace("M", "N", 5), root, "cannot be read|no PEM"),
        (fitting, "nonsense", "no PEM certificate"),
    )
    for certificate, chain, reason in offers:
        with pytest.raises(BadInput, match=reason):
            authorities.install(team.admin, "outer", certificate, chain)
    team.clock.advance(301 * DAY)
    with pytest.raises(BadInput, match="not valid now"):
        authorities.install(team.admin, "outer", fitting, root)
    assert authorities.get("outer")[0].status == "pending"
    with pytest.raises(Conflict, match="signed here"):
        authorities.request("root")


@pytest.mark.parametrize("new_key", [False, True])
def test_renewed_everywhere_old_chains_still_verify(
    team: Team, elsewhere: Elsewhere, tmp_path: Path, new_key: bool
) -> None:
    authorities = team.services.authorities
    authorities.install(team.admin, "outer", elsewhere.sign(authorities.request("outer")), elsewhere.pem)
    authorities.create_intermediate(
        team.admin, slug="inner", name="I", subject=Subject(common_name="I"), parent="root"
    )
    profiles = {ca: profile_under(team, ca, 40 * DAY) for ca in ("outer", "inner", "root")}
    before = {ca: issue(team, profile, f"old-{ca}.example.com") for ca, profile in profiles.items()}
    team.clock.advance(10 * DAY)
    for ca in ("root", "inner", "outer"):
        authorities.renew(team.admin, ca, new_key=new_key)
    authorities.install(
        team.admin, "outer", elsewhere.sign(authorities.request("outer"), days=400), elsewhere.pem
    )
    for ca, profile in profiles.items():
        newest, oldest = authorities.get(ca)[1]
        assert (newest.version, newest.active, oldest.active) == (2, True, False)
        same = loaded(newest.pem).public_key() == loaded(oldest.pem).public_key()
        assert same is not new_key
        after = issue(team, profile, f"new-{ca}.example.com")
        assert after.ca_certificate_id == newest.id
        assert verified(team, tmp_path, after)
        assert verified(team, tmp_path, before[ca]), "with the chain that it was delivered with"
        if not new_key:
            again = before[ca].model_copy(update={"chain": after.chain, "root": after.root})
            assert verified(team, tmp_path, again), "and with the new one, the key being the same"


def test_renaming_unhooks_nothing_and_disabling_stops(team: Team) -> None:
    services = team.services
    services.authorities.update(team.admin, "root", slug="renamed", name="Renamed")
    services.catalog.update_policy(team.admin, "tls", slug="tls-2", name="TLS 2")
    services.catalog.update_profile(team.admin, "web", slug="web-2", name="Web 2")
    issue(team, "web-2")
    services.authorities.update(team.admin, "renamed", enabled=False)
    with pytest.raises(Conflict, match="renamed is disabled") as refused:
        issue(team, "web-2", "b.example.com")
    assert refused.value.kind == "ca-disabled"
    services.authorities.update(team.admin, "renamed", enabled=True)
    issue(team, "web-2", "b.example.com")


def test_a_request_fails_with_the_reason_when_its_authority_was_disabled(team: Team) -> None:
    request, _ = team.ask(team.admin)
    team.services.authorities.update(team.admin, "root", enabled=False)
    assert team.services.issuance.advance(request).status == "failed"
    assert "root is disabled" in (team.services.requests.get(request).reason or "")
    team.services.authorities.update(team.admin, "root", enabled=True)
    team.services.requests.retry(team.admin, request)
    assert team.services.issuance.advance(request).status == "issued"


def test_what_is_used_is_not_deleted(team: Team) -> None:
    services = team.services
    subject = Subject(common_name="X")
    services.authorities.create_intermediate(team.admin, slug="x", name="X", subject=subject, parent="root")
    with pytest.raises(Conflict, match="used by: web, x"):
        services.authorities.delete(team.admin, "root")
    services.authorities.delete(team.admin, "x")
    with pytest.raises(Conflict, match="profiles web"):
        services.catalog.delete_policy(team.admin, "tls")
    with pytest.raises(Conflict, match="attached to app"):
        services.catalog.delete_profile(team.admin, "web")
    issue(team, "web")
    services.applications.detach_profile(team.admin, team.application, "web")
    with pytest.raises(Conflict, match="stays on record"):
        services.catalog.delete_profile(team.admin, "web")
    services.catalog.create_policy(team.admin, slug="free", name="Free", rules={})
    services.catalog.create_profile(team.admin, slug="free", name="Free", ca="root", policy="free", ttl=DAY)
    services.catalog.delete_profile(team.admin, "free")
    services.catalog.delete_policy(team.admin, "free")


def test_certificates_that_sign_themselves(team: Team) -> None:
    services = team.services
    services.catalog.create_profile(
        team.admin, slug="self", name="Self", issuer_type="self-signed", policy="tls", ttl=DAY
    )
    services.applications.attach_profile(team.admin, team.application, "self")
    names = {"sans": {"dns": ["a.example.com"]}}
    for content, reason in (
        (names, "needs a subject"),
        ({"csr": some_csr()}, "leave the CSR out"),
    ):
        with pytest.raises(BadInput, match=reason):
            services.requests.submit(team.admin, team.application, profile="self", content=content)
    row = services.requests.submit(
        team.admin, team.application, profile="self", content={**names, "subject": {"common_name": "a"}}
    )
    assert services.issuance.advance(row.id).status == "issued"
    certificate = services.inventory.get(services.requests.get(row.id).certificate_id or "")
    leaf = loaded(certificate.pem)
    leaf.verify_directly_issued_by(leaf)
    assert (certificate.chain, certificate.root, certificate.ca_certificate_id) == ([], None, None)


def some_csr() -> str:
    key = generate(KeyAlgorithm.EC_P256)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.example.com")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return csr.public_bytes(Encoding.PEM).decode()
