from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from certrail.domain.content import (
    EXTENDED_KEY_USAGES,
    POWERFUL_USAGES,
    KeyAlgorithm,
    KeyUsage,
    RequestContent,
)
from certrail.domain.policy import PolicyRules, Violation, decide, default_extended_usages

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = 86400
PATH = "basic_constraints.max_path_length"
FULL: dict[str, Any] = {
    "subject": {"common_name": "web.example.com", "organization": "Example"},
    "sans": {
        "dns": ["web.example.com"],
        "ip": ["192.0.2.1"],
        "email": ["jo@example.com"],
        "uri": ["spiffe://example.com/web"],
        "upn": ["jo@corp.example"],
    },
    "ttl_seconds": DAY,
    "key_usages": ["digitalSignature"],
    "extended_key_usages": ["serverAuth"],
}


def evaluated(rules: dict[str, Any], now: datetime = NOW, **changes: Any) -> list[Violation]:
    content = RequestContent.model_validate({**FULL, **changes})
    return decide(
        content,
        PolicyRules.model_validate(rules),
        now=now,
        issuer_not_after=NOW + timedelta(days=365),
        issuer_key_algorithm=KeyAlgorithm.EC_P384,
    )


def broken(rules: dict[str, Any], **changes: Any) -> list[str]:
    return [violation.rule for violation in evaluated(rules, **changes)]


ENCIPHER = {KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT}
CANNOT: dict[KeyAlgorithm, set[KeyUsage]] = {
    KeyAlgorithm.RSA_2048: {KeyUsage.KEY_AGREEMENT},
    KeyAlgorithm.RSA_3072: {KeyUsage.KEY_AGREEMENT},
    KeyAlgorithm.RSA_4096: {KeyUsage.KEY_AGREEMENT},
    KeyAlgorithm.EC_P256: ENCIPHER,
    KeyAlgorithm.EC_P384: ENCIPHER,
    KeyAlgorithm.EC_P521: ENCIPHER,
    KeyAlgorithm.ED25519: ENCIPHER | {KeyUsage.KEY_AGREEMENT},
}


@pytest.mark.parametrize("usage", sorted(POWERFUL_USAGES))
def test_a_powerful_usage_needs_a_rule_that_names_it(usage: str) -> None:
    oid = EXTENDED_KEY_USAGES[usage]
    for spelling in (usage, oid):
        offered = {"extended_key_usages": ["serverAuth", spelling]}
        assert broken({}, **offered) == ["extended_key_usages.powerful"]
        assert broken({"extended_key_usages": {}}, **offered) == ["extended_key_usages.allowed"] * 2
        for name in (usage, oid):
            assert broken({"extended_key_usages": {"allowed": ["serverAuth", name]}}, **offered) == []


@pytest.mark.parametrize(
    ("section", "usages"),
    [
        (None, ("serverAuth", "clientAuth")),
        ({"allowed": ["serverAuth", "codeSigning"]}, ("serverAuth",)),
        ({"required": ["clientAuth"], "allowed": ["serverAuth"]}, ("serverAuth", "clientAuth")),
        ({"allowed": ["codeSigning"]}, ("serverAuth", "clientAuth")),
    ],
)
def test_default_usages_are_those_that_the_policy_permits(
    section: dict[str, Any] | None, usages: tuple[str, ...]
) -> None:
    rules = PolicyRules.model_validate({"extended_key_usages": section})
    assert default_extended_usages(rules) == usages


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_no_key_is_used_for_what_it_cannot_do(algorithm: KeyAlgorithm) -> None:
    for rules in ({}, {"key_usages": {"required": list(KeyUsage)}}):
        found = evaluated(rules, key_algorithm=algorithm, key_usages=list(KeyUsage))
        assert {violation.offered for violation in found} == CANNOT[algorithm]
        for violation in found:
            assert violation.rule == "key_usages.key_algorithm"
            assert set(violation.allowed) == set(KeyUsage) - CANNOT[algorithm]
            assert f"{algorithm} cannot be used for {violation.offered}" in violation.message


@pytest.mark.parametrize(
    ("rules", "components", "expected"),
    [
        ({"allowed": {"domain_components": ["example", "com"]}}, ["example", "com"], []),
        ({"allowed": {"domain_components": ["example", "com"]}}, [], []),
        ({"allowed": {"domain_components": ["com"]}}, ["example", "com"], ["allowed"]),
        ({"allowed": {"domain_components": ["com"]}}, ["a", "b", "com"], ["allowed", "allowed"]),
        (
            {"allowed": {"domain_components": ["*"]}, "denied": {"domain_components": ["Dev*"]}},
            ["dev", "com"],
            ["denied"],
        ),
        ({"required": {"domain_components": "com"}}, ["com"], []),
        ({"required": {"domain_components": "com"}}, ["example", "com"], ["allowed"]),
        ({"required": {"domain_components": ["exam*", "com"]}}, ["example", "com"], []),
        ({"required": {"domain_components": ["exam*", "com"]}}, ["example"], ["required"]),
        ({"required": {"domain_components": "com"}}, [], ["required"]),
        ({}, ["com"], ["allowed"]),
    ],
)
def test_domain_components_are_matched_one_by_one(
    rules: dict[str, Any], components: list[str], expected: list[str]
) -> None:
    found = broken({"subject": rules}, subject={"domain_components": components})
    assert found == [f"subject.domain_components.{what}" for what in expected]


def test_nothing_outlives_its_issuer_and_both_times_are_named() -> None:
    [violation] = evaluated({}, ttl_seconds=365 * DAY + 1)
    assert violation.rule == "issuer.not_after"
    assert violation.offered == "2027-03-01T12:00:01+00:00"
    assert violation.allowed == ["2027-03-01T12:00:00+00:00"]
    assert "shorter lifetime" in violation.message


def test_time_passing_can_make_a_request_outlive_its_issuer() -> None:
    assert evaluated({}, ttl_seconds=365 * DAY) == []
    assert [v.rule for v in evaluated({}, now=NOW + timedelta(seconds=1), ttl_seconds=365 * DAY)] == [
        "issuer.not_after"
    ]


def test_all_violations_come_at_once_each_with_rule_offer_and_what_is_allowed() -> None:
    rules = {
        "subject": {"required": {"organization": "Other"}, "allowed": {"common_name": ["*.example.com"]}},
        "sans": {"dns": {"allowed": ["*.example.org"]}, "ip": {"allowed": ["10.0.0.0/8"]}},
        "key_usages": {"required": ["keyAgreement"]},
        "extended_key_usages": {"allowed": ["clientAuth"]},
        "key_algorithms": ["RSA_4096"],
        "signature_algorithms": ["RSA_SHA256"],
        "max_ttl": "1h",
    }
    found = evaluated(rules)
    assert [violation.rule for violation in found] == [
        "subject.organization.required",
        "subject.organization.allowed",
        "sans.dns.allowed",
        "sans.ip.allowed",
        "sans.email.allowed",
        "sans.uri.allowed",
        "sans.upn.allowed",
        "key_usages.required",
        "key_usages.allowed",
        "extended_key_usages.allowed",
        "key_algorithms",
        "signature_algorithms",
        "max_ttl",
    ]
    assert (found[2].offered, found[2].allowed) == ("web.example.com", ["*.example.org"])
    assert all(violation.message for violation in found)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            {"required": {"locality": "*"}, "allowed": {"common_name": ["*"], "organization": ["*"]}},
            ["subject.locality.required"],
        ),
        ({"required": {"common_name": "web.*", "organization": "Example"}}, []),
        ({"allowed": {"common_name": ["*"]}}, ["subject.organization.allowed"]),
        ({"denied": {"common_name": ["evil*"], "organization": ["EX*"]}}, ["subject.organization.denied"]),
        ({"denied": {"common_name": ["evil*"]}}, ["subject.organization.allowed"]),
        ({"allowed": {"common_name": ["*"], "organization": ["example"]}}, ["subject.organization.allowed"]),
        (
            {"allowed": {"common_name": ["web?example.com"], "organization": ["*"]}},
            ["subject.common_name.allowed"],
        ),
    ],
)
def test_subject_rules(rules: dict[str, Any], expected: list[str]) -> None:
    assert broken({"subject": rules}) == expected


@pytest.mark.parametrize(
    ("kind", "rule", "names", "expected"),
    [
        ("dns", {"allowed": ["*.example.com"]}, ["a.b.example.com", "*.example.com", "*.b.example.com"], []),
        ("dns", {"allowed": ["*.example.com"]}, ["example.com"], ["allowed"]),
        ("dns", {"allowed": ["*.example.com"]}, ["www.example.com.evil.example"], ["allowed"]),
        ("dns", {"allowed": ["*.Example.COM"]}, ["www.example.com"], []),
        ("dns", {"allowed": ["web-*.example.com"]}, ["*.example.com"], ["allowed"]),
        ("dns", {"denied": ["admin.example.com"]}, ["*.example.com", "www.example.com"], ["denied"]),
        ("dns", {"denied": [r"\*.*"], "allowed": ["*"]}, ["*.example.com", "www.example.com"], ["denied"]),
        ("dns", {}, ["www.example.com"], ["allowed"]),
        ("dns", {"required": ["*.a.example"]}, ["x.b.example"], ["required"]),
        ("dns", {"required": ["*.a.example"], "allowed": []}, ["x.a.example"], []),
        ("dns", {"required": ["*.a.example"], "allowed": []}, ["x.a.example", "y.example"], ["allowed"]),
        ("ip", {"allowed": ["10.0.0.0/8", "2001:db8::/32"]}, ["10.1.2.3", "2001:db8::1"], []),
        ("ip", {"allowed": ["10.0.0.0/8"]}, ["11.0.0.1", "2001:db8::1"], ["allowed", "allowed"]),
        ("ip", {"allowed": ["0.0.0.0/0"], "denied": ["10.0.0.1/32"]}, ["10.0.0.1"], ["denied"]),
        ("email", {"allowed": ["*@Example.com"]}, ["Jo@example.com"], []),
        ("email", {"allowed": ["*@example.com"]}, ["jo@evil.example"], ["allowed"]),
        (
            "uri",
            {"allowed": ["spiffe://example.com/*"]},
            ["spiffe://example.com/ns/a", "SPIFFE://EXAMPLE.com/b"],
            [],
        ),
        ("uri", {"allowed": ["spiffe://example.com/Web"]}, ["spiffe://example.com/web"], ["allowed"]),
        ("uri", {"denied": ["*/admin"]}, ["spiffe://example.com/ADMIN"], ["denied"]),
        ("upn", {"allowed": ["*@corp.example"]}, ["jo@other.example"], ["allowed"]),
    ],
)
def test_name_rules(kind: str, rule: dict[str, Any], names: list[str], expected: list[str]) -> None:
    assert broken({"sans": {kind: rule}}, sans={kind: names}) == [f"sans.{kind}.{e}" for e in expected]


def test_a_type_that_the_rules_do_not_name_is_refused() -> None:
    assert broken({"sans": {"dns": {"allowed": ["*"]}}}, sans={"ip": ["192.0.2.1"]}) == ["sans.ip.allowed"]


def test_usages_are_required_and_allowed() -> None:
    rules = {"extended_key_usages": {"required": ["serverAuth"], "allowed": ["1.3.6.1.5.5.7.3.2"]}}
    assert broken(rules, extended_key_usages=["serverAuth", "clientAuth"]) == []
    assert broken(rules, extended_key_usages=["clientAuth"]) == ["extended_key_usages.required"]
    assert broken(rules, extended_key_usages=["serverAuth", "2.5.29.37.0"]) == ["extended_key_usages.allowed"]


def test_the_issuers_signature_is_evaluated_and_no_other_can_be_wished_for() -> None:
    assert broken({"signature_algorithms": ["ECDSA_SHA384"]}) == []
    assert broken({"signature_algorithms": ["RSA_SHA256"]}, signature_algorithm="RSA_SHA256") == [
        "issuer.signature_algorithm",
        "signature_algorithms",
    ]


def test_without_a_known_issuer_rules_on_signatures_refuse() -> None:
    content = RequestContent.model_validate({**FULL, "signature_algorithm": "RSA_SHA256"})
    rules = PolicyRules.model_validate({"signature_algorithms": ["RSA_SHA256"]})
    found = decide(content, rules, now=NOW, issuer_not_after=None)
    assert [v.rule for v in found] == ["issuer.signature_algorithm", "signature_algorithms"]


@pytest.mark.parametrize(
    "rules",
    [
        {"unknown": {}},
        {"subject": {"allowed": {"title": ["*"]}}},
        {"sans": {"x400": {}}},
        {"sans": {"ip": {"allowed": ["10.0.0.1/8"]}}},
        {"sans": {"ip": {"denied": ["*"]}}},
        {"sans": {"dns": {"allowed": [""]}}},
        {"key_usages": {"allowed": ["keyCertSign"]}},
        {"extended_key_usages": {"allowed": ["server"]}},
        {"key_algorithms": ["RSA_1024"]},
        {"signature_algorithms": ["RSA_SHA1"]},
        {"max_ttl": "0s"},
    ],
)
def test_rules_that_cannot_be_meant_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PolicyRules.model_validate(rules)


@pytest.mark.parametrize(
    ("rules", "asked", "expected"),
    [
        ({}, {"ca": True}, ["basic_constraints.ca"]),
        ({"ca": "forbidden"}, {"ca": True, "path_length": 0}, ["basic_constraints.ca"]),
        ({"ca": "allowed"}, {"ca": False}, []),
        ({"ca": "allowed"}, {"ca": True}, []),
        ({"ca": "required"}, {"ca": False}, ["basic_constraints.ca"]),
        ({"ca": "allowed", "max_path_length": 1}, {"ca": True, "path_length": 1}, []),
        (
            {"ca": "allowed", "max_path_length": 0},
            {"ca": True, "path_length": 1},
            ["basic_constraints.max_path_length"],
        ),
        ({"ca": "allowed", "max_path_length": 0}, {"ca": True}, [PATH]),
        (
            {"max_path_length": 0},
            {"ca": True},
            ["basic_constraints.ca", PATH],
        ),
    ],
)
def test_certificates_of_authorities_need_a_rule(
    rules: dict[str, Any], asked: dict[str, Any], expected: list[str]
) -> None:
    given = {"basic_constraints": rules} if rules else {}
    assert broken(given, basic_constraints=asked) == expected


def test_an_authority_has_a_subject_and_only_it_has_a_path_length() -> None:
    with pytest.raises(ValidationError, match="only an authority"):
        evaluated({}, basic_constraints={"ca": False, "path_length": 1})
    with pytest.raises(ValidationError, match="needs a subject"):
        evaluated({}, subject={}, basic_constraints={"ca": True})
    authority = RequestContent(subject={"common_name": "Sub"}, ttl_seconds=1, basic_constraints={"ca": True})
    assert authority.extended_key_usages == ()
