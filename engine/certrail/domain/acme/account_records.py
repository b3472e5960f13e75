"""DNS records that name an ACME account: the label of dns-account-01, and the record of dns-persist-01.

Sources: draft-ietf-acme-dns-account-label-03 section 3.2; draft-ietf-acme-dns-persist-02 sections 4.1, 4.2 and 5; the
grammar of a record is that of an issue-value (RFC 8659 section 4.2).
"""

import hashlib
import re
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

ANY_DOMAIN = "*"
"""In the place of the domain: a record that may be at every domain of the account's holder."""
LARGEST_TIME = 253_402_300_799
"""The last second that a `datetime` can be, 9999-12-31T23:59:59Z."""
_TAG = re.compile(r"[A-Za-z0-9](?:-*[A-Za-z0-9])*")
_VALUE = re.compile(r"[!-:<-~]*")


def account_label(account_url: str) -> str:
    """The label that stands before ``_acme-challenge`` in dns-account-01."""
    digest = hashlib.sha256(account_url.encode()).digest()
    return "_" + b32encode(digest[:10]).decode().lower()


def account_hash_prefix(account_url: str) -> str:
    """What the hashed URIs of an account's server begin with: ``…/account-hash/``, beside its ``…/account/``."""
    base, _, _ = account_url.rpartition("/account/")
    return f"{base}/account-hash/"


def hashed_account_uri(prefix: str, domain: str, thumbprint: str, account_url: str) -> str:
    """The `accounturi` of an account's record at one domain.

    Args:
        domain: where the record is, without its label; ``*`` for any domain.
        thumbprint: of a key of the account (RFC 7638), base64url.
    """
    name = domain.encode()
    digest = hashlib.sha256(bytes([len(name)]) + name + thumbprint.encode() + account_url.encode()).digest()
    return f"{prefix}sha-256/{urlsafe_b64encode(digest).decode().rstrip('=')}"


@dataclass(frozen=True, slots=True)
class PersistentRecord:
    """A TXT record of dns-persist-01.

    Attributes:
        issuer: lower case, without a final dot.
        account_uri: empty where there is none.
        wildcard: whether it counts for wildcards, and for names below its own.
        until: after which it does not count any more.
    """

    issuer: str
    account_uri: str
    wildcard: bool = False
    until: datetime | None = None


def read_record(text: str) -> PersistentRecord:
    """Read a record; parameters that are not known are passed over.

    Raises:
        ValueError: it is no issue-value, a known parameter comes twice, or its time is no number of seconds.
    """
    issuer, *parameters = text.split(";")
    if parameters and not parameters[-1].strip(" \t"):
        parameters.pop()
    found: dict[str, str] = {}
    for parameter in parameters:
        tag, equals, value = (part.strip(" \t") for part in parameter.partition("="))
        if not equals or not _TAG.fullmatch(tag) or not _VALUE.fullmatch(value):
            raise ValueError(f"{parameter.strip()[:64]!r} is no parameter tag=value")
        if tag.lower() in found:
            raise ValueError(f"the parameter {tag[:64]} comes twice")
        found[tag.lower()] = value
    return PersistentRecord(
        issuer.strip(" \t").lower().rstrip("."),
        found.get("accounturi", ""),
        found.get("policy", "").lower() == "wildcard",
        _time(found["persistuntil"]) if "persistuntil" in found else None,
    )


def uris_of_account(domain: str, thumbprints: Sequence[str], account_url: str) -> Collection[str]:
    """Every `accounturi` by which a record at a domain names the account: of each of its keys, and for any domain."""
    prefix = account_hash_prefix(account_url)
    return {
        hashed_account_uri(prefix, name, thumbprint, account_url)
        for thumbprint in thumbprints
        for name in (domain, ANY_DOMAIN)
    }


def _time(text: str) -> datetime:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(LARGEST_TIME)):
        raise ValueError(f"persistUntil is a number of seconds, not {text[:32]!r}")
    return datetime.fromtimestamp(min(int(text), LARGEST_TIME), UTC)
