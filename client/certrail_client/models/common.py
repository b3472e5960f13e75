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


class EventList(Body):
    """Events, oldest first."""

    items: list[EventOut]
    """The events of this page."""
    next_cursor: int | None
    """Give it as `after` to read on; null at the end."""


class EventOut(Body):
    """An immutable fact."""

    seq: int
    """Position in the audit log, without gaps."""
    id: str
    """Id of the event."""
    created_at: datetime
    """When it happened."""
    type: str
    """What happened, such as certificate.issued."""
    application_id: str | None
    """Id of the Application that it is about, if of one."""
    subject_type: str
    """Kind of the object that it is about."""
    subject_id: str
    """Id of the object that it is about."""
    actor_id: str | None
    """Id of the principal that did it; null for certrail itself."""
    actor_name: str
    """Name of the principal that did it."""
    request_id: str | None
    """Id of the API call that did it."""
    data: Json
    """Facts of this type of event."""
    hash: str
    """SHA-256 over the event and the hash of the one before it."""


class FailureOut(Body):
    """One failed attempt of a plugin."""

    kind: str
    """Name of the error class, such as RateLimited."""
    message: str
    """What the outside system or the plugin said, without secrets."""
    action: str
    """What a person should do."""
    plugin: str
    """Name and version of the plugin."""
    next_try_at: datetime | None
    """When it is tried again; null if it is not."""
    permanent: bool
    """Whether a person must act before another attempt can succeed."""
    at: datetime
    """When it failed."""


class Freeze(Body):
    """A time in which nothing is renewed."""

    begins: datetime
    """First time, included."""
    ends: datetime
    """Last time, excluded."""
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


class Ok(Body):
    """A check that passed; one that does not is answered with a problem."""

    ok: bool
    """Always true."""


class Permission(OpenEnum):
    """What a route may ask for. The part before the colon is the noun, `product.` ones are shared."""

    PRODUCT_READ = "product:read"
    PRODUCT_MANAGE = "product:manage"
    PRINCIPAL_MANAGE = "principal:manage"
    TOKEN_SELF = "token:self"
    PLUGIN_READ = "plugin:read"
    APPLICATION_CREATE = "application:create"
    APPLICATION_LIST = "application:list"
    APPLICATION_READ = "application:read"
    APPLICATION_EDIT = "application:edit"
    APPLICATION_DELETE = "application:delete"
    MEMBER_MANAGE = "member:manage"
    PROFILE_ATTACH = "profile:attach"
    ENROLLMENT_MANAGE = "enrollment:manage"
    REQUEST_CREATE = "request:create"
    REQUEST_READ = "request:read"
    REQUEST_CANCEL = "request:cancel"
    REQUEST_RETRY = "request:retry"
    CERTIFICATE_READ = "certificate:read"
    CERTIFICATE_KEY = "certificate:key"
    CERTIFICATE_IMPORT = "certificate:import"
    CERTIFICATE_EXPORT = "certificate:export"
    CERTIFICATE_RENEW = "certificate:renew"
    CERTIFICATE_REVOKE = "certificate:revoke"
    INVENTORY_READ = "inventory:read"
    VIEW_MANAGE = "view:manage"
    SYNC_READ = "sync:read"
    SYNC_MANAGE = "sync:manage"
    SYNC_TRIGGER = "sync:trigger"
    DELIVERY_RETRY = "delivery:retry"
    ALERT_READ = "alert:read"
    ALERT_MANAGE = "alert:manage"
    INCIDENT_ACKNOWLEDGE = "incident:acknowledge"
    NOTIFICATION_REPLAY = "notification:replay"
    APPROVAL_POLICY_READ = "approval-policy:read"
    APPROVAL_POLICY_MANAGE = "approval-policy:manage"
    APPROVAL_READ = "approval:read"
    APPROVAL_VOTE = "approval:vote"
    EVENT_READ = "event:read"
    AUDIT_READ = "audit:read"


class PrincipalKind(OpenEnum):
    """What a principal is."""

    USER = "user"
    GROUP = "group"
    MACHINE = "machine"


class Reason(OpenEnum):
    """Why a certificate is revoked (RFC 5280 section 5.3.1), but for reasons that only authorities have."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    CERTIFICATE_HOLD = "certificateHold"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"


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


class Role(OpenEnum):
    """A role inside one Application."""

    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"


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
