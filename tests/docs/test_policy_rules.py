"""The page about policy rules tells of every member and value, and its examples judge as it says."""

import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
from pydantic import ValidationError
from tests.docs.pages import ROOT, blocks

from certrail.domain.content import (
    EXTENDED_KEY_USAGES,
    KeyAlgorithm,
    KeyUsage,
    RequestContent,
    SignatureAlgorithm,
    Subject,
)
from certrail.domain.policy import SAN_TYPES, BasicConstraintsRules, NameRules, PolicyRules, decide

PAGE = ROOT / "docs" / "reference" / "policy-rules.md"
TEXT = PAGE.read_text()
ENUMS: tuple[type[StrEnum], ...] = (KeyAlgorithm, SignatureAlgorithm, KeyUsage)
ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|$", re.MULTILINE)
ROWS = [
    (found[1], *(re.findall(r"`([^`]+)`", cell) for cell in found.groups()[1:]))
    for found in ROW.finditer(TEXT)
]


def violations(rules: PolicyRules, **content: Any) -> list[str]:
    asked = RequestContent(**{"key_algorithm": KeyAlgorithm.EC_P256, "ttl_seconds": 3600, **content})
    evaluated = decide(
        asked,
        rules,
        now=datetime(2026, 1, 1, tzinfo=UTC),
        issuer_not_after=None,
        issuer_key_algorithm=KeyAlgorithm.EC_P256,
    )
    return [violation.rule for violation in evaluated]


def example() -> PolicyRules:
    return PolicyRules.model_validate(json.loads(blocks("json", page=PAGE)[0].text))


def test_every_member_and_value_is_named() -> None:
    members = {*PolicyRules.model_fields, *NameRules.model_fields, *BasicConstraintsRules.model_fields}
    values = {str(value) for enum in ENUMS for value in enum}
    named = set(re.findall(r"`([\w.]+)`", TEXT))
    assert members | values | {*EXTENDED_KEY_USAGES, *SAN_TYPES, *Subject.model_fields} <= named


def test_the_example_has_every_section_and_lets_a_server_pass() -> None:
    assert example().model_fields_set == PolicyRules.model_fields.keys()
    server = {
        "subject": {"common_name": "a.example.com", "organization": "Example Ltd", "country": "DE"},
        "sans": {"dns": ["a.example.com"], "ip": ["10.20.0.1"]},
        "key_usages": ["digitalSignature"],
        "extended_key_usages": ["serverAuth"],
    }
    assert violations(example(), **server) == []
    assert violations(example(), **server | {"sans": {"dns": ["*.example.com"]}}) == ["sans.dns.denied"]
    assert violations(example(), **server | {"ttl_seconds": 48 * 86400}) == ["max_ttl"]


@pytest.mark.parametrize(
    ("rules", "refused"),
    [
        ({}, []),
        ({"sans": {}}, ["sans.dns.allowed", "sans.ip.allowed"]),
        ({"key_algorithms": []}, ["key_algorithms"]),
        ({"sans": {"dns": {"allowed": ["*.example.com"]}}}, ["sans.ip.allowed"]),
    ],
)
def test_the_three_states(rules: dict[str, Any], refused: list[str]) -> None:
    names = {"dns": ["a.example.com"], "ip": ["10.0.0.1"]}
    assert f"`{json.dumps(rules)}`" in TEXT
    assert violations(PolicyRules.model_validate(rules), sans=names) == refused


def test_null_is_left_out() -> None:
    assert PolicyRules.model_validate({"sans": None, "max_ttl": None}) == PolicyRules()


def test_without_basic_constraints_no_authority_is_asked_for() -> None:
    assert violations(PolicyRules(), subject={"common_name": "CA"}, basic_constraints={"ca": True}) == [
        "basic_constraints.ca"
    ]


def test_unknown_members_are_refused() -> None:
    with pytest.raises(ValidationError):
        PolicyRules.model_validate({"colour": "red"})


def test_the_table_of_patterns_is_read() -> None:
    assert {row[0] for row in ROWS} == {"dns", "ip", "email", "uri"}


@pytest.mark.parametrize(("kind", "allowed", "denied", "passes", "refused"), ROWS)
def test_patterns_evaluate_as_the_page_says(
    kind: str, allowed: list[str], denied: list[str], passes: list[str], refused: list[str]
) -> None:
    names = {**({"allowed": allowed} if allowed else {}), "denied": denied}
    rules = PolicyRules.model_validate({"sans": {kind: names}})
    assert passes
    assert refused
    assert [name for name in passes if violations(rules, sans={kind: [name]})] == []
    assert [name for name in refused if not violations(rules, sans={kind: [name]})] == []
