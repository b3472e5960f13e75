"""Records of dns-account-01 and dns-persist-01, by the examples of the drafts."""

from datetime import UTC, datetime

import pytest

from certrail.domain.acme.account_records import (
    account_hash_prefix,
    account_label,
    hashed_account_uri,
    read_record,
    uris_of_account,
)

URL, PREFIX = "https://ca.example/acct/123", "https://ca.example/account-hash/"
THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_label_of_the_draft() -> None:
    """draft-ietf-acme-dns-account-label-03 section 3.2."""
    assert account_label("https://example.com/acme/acct/ExampleAccount") == "_ujmmovf2vn55tgye"


@pytest.mark.parametrize(
    ("domain", "digest"),
    [
        ("example.com", "5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw"),
        ("*", "NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug"),
    ],
)
def test_the_hashed_uris_of_the_draft(domain: str, digest: str) -> None:
    """draft-ietf-acme-dns-persist-02 section 10.2."""
    assert hashed_account_uri(PREFIX, domain, THUMBPRINT, URL) == f"{PREFIX}sha-256/{digest}"


def test_an_account_is_named_by_each_of_its_keys_at_its_domain_or_at_any() -> None:
    url = "https://ca.example/acme/profiles/1/account/7"
    assert account_hash_prefix(url) == "https://ca.example/acme/profiles/1/account-hash/"
    found = uris_of_account("example.com", [THUMBPRINT, "A" * 43], url)
    assert len(found) == 4
    assert hashed_account_uri(account_hash_prefix(url), "*", "A" * 43, url) in found


def test_a_record_is_read_as_an_issue_value() -> None:
    """RFC 8659 section 4.2: blanks around its parts, and a semicolon at the end."""
    found = read_record(
        " CA.example. ;accounturi = x:y;  policy=WildCard ; later=1; persistUntil=1767225600;"
    )
    assert (found.issuer, found.account_uri, found.wildcard) == ("ca.example", "x:y", True)
    assert found.until == datetime(2026, 1, 1, tzinfo=UTC)
    bare = read_record("ca.example")
    assert (bare.account_uri, bare.wildcard, bare.until) == ("", False, None)
    assert read_record("ca.example; policy=subdomains").wildcard is False


@pytest.mark.parametrize(
    "text",
    [
        "ca.example; accounturi",
        "ca.example; -a=1",
        "ca.example; accounturi=a b",
        "ca.example; accounturi=a; accounturi=b",
        "ca.example; persistUntil=1; PersistUntil=9999999999",
        "ca.example; persistUntil=tomorrow",
        "ca.example; persistUntil=-1",
        "ca.example; persistUntil=",
        "ca.example; persistUntil=" + "9" * 5000,
        "ca.example; persistUntil=\u0661",
    ],
)
def test_a_record_that_is_malformed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"parameter|persistUntil"):
        read_record(text)


def test_a_time_beyond_all_calendars_is_the_last_one() -> None:
    found = read_record("ca.example; persistUntil=999999999999").until
    assert found == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
