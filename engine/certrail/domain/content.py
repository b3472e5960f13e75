"""What is requested: the content of a certificate request."""

from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from certrail.domain import formats
from certrail.domain.faults import refuse_too_many
from certrail.domain.formats import EXTENDED_KEY_USAGES

__all__ = [
    "DEFAULT_EXTENDED_USAGES",
    "EXTENDED_KEY_USAGES",
    "POWERFUL_USAGES",
    "BasicConstraints",
    "KeyAlgorithm",
    "KeyUsage",
    "RequestContent",
    "Sans",
    "SignatureAlgorithm",
    "Subject",
    "fitting_usages",
    "named_by_common_name",
    "signature_by",
    "usages_of",
]

MOST_NAMES = 100
MOST_USAGES = 20
MOST_COMPONENTS = 20
LONGEST_TTL_SECONDS = 36525 * 86400
DEFAULT_EXTENDED_USAGES = ("serverAuth", "clientAuth")
POWERFUL_USAGES = frozenset({"OCSPSigning", "anyExtendedKeyUsage"})
"""Whoever has one speaks for the issuer (RFC 6960 section 4.2.2.2), or may do anything: only a rule grants them."""


class KeyAlgorithm(StrEnum):
    """Key algorithms that certrail makes and signs with."""

    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    EC_P256 = "EC_P256"
    EC_P384 = "EC_P384"
    EC_P521 = "EC_P521"
    ED25519 = "ED25519"


class SignatureAlgorithm(StrEnum):
    """Signature algorithms of issued certificates; the issuer's key decides which one it is."""

    RSA_SHA256 = "RSA_SHA256"
    ECDSA_SHA256 = "ECDSA_SHA256"
    ECDSA_SHA384 = "ECDSA_SHA384"
    ECDSA_SHA512 = "ECDSA_SHA512"
    ED25519 = "ED25519"


_SIGNATURES = {
    KeyAlgorithm.EC_P256: SignatureAlgorithm.ECDSA_SHA256,
    KeyAlgorithm.EC_P384: SignatureAlgorithm.ECDSA_SHA384,
    KeyAlgorithm.EC_P521: SignatureAlgorithm.ECDSA_SHA512,
    KeyAlgorithm.ED25519: SignatureAlgorithm.ED25519,
}


def signature_by(issuer_key: KeyAlgorithm) -> SignatureAlgorithm:
    """The signature that an issuer's key makes."""
    return _SIGNATURES.get(issuer_key, SignatureAlgorithm.RSA_SHA256)


class KeyUsage(StrEnum):
    """RFC 5280 section 4.2.1.3, without the bits of a CA."""

    DIGITAL_SIGNATURE = "digitalSignature"
    CONTENT_COMMITMENT = "contentCommitment"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"


_ENCIPHERING = frozenset({KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT})


def usages_of(key: KeyAlgorithm) -> tuple[KeyUsage, ...]:
    """What a key of this kind can do (RFC 3279 section 2.3.1, RFC 5480 section 3, RFC 9295 section 3)."""
    if key.startswith("RSA"):
        impossible = frozenset({KeyUsage.KEY_AGREEMENT})
    else:
        impossible = _ENCIPHERING | ({KeyUsage.KEY_AGREEMENT} if key == KeyAlgorithm.ED25519 else set())
    return tuple(usage for usage in KeyUsage if usage not in impossible)


def fitting_usages(key: KeyAlgorithm, usages: Sequence[str]) -> Sequence[str]:
    """Those of some usages that such a key can do; all of them when it can do none, so that a refusal names them."""
    return [usage for usage in usages if usage in usages_of(key)] or usages


def named_by_common_name(content: "RequestContent") -> "RequestContent":
    """A server's certificate whose only name is its common name, with that as a subject alternative name.

    Clients look at subject alternative names only (RFC 6125 section 6.4.4, RFC 9525 section 2). One word without a dot
    may be a person's or a device's name and stays where it is.
    """
    name = content.subject.common_name
    server = "serverAuth" in content.extended_key_usages and not content.basic_constraints.ca
    if not name or not server or content.sans.count():
        return content
    # IP addresses first: no DNS name ends in a number, and no IPv6 address has a dot.
    for kind, read in (("ip", formats.ip_address), ("dns", formats.dns_name)):
        with suppress(ValueError):
            sans = Sans.model_validate({kind: [read(name)]})
            return content.model_copy(update={"sans": sans}) if kind == "ip" or "." in name else content
    return content


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _once_each(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


_Distinct = AfterValidator(_once_each)
_Some = Field(max_length=MOST_NAMES)
_Printable = AfterValidator(formats.printable)
Text64 = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True), _Printable]
Text128 = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True), _Printable]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$", to_upper=True)]
DomainComponent = Annotated[str, AfterValidator(formats.domain_component)]
DnsName = Annotated[str, AfterValidator(formats.dns_name)]
IpAddress = Annotated[str, AfterValidator(formats.ip_address)]
EmailAddress = Annotated[str, AfterValidator(formats.email_address)]
Uri = Annotated[str, AfterValidator(formats.uri)]
UserPrincipalName = Annotated[str, AfterValidator(formats.user_principal_name)]
ExtendedKeyUsage = Annotated[str, AfterValidator(formats.extended_key_usage)]


class Subject(_Frozen):
    """A distinguished name, with the upper bounds of RFC 5280 appendix A.1."""

    common_name: Text64 | None = Field(default=None, description="CN.")
    organization: Text64 | None = Field(default=None, description="O.")
    organizational_unit: Text64 | None = Field(default=None, description="OU.")
    country: Country | None = Field(default=None, description="C, two letters (ISO 3166).")
    state: Text128 | None = Field(default=None, description="ST.")
    locality: Text128 | None = Field(default=None, description="L.")
    domain_components: Annotated[tuple[DomainComponent, ...], Field(max_length=MOST_COMPONENTS)] = Field(
        default=(), description="DC, in the order of a DNS name, such as example, com."
    )

    def is_empty(self) -> bool:
        """Whether no part is given."""
        return not any(self.model_dump().values())


class Sans(_Frozen):
    """Subject alternative names by type (RFC 5280 section 4.2.1.6), each name once."""

    dns: Annotated[tuple[DnsName, ...], _Some, _Distinct] = Field(default=(), description="DNS names.")
    ip: Annotated[tuple[IpAddress, ...], _Some, _Distinct] = Field(default=(), description="IP addresses.")
    email: Annotated[tuple[EmailAddress, ...], _Some, _Distinct] = Field(
        default=(), description="E-mail addresses (RFC 822 names)."
    )
    uri: Annotated[tuple[Uri, ...], _Some, _Distinct] = Field(default=(), description="URIs.")
    upn: Annotated[tuple[UserPrincipalName, ...], _Some, _Distinct] = Field(
        default=(), description="User principal names (an otherName of Microsoft's)."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _few(cls, names: Any, info: ValidationInfo) -> Any:
        refuse_too_many(cls, info.field_name, names)
        return names

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.count() > MOST_NAMES:
            raise ValueError(f"{self.count()} names are too many; give at most {MOST_NAMES}")
        return self

    def count(self) -> int:
        """How many names there are."""
        return sum(len(names) for names in self.model_dump().values())


class BasicConstraints(_Frozen):
    """Whether the certificate is an authority's (RFC 5280 section 4.2.1.9)."""

    ca: bool = Field(default=False, description="Whether it may sign certificates.")
    path_length: int | None = Field(
        default=None,
        ge=0,
        le=10,
        description="How many authorities may follow below it; null for any number.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.path_length is not None and not self.ca:
            raise ValueError("only an authority has a path length; leave it out")
        return self


class RequestContent(_Frozen):
    """Everything about a certificate that is judged, approved and signed.

    Attributes:
        csr: PKCS#10, PEM, when the requester keeps the key.
        ttl_seconds: lifetime.
        signature_algorithm: the signature that the requester insists on; left out, the issuer's key decides.
    """

    subject: Subject = Field(default_factory=Subject)
    sans: Sans = Field(default_factory=Sans)
    key_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256
    csr: Annotated[str, StringConstraints(max_length=65536)] | None = None
    ttl_seconds: int = Field(gt=0, le=LONGEST_TTL_SECONDS)
    key_usages: Annotated[tuple[KeyUsage, ...], _Distinct] = (KeyUsage.DIGITAL_SIGNATURE,)
    extended_key_usages: Annotated[tuple[ExtendedKeyUsage, ...], Field(max_length=MOST_USAGES), _Distinct] = (
        DEFAULT_EXTENDED_USAGES
    )
    signature_algorithm: SignatureAlgorithm | None = None
    basic_constraints: BasicConstraints = Field(default_factory=BasicConstraints)

    @model_validator(mode="before")
    @classmethod
    def _no_usage_of_a_leaf(cls, values: Any) -> Any:
        """What a leaf is for by default would limit everything below an authority."""
        constraints = values.get("basic_constraints") if isinstance(values, dict) else None
        if isinstance(constraints, dict) and constraints.get("ca") is True:
            return {"extended_key_usages": (), **values}
        return values

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.basic_constraints.ca and self.subject.is_empty():
            raise ValueError("an authority needs a subject, which is the issuer of what it signs")
        if self.subject.is_empty() and not self.sans.count():
            raise ValueError("give a subject or at least one subject alternative name")
        return self
