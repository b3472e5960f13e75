"""What is asked for: the content of a certificate request, and the digest that votes are bound to."""

import hashlib
import ipaddress
import json
import re
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

MOST_NAMES = 100
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+")


class KeyAlgorithm(StrEnum):
    """Key algorithms that certrail makes and signs with."""

    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    EC_P256 = "EC_P256"
    EC_P384 = "EC_P384"
    EC_P521 = "EC_P521"
    ED25519 = "ED25519"


class KeyUsage(StrEnum):
    """RFC 5280 section 4.2.1.3, without the bits of a CA."""

    DIGITAL_SIGNATURE = "digitalSignature"
    CONTENT_COMMITMENT = "contentCommitment"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"


EXTENDED_KEY_USAGES = {
    "serverAuth": "1.3.6.1.5.5.7.3.1",
    "clientAuth": "1.3.6.1.5.5.7.3.2",
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
    "OCSPSigning": "1.3.6.1.5.5.7.3.9",
}
"""RFC 5280 section 4.2.1.12. Others are written as dotted OIDs."""


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("control characters are not allowed")
    return value


def _dns_name(value: str) -> str:
    name = value.lower()
    if not name.isascii():
        raise ValueError(f"write {value!r} as an A-label, beginning with xn--")
    labels = name.removeprefix("*.").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(
            f"{value!r} is not a DNS name; a wildcard is the whole first label, as in *.example.com"
        )
    return name


def _ip_address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address") from None


def _email_address(value: str) -> str:
    local, _, domain = value.rpartition("@")
    if not local or not value.isascii() or re.search(r"[\s<>,;\"]", local):
        raise ValueError(f"{value!r} is not an e-mail address")
    return f"{local}@{_dns_name(domain)}"


def _uri(value: str) -> str:
    parts = urlsplit(value)
    if not parts.scheme or not (parts.netloc or parts.path) or not value.isascii() or re.search(r"\s", value):
        raise ValueError(f"{value!r} is not an absolute URI in ASCII")
    return value


def _extended_key_usage(value: str) -> str:
    if value not in EXTENDED_KEY_USAGES and not _OID.fullmatch(value):
        raise ValueError(f"{value!r} is neither a dotted OID nor one of {', '.join(EXTENDED_KEY_USAGES)}")
    return value


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Text64 = Annotated[
    str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True), AfterValidator(_printable)
]
Text128 = Annotated[
    str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True), AfterValidator(_printable)
]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$", to_upper=True)]


class Subject(_Frozen):
    """A distinguished name, with the upper bounds of RFC 5280 appendix A.1."""

    common_name: Text64 | None = None
    organization: Text64 | None = None
    organizational_unit: Text64 | None = None
    country: Country | None = None
    state: Text128 | None = None
    locality: Text128 | None = None

    def is_empty(self) -> bool:
        """Whether no part is given."""
        return not any(self.model_dump().values())


class Sans(_Frozen):
    """Subject alternative names by type (RFC 5280 section 4.2.1.6)."""

    dns: tuple[Annotated[str, AfterValidator(_dns_name)], ...] = ()
    ip: tuple[Annotated[str, AfterValidator(_ip_address)], ...] = ()
    email: tuple[Annotated[str, AfterValidator(_email_address)], ...] = ()
    uri: tuple[Annotated[str, AfterValidator(_uri)], ...] = ()
    upn: tuple[Text128, ...] = ()

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.count() > MOST_NAMES:
            raise ValueError(f"at most {MOST_NAMES} names")
        return self

    def count(self) -> int:
        """How many names there are."""
        return sum(len(names) for names in self.model_dump().values())


class RequestContent(_Frozen):
    """Everything about a certificate that is judged, approved and signed."""

    subject: Subject = Field(default_factory=Subject)
    sans: Sans = Field(default_factory=Sans)
    key_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256
    csr: Annotated[str, StringConstraints(max_length=65536)] | None = None
    ttl_seconds: int = Field(gt=0, le=36525 * 86400)
    key_usages: tuple[KeyUsage, ...] = (KeyUsage.DIGITAL_SIGNATURE,)
    extended_key_usages: tuple[Annotated[str, AfterValidator(_extended_key_usage)], ...] = ("serverAuth",)

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.subject.is_empty() and not self.sans.count():
            raise ValueError("give a subject or at least one subject alternative name")
        return self


def digest(
    content: RequestContent, profile_id: str, profile_version: int, policy_version: int, application_id: str
) -> str:
    """SHA-256, hex, over everything that a vote says yes to."""
    bound = {
        "content": content.model_dump(mode="json"),
        "profile": [profile_id, profile_version],
        "policy_version": policy_version,
        "application": application_id,
    }
    canonical = json.dumps(bound, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
