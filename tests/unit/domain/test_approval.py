"""Approvers see what they approve: what a vote is bound to and what is shown determine each other."""

import string
from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest

from certrail.domain.approval import ApprovedContent, unambiguous, unambiguous_list
from certrail.domain.content import RequestContent
from certrail_sdk import Fact

SPECIAL = 'a, b\\"()\u0430\u0435\u0301\u00e9\u00a0\u202e\u05d0\u200b'
"""Separators, quotes, Cyrillic letters that look Latin, a combining accent, invisible and reordering characters."""


def seen(facts: Sequence[Fact]) -> str:
    """What the eye can rely on: ASCII only, and one blank for several, as chat and HTML show them."""
    lines = (f"{fact.label}: {fact.value}" for fact in facts)
    visible = set(string.printable)
    return "\n".join(" ".join("".join(c for c in line if c in visible).split()) for line in lines)


def shown(one: ApprovedContent) -> str:
    return seen(one.facts(one.profile_id, one.application_id))


CHANGES: dict[str, Any] = {
    "profile_id": "vpn",
    "profile_version": 2,
    "policy_version": 2,
    "application_id": "shop",
    "renews": "c1",
    "same_key": True,
    "metadata": {"owner": "web"},
}
MEMBERS: dict[str, Any] = {
    "subject": {"common_name": "b", "organization": "O"},
    "sans": {"dns": ["b.example.com"]},
    "key_algorithm": "RSA_4096",
    "csr": "-----BEGIN CERTIFICATE REQUEST-----",
    "ttl_seconds": 86401,
    "key_usages": [],
    "extended_key_usages": ["OCSPSigning"],
    "signature_algorithm": "RSA_SHA256",
    "basic_constraints": {"ca": True},
}


def base(changes: dict[str, Any], members: dict[str, Any]) -> ApprovedContent:
    values = {"subject": {"common_name": "a"}, "ttl_seconds": 86400, "extended_key_usages": [], **members}
    fields = {
        "profile_id": "web",
        "profile_version": 1,
        "policy_version": 1,
        "application_id": "pay",
        **changes,
    }
    return ApprovedContent(content=RequestContent.model_validate(values), **fields)


@pytest.mark.parametrize("name", [*RequestContent.model_fields, *CHANGES])
def test_every_member_is_digested_and_shown(name: str) -> None:
    """A new member of the content fails here until it is shown."""
    plain = base({}, {})
    changed = base({name: CHANGES[name]}, {}) if name in CHANGES else base({}, {name: MEMBERS[name]})
    assert changed.digest() != plain.digest()
    assert shown(changed) != shown(plain)


def test_an_authority_is_called_one() -> None:
    facts = {
        fact.label: fact.value
        for fact in base({}, {"basic_constraints": {"ca": True, "path_length": 0}}).facts("p", "a")
    }
    assert facts["Certificate"] == "CERTIFICATE AUTHORITY, path length 0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a.example.com", "a.example.com"),
        ("Example Ltd", "Example Ltd"),
        ("a, b", '"a, b"'),
        ("a  b", '"a \\u0020b"'),
        ("", '""'),
        ("(none)", '"(none)"'),
        ("Müller", 'Müller ("M\\u00fcller")'),
        ("\u0430", '\u0430 ("\\u0430")'),
        ("\u202ea", '"\\u202ea"'),
        ("\u05d0", '"\\u05d0"'),
    ],
)
def test_written(value: str, text: str) -> None:
    assert unambiguous(value) == text


def test_no_two_values_look_alike() -> None:
    """Every text of at most three of the special characters."""
    values = ["".join(chars) for length in range(4) for chars in product(SPECIAL, repeat=length)]
    assert len({seen([Fact(label="l", value=unambiguous(value))]) for value in values}) == len(set(values))


def test_no_list_looks_like_another() -> None:
    assert (
        len({unambiguous_list(values) for values in (["a", "b"], ["a, b"], ["a,b"], [], [""], ["(none)"])})
        == 6
    )
