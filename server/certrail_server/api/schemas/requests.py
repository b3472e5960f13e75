"""Certificate requests."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from certrail.domain.content import (
    BasicConstraints,
    ExtendedKeyUsage,
    KeyAlgorithm,
    KeyUsage,
    Sans,
    SignatureAlgorithm,
    Subject,
)
from certrail.domain.enrollment import RequestOrigin
from certrail.domain.states import RequestStatus
from certrail.persistence.tables import CertificateRequest
from certrail_server.api import samples
from certrail_server.api.schemas.base import (
    CsrPem,
    Duration,
    Id,
    In,
    Listing,
    Metadata,
    Out,
    Reference,
    examples,
    seconds,
    span,
)

KeyUsages = Annotated[list[KeyUsage], Field(max_length=20)]
ExtendedKeyUsages = Annotated[list[ExtendedKeyUsage], Field(max_length=20)]


class CertificateRequestIn(In):
    """A certificate that is wanted. With a CSR, subject, names and key come from the CSR."""

    model_config = examples(
        {
            "profile": "web",
            "subject": {"common_name": "www.example.com", "organization": "Example Ltd", "country": "DE"},
            "sans": {"dns": ["www.example.com", "static.example.com"]},
            "key_algorithm": "EC_P384",
            "signature_algorithm": "ECDSA_SHA256",
            "basic_constraints": {"ca": False},
            "ttl": "30d",
            "key_usages": ["digitalSignature"],
            "extended_key_usages": ["serverAuth"],
            "metadata": {"team": "payments", "environment": "production"},
        },
        {"profile": "web", "csr": samples.CSR},
    )

    profile: Reference = Field(description="Slug or id of the certificate profile.")
    subject: Subject = Field(default_factory=Subject, description="Distinguished name.")
    sans: Sans = Field(default_factory=Sans, description="Subject alternative names by type.")
    key_algorithm: KeyAlgorithm | None = Field(
        default=None, description="Of the key that certrail makes; null for the profile's."
    )
    signature_algorithm: SignatureAlgorithm | None = Field(
        default=None, description="The signature insisted on; null leaves it to the issuer's key."
    )
    csr: CsrPem | None = Field(default=None, description="PKCS#10, PEM, when the requester keeps the key.")
    basic_constraints: BasicConstraints | None = Field(
        default=None, description="For the certificate of an authority."
    )
    ttl: Duration | None = Field(default=None, description="Lifetime; null for the profile's.")
    key_usages: KeyUsages = Field(default_factory=list, description="Key usages; left out, the profile's.")
    extended_key_usages: ExtendedKeyUsages = Field(
        default_factory=list, description="Extended key usages, names or OIDs; left out, the profile's."
    )
    metadata: Metadata = Field(
        default_factory=dict, description="Names and values to search and select by; not in the certificate."
    )

    def content(self) -> dict[str, Any]:
        """What is evaluated, approved and signed; absent members are left to the profile, empty ones are not."""
        given = self.model_dump(exclude={"profile", "metadata", "ttl"}, exclude_unset=True)
        values = {name: value for name, value in given.items() if value is not None}
        return values | ({"ttl_seconds": seconds(self.ttl)} if self.ttl is not None else {})


class CertificateRequestOut(Out):
    """A certificate request, and what has become of it."""

    id: Id = Field(description="Id of the request.")
    created_at: datetime = Field(description="When it was submitted.")
    updated_at: datetime = Field(description="When its status changed last.")
    status: RequestStatus = Field(description="Where it is between submission and certificate.")
    reason: str | None = Field(description="Why it ended without a certificate, or waits.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    application: str | None = Field(description="Slug of its Application; null in the legacy scope.")
    profile_id: Id = Field(description="Id of the certificate profile.")
    profile: str = Field(description="Slug of the certificate profile.")
    requester_id: Id = Field(description="Id of the principal that submitted it.")
    requester: str = Field(description="Slug of the principal that submitted it.")
    origin: RequestOrigin = Field(
        description="What it came from: a call of the API, a renewal, or a protocol."
    )
    origin_by: Id | None = Field(description="Id of the principal behind it; null for an automatic renewal.")
    subject: Subject = Field(description="Distinguished name.")
    sans: Sans = Field(description="Subject alternative names by type.")
    key_algorithm: KeyAlgorithm = Field(description="Algorithm of the certificate's key.")
    signature_algorithm: SignatureAlgorithm | None = Field(
        description="The signature insisted on; null leaves it to the issuer's key."
    )
    csr: str | None = Field(description="PKCS#10, PEM, when the requester keeps the key.")
    basic_constraints: BasicConstraints = Field(description="Whether it is an authority's certificate.")
    ttl: Duration = Field(description="Lifetime.")
    key_usages: list[KeyUsage] = Field(description="Key usages.")
    extended_key_usages: list[str] = Field(description="Extended key usages, names or OIDs.")
    metadata: dict[str, str] = Field(description="Names and values to search and select by.")
    digest: str = Field(description="SHA-256 of the content, which votes are bound to.")
    profile_version: int = Field(description="Version of the profile that it was evaluated with.")
    policy_version: int = Field(description="Version of the certificate policy that it was evaluated with.")
    certificate_id: Id | None = Field(description="Id of the certificate, once it is issued.")
    renews_id: Id | None = Field(description="Id of the certificate that it renews.")
    same_key: bool = Field(description="Whether a renewal keeps the private key.")
    approval_request_id: Id | None = Field(description="Id of the approval that it needs or needed.")
    preapproval_id: Id | None = Field(description="Id of the earlier approval that covers it.")

    @classmethod
    def about(cls, row: CertificateRequest, **named: Any) -> Self:
        """From a row and the names of what it points to."""
        content = {name: row.content.get(name) for name in _CONTENT}
        ttl = span(row.content["ttl_seconds"])
        given = {name: value for name, value in content.items() if value is not None or name in _OPTIONAL}
        return cls.of(row, **given, ttl=ttl, metadata=row.attributes, **named)


_CONTENT = (
    "subject",
    "sans",
    "key_algorithm",
    "signature_algorithm",
    "csr",
    "basic_constraints",
    "key_usages",
    "extended_key_usages",
)
_OPTIONAL = ("signature_algorithm", "csr")


class CertificateRequestList(Listing[CertificateRequestOut]):
    """Requests, newest first."""
