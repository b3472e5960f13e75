"""What the API takes and answers: common.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from certrail_client.base import Body, Json, OpenEnum, default


class BasicConstraints(Body):
    """Whether the certificate is an authority's (RFC 5280 section 4.2.1.9)."""

    ca: bool = False
    """Whether it may sign certificates."""
    path_length: int | None = None
    """How many authorities may follow below it; null for any number."""


class CertificateRequestOut(Body):
    """A certificate request, and what has become of it."""

    id: str
    """Id of the request."""
    created_at: datetime
    """When it was submitted."""
    updated_at: datetime
    """When its status changed last."""
    status: RequestStatus
    """Where it is between submission and certificate."""
    reason: str | None
    """Why it ended without a certificate, or waits."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    application: str | None
    """Slug of its Application; null in the legacy scope."""
    profile_id: str
    """Id of the certificate profile."""
    profile: str
    """Slug of the certificate profile."""
    requester_id: str
    """Id of the principal that submitted it."""
    requester: str
    """Slug of the principal that submitted it."""
    origin: RequestOrigin
    """What it came from: a call of the API, or a renewal."""
    origin_by: str | None
    """Id of the principal behind it; null for an automatic renewal."""
    subject: Subject
    """Distinguished name."""
    sans: Sans
    """Subject alternative names by type."""
    key_algorithm: KeyAlgorithm
    """Algorithm of the certificate's key."""
    signature_algorithm: SignatureAlgorithm | None
    """The signature insisted on; null leaves it to the issuer's key."""
    csr: str | None
    """PKCS#10, PEM, when the requester keeps the key."""
    basic_constraints: BasicConstraints
    """Whether it is an authority's certificate."""
    ttl: str
    """Lifetime."""
    key_usages: list[KeyUsage]
    """Key usages."""
    extended_key_usages: list[str]
    """Extended key usages, names or OIDs."""
    metadata: dict[str, str]
    """Names and values to search and select by."""
    digest: str
    """SHA-256 of the content, which votes are bound to."""
    profile_version: int
    """Version of the profile that it was evaluated with."""
    policy_version: int
    """Version of the certificate policy that it was evaluated with."""
    certificate_id: str | None
    """Id of the certificate, once it is issued."""
    renews_id: str | None
    """Id of the certificate that it renews."""
    same_key: bool
    """Whether a renewal keeps the private key."""
    approval_request_id: str | None
    """Id of the approval that it needs or needed."""
    preapproval_id: str | None
    """Id of the earlier approval that covers it."""


class Freeze(Body):
    """A time in which nothing is renewed."""

    begins: datetime
    """First moment, included."""
    ends: datetime
    """Last moment, not included."""
    reason: str = ""
    """For people."""


class KeyAlgorithm(OpenEnum):
    """Key algorithms that certrail makes and signs with."""

    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    EC_P256 = "EC_P256"
    EC_P384 = "EC_P384"
    EC_P521 = "EC_P521"
    ED25519 = "ED25519"


class KeyUsage(OpenEnum):
    """RFC 5280 section 4.2.1.3, without the bits of a CA."""

    DIGITAL_SIGNATURE = "digitalSignature"
    CONTENT_COMMITMENT = "contentCommitment"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"


class PluginTrialIn(Body):
    """A plugin configuration to check without saving it."""

    plugin: str
    """Name of the plugin."""
    connection: str | None = None
    """Slug or id of the connection to use."""
    config: Json | None = default(None, repr=False)
    """Configuration of the plugin."""


class RenewalRule(Body):
    """How certificates are renewed automatically."""

    fraction: float | None = None
    """The part of the lifetime that has passed by then."""
    before: str | None = None
    """Or how long before the end."""
    enabled: bool = True
    """Whether they are."""
    windows: list[Window] = default([])
    """Renewals happen inside one of them; without any, at all times."""
    freezes: list[Freeze] = default([])
    """And in none of these."""


class RequestOrigin(OpenEnum):
    """What a certificate request came from."""

    API = "api"
    RENEWAL = "renewal"


class RequestStatus(OpenEnum):
    """Of a certificate request."""

    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    ISSUING = "issuing"
    ISSUED = "issued"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"


class Sans(Body):
    """Subject alternative names by type (RFC 5280 section 4.2.1.6), each name once."""

    dns: list[str] = default([])
    """DNS names."""
    ip: list[str] = default([])
    """IP addresses."""
    email: list[str] = default([])
    """E-mail addresses (RFC 822 names)."""
    uri: list[str] = default([])
    """URIs."""
    upn: list[str] = default([])
    """User principal names (an otherName of Microsoft's)."""


class SignatureAlgorithm(OpenEnum):
    """Signature algorithms of issued certificates; the issuer's key decides which one it is."""

    RSA_SHA256 = "RSA_SHA256"
    ECDSA_SHA256 = "ECDSA_SHA256"
    ECDSA_SHA384 = "ECDSA_SHA384"
    ECDSA_SHA512 = "ECDSA_SHA512"
    ED25519 = "ED25519"


class Subject(Body):
    """A distinguished name, with the upper bounds of RFC 5280 appendix A.1."""

    common_name: str | None = None
    """CN."""
    organization: str | None = None
    """O."""
    organizational_unit: str | None = None
    """OU."""
    country: str | None = None
    """C, two letters (ISO 3166)."""
    state: str | None = None
    """ST."""
    locality: str | None = None
    """L."""
    domain_components: list[str] = default([])
    """DC, in the order of a DNS name, such as example, com."""


class Window(Body):
    """Hours of some days; a window that ends before it begins ends on the next day."""

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = default(
        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    )
    """Days of the week on which it begins."""
    begins: str
    """By a clock in that zone, such as 22:00."""
    ends: str
    """The same; before `begins` it is on the next day."""
    zone: str = "UTC"
    """Time zone of the IANA database, such as Europe/Berlin."""
