"""What the API takes and answers: product.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from certrail_client.base import Body, Json, default
from certrail_client.models.common import (
    AcmeEnrollmentIn,
    BasicConstraints,
    EstEnrollmentIn,
    RenewalRule,
    Sans,
    ScepEnrollmentIn,
    Subject,
)
from certrail_client.models.enums import ChallengeType, KeyAlgorithm, KeyUsage, SignatureAlgorithm


class AcmeMethodOut(Body):
    """Enrollment by ACME."""

    enabled: bool
    """Whether certificates may be requested by it."""
    external_account_required: bool
    """Whether a new account needs an external account binding."""
    preauthorized: bool
    """Whether names need no challenge."""
    challenges: list[ChallengeType]
    """Challenges that are offered."""
    allowed_networks: list[str]
    """CIDRs of special-purpose addresses that validation may connect to."""
    resolvers: list[str]
    """DNS servers; empty for those of the system."""
    http_port: int
    """Port of HTTP-01."""
    tls_port: int
    """Port of TLS-ALPN-01."""
    orders_per_hour: int
    """New orders of one account in an hour."""
    failed_validations_per_hour: int
    """Failed validations of one name by one account in an hour."""
    issuer_domain_names: list[str]
    """By what the records of dns-persist-01 name this server."""
    persist_subdomains: bool
    """Whether a record with `policy=wildcard` counts for names below its own."""


class ApiMethodIn(Body):
    """Enrollment through the API, and how certificates are renewed automatically."""

    enabled: bool
    """Whether it may be used."""
    auto_renew: RenewalRule | None = None
    """How certificates are renewed automatically."""


class ApiMethodOut(Body):
    """Enrollment through the API."""

    enabled: bool
    """Whether it may be used."""
    auto_renew: RenewalRule
    """How certificates are renewed automatically."""


class BasicConstraintsRules(Body):
    """Whether certificates of authorities may be requested, and how many more may follow below them."""

    ca: Literal["forbidden", "allowed", "required"] = default("forbidden")
    """Whether the certificate may, or must, be an authority's."""
    max_path_length: int | None = None
    """The largest path length; null leaves the limit to the issuer."""


class CertificatePolicyChangeIn(Body):
    """What to change of a certificate policy."""

    slug: str | None = None
    """Unique name."""
    name: str | None = None
    """Name for people."""
    rules: PolicyRules | None = None
    """Replaces the rules as a whole."""


class CertificatePolicyIn(Body):
    """A certificate policy to create."""

    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    rules: PolicyRules | None = None
    """What may be requested; a section left out allows anything."""


class CertificatePolicyList(Body):
    """Certificate policies, by slug."""

    items: list[CertificatePolicyOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class CertificatePolicyOut(Body):
    """What may be requested."""

    id: str
    """Id of the policy."""
    created_at: datetime
    """When it was created."""
    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    version: int
    """Counts changes of the rules."""
    rules: PolicyRules
    """What may be requested; a section that is null allows anything."""


class CertificateProfileChangeIn(Body):
    """What to change of a certificate profile."""

    slug: str | None = None
    """Unique name."""
    name: str | None = None
    """Name for people."""
    ca: str | None = None
    """Slug or id of the authority that signs."""
    policy: str | None = None
    """Slug or id of the certificate policy."""
    ttl: str | None = None
    """Lifetime of certificates that do not say theirs."""
    defaults: ProfileDefaults | None = None
    """Replaces the defaults as a whole."""
    legacy_enrollment: LegacyEnrollmentIn | None = None
    """Only of a profile that was imported with enrollment of its own."""


class CertificateProfileIn(Body):
    """A certificate profile to create."""

    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    issuer_type: Literal["ca", "self-signed"] = default("ca")
    """Who signs."""
    ca: str | None = None
    """Slug or id of the authority that signs; null for self-signed certificates."""
    policy: str
    """Slug or id of the certificate policy."""
    ttl: str
    """Lifetime of certificates that do not say theirs."""
    defaults: ProfileDefaults | None = None
    """What a request gets that does not say it itself."""


class CertificateProfileList(Body):
    """Certificate profiles, by slug."""

    items: list[CertificateProfileOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class CertificateProfileOut(Body):
    """One authority, one policy and defaults: what a certificate looks like."""

    id: str
    """Id of the profile."""
    created_at: datetime
    """When it was created."""
    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    version: int
    """Counts changes that matter to open approvals."""
    issuer_type: Literal["ca", "self-signed"]
    """Who signs."""
    ca_id: str | None
    """Id of the authority that signs."""
    ca: str | None
    """Slug of the authority that signs."""
    policy_id: str
    """Id of the certificate policy."""
    policy: str
    """Slug of the certificate policy."""
    ttl: str
    """Lifetime of certificates that do not say theirs."""
    defaults: ProfileDefaults
    """What a request gets that does not say it itself."""
    legacy_enrollment: LegacyEnrollmentOut | None
    """By which methods it may be used in the legacy scope; null for not at all."""


class ConnectionChangeIn(Body):
    """What to change of a connection; a masked value in the configuration is kept."""

    config: Json | None = default(None, repr=False)
    """Replaces address and credentials as a whole."""
    expires_at: datetime | None = None
    """Until when; null for unknown."""
    max_per_minute: int | None = None
    """Rate limit; null for any number."""


class ConnectionIn(Body):
    """Credentials of an outside system to store."""

    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    type: str
    """Type of connection, as plugins name it at `/plugins`."""
    config: Json = Field(repr=False)
    """Address and credentials, by the schema of the type."""
    expires_at: datetime | None = None
    """Until when they are accepted, if known."""
    max_per_minute: int | None = None
    """Rate limit of deliveries and removals; null for any number."""


class ConnectionList(Body):
    """Connections, by slug."""

    items: list[ConnectionOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class ConnectionOut(Body):
    """Credentials of an outside system, masked."""

    id: str
    """Id of the connection."""
    created_at: datetime
    """When it was created."""
    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    type: str
    """Type of connection."""
    config: Json = Field(repr=False)
    """Address and credentials, the secrets masked."""
    expires_at: datetime | None
    """Until when they are accepted, if known."""
    max_per_minute: int | None
    """Rate limit; null for any number."""


class EstMethodOut(Body):
    """Enrollment by EST."""

    enabled: bool
    """Whether certificates may be requested by it."""
    server_key_generation: bool
    """Whether serverkeygen is served."""
    retry_after: str
    """After which a client comes again while an approval is open."""


class ExtendedUsageRules(Body):
    """Extended usages that must be there, and all that may be."""

    required: list[str] | None = None
    """Must be there: names or OIDs."""
    allowed: list[str] | None = None
    """May be there: names or OIDs."""


class LegacyEnrollmentIn(Body):
    """By which methods a profile of the legacy scope may be used; a method that is left out is kept."""

    api: ApiMethodIn | None = None
    """Enrollment through the API."""
    acme: AcmeEnrollmentIn | None = None
    """Enrollment by ACME."""
    est: EstEnrollmentIn | None = None
    """Enrollment by EST."""
    scep: ScepEnrollmentIn | None = None
    """Enrollment by SCEP."""


class LegacyEnrollmentOut(Body):
    """By which methods a profile of the legacy scope may be used."""

    api: ApiMethodOut | None
    """Enrollment through the API."""
    acme: AcmeMethodOut | None
    """Enrollment by ACME."""
    est: EstMethodOut | None
    """Enrollment by EST."""
    scep: ScepMethodOut | None
    """Enrollment by SCEP."""


class NameRules(Body):
    """Patterns for the names of one type: ``*`` matches any text, dots included; an IP pattern is a CIDR.
    So ``*.example.com`` allows names at any depth below example.com, and the wildcard names among them,
    since they cover nothing else. ``\\*`` is the asterisk itself: to deny ``\\*.*`` is to deny every
    wildcard.
    """

    required: list[str] | None = None
    """Each pattern must be matched by a name; those names are then allowed, too."""
    allowed: list[str] | None = None
    """What may be there; left out beside other rules, all that is not denied."""
    denied: list[str] | None = None
    """What may not, whatever its case. A wildcard that covers a denied name is denied."""


class PolicyRules(Body):
    """A certificate policy."""

    subject: SubjectRules | None = None
    """Attributes of the subject."""
    sans: dict[str, NameRules] | None = None
    """By type of name: dns, ip, email, uri or upn."""
    key_usages: UsageRules | None = None
    """Key usages (RFC 5280 section 4.2.1.3)."""
    extended_key_usages: ExtendedUsageRules | None = None
    """Extended key usages (RFC 5280 section 4.2.1.12)."""
    key_algorithms: list[KeyAlgorithm] | None = None
    """Algorithms of the key."""
    signature_algorithms: list[SignatureAlgorithm] | None = None
    """Algorithms of the issuer's signature."""
    max_ttl: str | None = None
    """The longest lifetime."""
    basic_constraints: BasicConstraintsRules | None = None
    """Certificates of authorities."""


class ProfileDefaults(Body):
    """What a request gets that does not say it itself."""

    subject: Subject | None = None
    """Attributes of the subject."""
    sans: Sans | None = None
    """Subject alternative names by type."""
    key_algorithm: KeyAlgorithm | None = None
    """Algorithm of the key."""
    signature_algorithm: SignatureAlgorithm | None = None
    """The signature insisted on."""
    basic_constraints: BasicConstraints | None = None
    """For certificates of authorities."""
    key_usages: list[KeyUsage] | None = None
    """Key usages."""
    extended_key_usages: list[str] | None = None
    """Extended key usages, names or OIDs."""


class ScepMethodOut(Body):
    """Enrollment by SCEP."""

    enabled: bool
    """Whether certificates may be requested by it."""
    renewal_by_certificate: bool
    """Whether a valid certificate replaces the challenge in a renewal."""
    one_time_challenge_lifetime: str
    """Lifetime of a one-time challenge."""
    most_one_time_challenges: int
    """How many that were not used there may be at once."""


class SubjectRules(Body):
    """Patterns per attribute; ``*`` matches any text. An attribute that no rule names is refused. Of
    domain components there may be several: each must be allowed, and one is enough for a required
    pattern.
    """

    required: dict[str, str | list[str]] | None = None
    """By attribute: must be there and match, each where several are named; it is then allowed, too."""
    allowed: dict[str, list[str]] | None = None
    """By attribute: what may be there."""
    denied: dict[str, list[str]] | None = None
    """By attribute: what may not, whatever its case. Named here alone, all else is allowed."""


class UsageRules(Body):
    """Usages that must be there, and all that may be."""

    required: list[KeyUsage] | None = None
    """Must be there."""
    allowed: list[KeyUsage] | None = None
    """May be there."""
