"""What the API takes and answers: common.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from certrail_client.base import Body, Json, default
from certrail_client.models.enums import (
    ChallengeType,
    KeyAlgorithm,
    KeyUsage,
    RequestOrigin,
    RequestStatus,
    SignatureAlgorithm,
)


class AcmeEnrollmentIn(Body):
    """How a profile may be used by ACME (RFC 8555)."""

    enabled: bool = True
    """Whether certificates may be requested by it."""
    external_account_required: bool = False
    """Whether a new account needs an external account binding."""
    preauthorized: bool = False
    """Whether names need no challenge, because the account is trusted already."""
    challenges: list[ChallengeType] = default(["http-01", "dns-01", "tls-alpn-01"])
    """Challenges that are offered."""
    allowed_networks: list[str] | None = None
    """CIDRs of private or other special-purpose addresses that validation may connect to."""
    resolvers: list[str] | None = None
    """DNS servers, as `address` or `address:port`; empty for those of the system."""
    http_port: int = 80
    """Port of HTTP-01."""
    tls_port: int = 443
    """Port of TLS-ALPN-01."""
    orders_per_hour: int = 300
    """New orders of one account in an hour."""
    failed_validations_per_hour: int = 20
    """Failed validations of one name by one account in an hour, after which its orders are refused."""
    issuer_domain_names: list[str] | None = None
    """By what the records of dns-persist-01 name this server, such as `ca.example.com`."""
    persist_subdomains: bool = False
    """Whether a record of dns-persist-01 with `policy=wildcard` counts for names below its own."""


class ApiEnrollmentOut(Body):
    """How an Application may use a profile through the API, and how its certificates are renewed."""

    enabled: bool
    """Whether certificates may be requested through the API."""
    auto_renew: RenewalRule
    """How certificates are renewed automatically."""


class AttachedProfileOut(Body):
    """A certificate profile in an Application."""

    application_id: str
    """Id of the Application."""
    profile_id: str
    """Id of the certificate profile."""
    profile: str
    """Slug of the certificate profile."""
    name: str
    """Name of the certificate profile."""
    api: ApiEnrollmentOut
    """Enrollment through the API."""


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
    """What it came from: a call of the API, a renewal, or a protocol."""
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


class EstEnrollmentIn(Body):
    """How a profile may be used by EST (RFC 7030)."""

    enabled: bool = True
    """Whether certificates may be requested by it."""
    server_key_generation: bool = False
    """Whether serverkeygen is served: keys are made and kept here."""
    retry_after: str = "1m"
    """After which a client comes again while an approval is open."""


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


class Ok(Body):
    """A check that passed; one that does not is answered with a problem."""

    ok: bool
    """Always true."""


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


class ScepEnrollmentIn(Body):
    """How a profile may be used by SCEP (RFC 8894)."""

    enabled: bool = True
    """Whether certificates may be requested by it."""
    renewal_by_certificate: bool = True
    """Whether a valid certificate replaces the challenge in a renewal."""
    one_time_challenge_lifetime: str = "1h"
    """Lifetime of a one-time challenge."""
    most_one_time_challenges: int = 100
    """How many that were not used there may be at once."""


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
