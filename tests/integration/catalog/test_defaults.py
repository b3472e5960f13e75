"""The defaults of a profile stand for what a request leaves out, and for nothing that it says."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from tests.integration.conftest import Team
from tests.integration.handmade import csr

from certrail.domain.errors import BadInput, PolicyViolation
from certrail.pki.csr import certificate_content
from certrail_server.api.schemas.requests import CertificateRequestIn

pytestmark = pytest.mark.any_database

DEFAULTS = {
    "subject": {"organization": "Example", "country": "DE", "domain_components": ["example", "com"]},
    "key_usages": ["digitalSignature", "keyEncipherment"],
    "extended_key_usages": ["clientAuth"],
}
NAMES = {"dns": ["a.example.com"]}


def asked(team: Team, **given: Any) -> dict[str, Any]:
    """What a certificate says that was asked for over HTTP with these members."""
    body = CertificateRequestIn.model_validate(
        {"profile": "web", **({} if "csr" in given else {"sans": NAMES}), **given}
    )
    row = team.services.requests.submit(
        team.admin, team.application, profile=body.profile, content=body.content()
    )
    team.services.issuance.advance(row.id)
    issued = team.services.inventory.get(team.services.requests.get(row.id).certificate_id or "")
    return certificate_content(x509.load_pem_x509_certificate(issued.pem.encode()))


def subject(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said["subject"].items() if value}


@pytest.fixture(autouse=True)
def _defaults(team: Team) -> None:
    policy = {"sans": {"dns": {"allowed": ["*.example.com"]}}}
    team.services.catalog.update_policy(team.admin, "tls", policy)
    team.services.catalog.update_profile(team.admin, "web", defaults=DEFAULTS)


def test_missing_parts_of_a_subject_are_filled_one_by_one(team: Team) -> None:
    whole = {"organization": "Example", "country": "DE", "domain_components": ("example", "com")}
    assert subject(asked(team)) == whole
    assert subject(asked(team, subject={})) == whole
    named = asked(team, subject={"common_name": "a.example.com"})
    assert subject(named) == {**whole, "common_name": "a.example.com"}
    other = asked(team, subject={"organization": "Other", "domain_components": []})
    assert subject(other) == {"organization": "Other", "country": "DE"}
    assert subject(asked(team, subject={"organization": None, "domain_components": []})) == {"country": "DE"}


def test_nothing_can_be_asked_for(team: Team) -> None:
    said = asked(team)
    assert said["extended_key_usages"] == ("clientAuth",)
    said = asked(team, key_usages=[], extended_key_usages=[])
    assert (said["key_usages"], said["extended_key_usages"]) == ((), ())
    assert asked(team, extended_key_usages=["serverAuth"])["extended_key_usages"] == ("serverAuth",)


def test_of_a_csr_only_usages_are_filled(team: Team) -> None:
    said = asked(team, csr=csr())
    assert subject(said) == {"common_name": "a.example.com"}
    assert said["extended_key_usages"] == ("clientAuth",)
    assert said["key_usages"] == ("digitalSignature",)
    said = asked(team, csr=csr(), key_usages=[], extended_key_usages=[])
    assert (said["key_usages"], said["extended_key_usages"]) == ((), ())


def test_a_csr_that_names_no_usages_gets_those_of_any_request(team: Team) -> None:
    """As most CSRs are made; without a usage most servers and clients could not use the certificate."""
    team.services.catalog.update_profile(team.admin, "web", defaults={})
    said = asked(team, csr=csr())
    usages = ("serverAuth", "clientAuth")
    assert (said["key_usages"], said["extended_key_usages"]) == (("digitalSignature",), usages)
    team.services.catalog.update_policy(
        team.admin, "tls", {"extended_key_usages": {"allowed": ["serverAuth"]}}
    )
    assert asked(team, csr=csr())["extended_key_usages"] == ("serverAuth",), "what the policy permits of them"


def test_a_server_with_a_common_name_only_gets_it_as_a_subject_alternative_name(team: Team) -> None:
    team.services.catalog.update_profile(team.admin, "web", defaults={})
    team.services.catalog.update_policy(team.admin, "tls", {"basic_constraints": {"ca": "allowed"}})

    def sans(name: str, **more: Any) -> dict[str, Any]:
        said = asked(team, subject={"common_name": name}, sans={}, **more)
        return {kind: names for kind, names in said["sans"].items() if names}

    assert sans("A.example.com") == {"dns": ("a.example.com",)}
    assert sans("192.0.2.7") == {"ip": ("192.0.2.7",)}
    assert sans("Jo") == sans("Jo Doe") == {}, "people have names, too"
    assert sans("b.example.com", extended_key_usages=["clientAuth"]) == {}
    assert sans("b.example.com", basic_constraints={"ca": True}) == {}
    team.services.catalog.update_policy(team.admin, "tls", {"sans": {"dns": {"allowed": ["*.example.com"]}}})
    with pytest.raises(PolicyViolation, match=r"the dns name 'x\.example\.org'"):
        sans("x.example.org")


def test_a_lifetime_that_the_policy_never_allows_is_refused_when_the_profile_is_made(team: Team) -> None:
    product, admin = team.services.catalog, team.admin
    product.create_policy(admin, slug="short", name="Short", rules={"max_ttl": "10d"})
    new: dict[str, Any] = {"name": "X", "ca": "root", "policy": "short"}
    with pytest.raises(BadInput, match="at most 10d") as refused:
        product.create_profile(admin, slug="x", ttl=timedelta(days=10, seconds=1), **new)
    assert refused.value.extra["field"] == "ttl"
    product.create_profile(admin, slug="x", ttl=timedelta(days=10), **new)
    change: dict[str, Any]
    for change in ({"ttl": timedelta(days=11)}, {"policy": "tls", "ttl": timedelta(days=11)}):
        if "policy" in change:
            product.update_policy(admin, "tls", {"max_ttl": "10d"})
        with pytest.raises(BadInput, match="at most 10d"):
            product.update_profile(admin, "x", **change)
    with pytest.raises(BadInput, match="at most 10d"):
        product.update_profile(admin, "web", policy="short")


def test_default_usages_are_those_that_the_key_can_do(team: Team) -> None:
    assert asked(team)["key_usages"] == ("digitalSignature",)
    assert asked(team, key_algorithm="RSA_2048")["key_usages"] == ("digitalSignature", "keyEncipherment")
    with pytest.raises(PolicyViolation, match="cannot be used for keyEncipherment"):
        asked(team, key_usages=["keyEncipherment"])
    team.services.catalog.update_profile(team.admin, "web", defaults={"key_usages": ["keyEncipherment"]})
    with pytest.raises(PolicyViolation, match="cannot be used for keyEncipherment"):
        asked(team)


def test_defaults_that_contradict_each_other_are_refused(team: Team) -> None:
    wrong = {"key_algorithm": "EC_P256", "key_usages": ["digitalSignature", "keyEncipherment"]}
    with pytest.raises(BadInput, match="EC_P256 cannot be used for keyEncipherment"):
        team.services.catalog.update_profile(team.admin, "web", defaults=wrong)
    with pytest.raises(BadInput, match="ED25519 cannot be used for keyAgreement"):
        team.services.catalog.create_profile(
            team.admin,
            slug="x",
            name="X",
            ca="root",
            policy="tls",
            ttl=timedelta(days=1),
            defaults={"key_algorithm": "ED25519", "key_usages": ["keyAgreement"]},
        )


def test_a_key_of_another_kind_renews_with_what_it_can_do(team: Team) -> None:
    row = team.services.requests.submit(
        team.admin, team.application, profile="web", content={"sans": NAMES, "key_algorithm": "RSA_2048"}
    )
    team.services.issuance.advance(row.id)
    present = team.services.requests.get(row.id).certificate_id or ""
    names = x509.SubjectAlternativeName([x509.DNSName("a.example.com")])
    renewal = team.services.renewals.renew(team.admin, present, csr=csr(None, (names, False)))
    assert renewal.content["key_usages"] == ["digitalSignature"]
