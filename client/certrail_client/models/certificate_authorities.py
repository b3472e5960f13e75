"""What the API takes and answers: certificate authorities.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from certrail_client.base import Body, Json, OpenEnum, default
from certrail_client.models.common import FailureOut, Subject
from certrail_client.models.enums import KeyAlgorithm, Reason


class AuthorityChangeIn(Body):
    """What to change of an authority."""

    slug: str | None = None
    """Unique name."""
    name: str | None = None
    """Name for people."""
    enabled: bool | None = None
    """False stops it from signing."""
    renewals_per_minute: int | None = None
    """Limit of automatic renewals; null for any number."""


class AuthorityIn(Body):
    """An authority to create: a root, or an intermediate below `parent` or, without one, below an outside
    authority.
    """

    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    subject: Subject
    """Distinguished name."""
    kind: Literal["root", "intermediate"] = default("root")
    """Whether it signs its own certificate."""
    parent: str | None = None
    """Slug or id of the authority that signs an intermediate; null for an outside one."""
    key_algorithm: KeyAlgorithm = default("EC_P256")
    """Algorithm of its key."""
    lifetime: str | None = None
    """Of its certificate; null for the usual one."""
    max_path_length: int | None = None
    """How many authorities may follow below it; null for any number. Left out, it is null for a root and 0
    for an intermediate.
    """


class AuthorityList(Body):
    """Certificate authorities, by slug."""

    items: list[AuthorityOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class AuthorityOut(Body):
    """A certificate authority; its private key never leaves."""

    id: str
    """Id of the authority."""
    created_at: datetime
    """When it was created."""
    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    kind: Literal["root", "intermediate"]
    """Where its certificate comes from."""
    status: AuthorityStatus
    """Whether it signs."""
    enabled: bool
    """Whether it may sign."""
    parent_id: str | None
    """Id of the authority above it, if that is here."""
    parent: str | None
    """Slug of the authority above it, if that is here."""
    subject: Subject
    """Distinguished name."""
    key_algorithm: KeyAlgorithm | str
    """Algorithm of the key that it signs with now."""
    lifetime: str | None
    """Of its present certificate; null while there is none."""
    max_path_length: int | None
    """How many authorities may follow below it."""
    renewals_per_minute: int | None
    """Limit of automatic renewals; null for any number."""
    renewal_info: RenewalInfoOut | None
    """When it advises to renew what it has issued."""
    certificate: CaCertificateOut | None
    """The version that it signs with."""


class AuthorityStatus(OpenEnum):
    """Of a certificate authority; `pending` until it has its first certificate."""

    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"


class AuthorityWithVersionsOut(Body):
    """A certificate authority with all its versions."""

    id: str
    """Id of the authority."""
    created_at: datetime
    """When it was created."""
    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    kind: Literal["root", "intermediate"]
    """Where its certificate comes from."""
    status: AuthorityStatus
    """Whether it signs."""
    enabled: bool
    """Whether it may sign."""
    parent_id: str | None
    """Id of the authority above it, if that is here."""
    parent: str | None
    """Slug of the authority above it, if that is here."""
    subject: Subject
    """Distinguished name."""
    key_algorithm: KeyAlgorithm | str
    """Algorithm of the key that it signs with now."""
    lifetime: str | None
    """Of its present certificate; null while there is none."""
    max_path_length: int | None
    """How many authorities may follow below it."""
    renewals_per_minute: int | None
    """Limit of automatic renewals; null for any number."""
    renewal_info: RenewalInfoOut | None
    """When it advises to renew what it has issued."""
    certificate: CaCertificateOut | None
    """The version that it signs with."""
    certificates: list[CaCertificateOut]
    """Every version, newest first."""


class CaCertificateIn(Body):
    """What another authority signed."""

    certificate: str
    """The certificate, PEM."""
    chain: str = ""
    """All above it up to its root, PEM."""


class CaCertificateOut(Body):
    """One version of an authority's own certificate."""

    id: str
    """Id of the version."""
    created_at: datetime
    """When it was made or installed."""
    version: int
    """Counts from 1."""
    active: bool
    """Whether the authority signs with it now."""
    pem: str
    """The certificate, PEM."""
    chain: list[str]
    """All above it up to the root, PEM, the issuer first."""
    serial: str
    """Serial number, lower-case hex."""
    fingerprint: str
    """SHA-256 of the DER encoding, hex."""
    not_before: datetime
    """Start of the validity period."""
    not_after: datetime
    """End of the validity period."""
    revoked_at: datetime | None
    """When it was revoked by the authority above it here."""
    revocation_reason: Reason | None
    """Why (RFC 5280 section 5.3.1)."""


class CaRenewalIn(Body):
    """How to renew an authority."""

    new_key: bool = False
    """Whether it gets a new key."""
    lifetime: str | None = None
    """Of the new certificate; null for the present one's."""


class CaRevocationIn(Body):
    """Why an authority is revoked."""

    reason: Reason = default("unspecified")
    """Reason code (RFC 5280 section 5.3.1); `certificateHold` is refused."""


class CrlCopyOut(Body):
    """The state of one revocation list at one mirror."""

    id: str
    """Id of the copy."""
    created_at: datetime
    """When it was first wanted."""
    crl_id: str
    """Id of the revocation list."""
    object_name: str
    """Name of the file."""
    status: MirrorStatus
    """Whether it is there."""
    number: int | None
    """CRL number of the list that is there."""
    attempts: int
    """Attempts so far."""
    last_error: FailureOut | None
    """The last failed attempt."""
    next_try_at: datetime | None
    """When the next attempt is due."""
    published_at: datetime | None
    """When it was published last."""


class CsrOut(Body):
    """A certificate signing request."""

    csr: str
    """PKCS#10, PEM."""


class MirrorIn(Body):
    """A destination that is to hold copies of an authority's revocation lists."""

    slug: str
    """Unique name at the authority."""
    destination: str
    """Name of the destination plugin."""
    connection: str | None = None
    """Slug or id of the connection to use."""
    config: Json | None = default(None, repr=False)
    """Configuration of the plugin."""
    url: str | None = None
    """Where others find the copies, without a slash at its end; certificates issued from then on name it."""


class MirrorList(Body):
    """Mirrors, by slug."""

    items: list[MirrorOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class MirrorOut(Body):
    """A destination that holds copies of an authority's revocation lists."""

    id: str
    """Id of the mirror."""
    created_at: datetime
    """When it was created."""
    ca_id: str
    """Id of the authority."""
    slug: str
    """Unique name at the authority."""
    destination: str
    """Name of the destination plugin."""
    connection_id: str | None
    """Id of the connection."""
    connection: str | None
    """Slug of the connection."""
    config: Json = Field(repr=False)
    """Configuration of the plugin, its secrets masked."""
    url: str | None
    """Where others find the copies."""
    copies: list[CrlCopyOut]
    """The state of every revocation list there."""


class MirrorStatus(OpenEnum):
    """Of a revocation list at a mirror."""

    PENDING = "pending"
    RETRYING = "retrying"
    PUBLISHED = "published"
    FAILED = "failed"


class RenewalInfoIn(Body):
    """When to replace what an authority has issued by now (RFC 9773)."""

    begins: datetime
    """Start of the window."""
    ends: datetime
    """End of the window."""
    explanation: str = ""
    """Why, for people."""


class RenewalInfoOut(Body):
    """The window in which an authority advises to renew (RFC 9773)."""

    begins: datetime
    """Start of the window."""
    ends: datetime
    """End of the window."""
    explanation: str
    """Why, for people."""
    issued_before: datetime
    """Concerns certificates issued before."""
