"""What the API takes and answers: certificates.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from certrail_client.base import Body, OpenEnum, Secret, default
from certrail_client.models.enums import KeyAlgorithm, Reason


class CertificateFilter(Body):
    """What certificates must have; everything that is given must hold."""

    name: str | None = None
    """A common name or alternative name, as a whole, whatever its case."""
    name_begins: str | None = None
    """The beginning of one, at least three characters."""
    name_ends: str | None = None
    """The end of one, such as .example.com."""
    serial: str | None = None
    """Hex; colons and leading zeros are ignored."""
    fingerprint: str | None = None
    """SHA-256, hex; colons are ignored."""
    status: CertificateSearchStatus | None = None
    """Certificates of status `active` that have ended are found as `expired`."""
    profile: str | None = None
    """Slug or id of a certificate profile."""
    issuer: str | None = None
    """Slug or id of a certificate authority."""
    lineage: str | None = None
    """Id of a lineage."""
    expires_after: datetime | None = None
    """First time, included."""
    expires_before: datetime | None = None
    """Last time, excluded."""
    metadata: list[str] | None = None
    """`name=value`; several must all be there."""
    sort: Literal["newest", "expiry"] | None = None
    """Newest first, or what expires next first; the latter is the default where a time of expiry is given."""


class CertificateImportIn(Body):
    """A certificate that was issued elsewhere: PEM, or PKCS#12 in base64; with a profile its policy must
    allow it.
    """

    certificate: str | None = None
    """The certificate, PEM."""
    chain: str = ""
    """All above it, PEM, with or without the root."""
    private_key: Secret | None = None
    """Its key, PEM, encrypted or not, if certrail is to hold it."""
    pkcs12: str | None = None
    """Certificate, chain and key in one file, base64, instead of PEM."""
    password: Secret | None = None
    """Of the private key or of the PKCS#12 file."""
    entry: str | None = None
    """Friendly name of the entry, where a PKCS#12 file has several."""
    profile: str | None = None
    """Slug or id of the profile by which it is renewed; its policy is evaluated."""
    metadata: dict[str, str] | None = None
    """Names and values to search and select by."""


class CertificateList(Body):
    """Certificates, newest first or what expires next first."""

    items: list[CertificateOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class CertificateOut(Body):
    """A certificate, without its private key."""

    id: str
    """Id of the certificate."""
    created_at: datetime
    """When it was issued or imported here."""
    status: CertificateStatus
    """Whether it is the present one of its lineage, and valid."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    application: str | None
    """Slug of its Application; null in the legacy scope."""
    lineage_id: str
    """Id that a certificate and all its renewals share."""
    request_id: str | None
    """Id of the request that it was issued for; null if imported."""
    profile_id: str | None
    """Id of its profile; null if imported without one."""
    profile: str | None
    """Slug of its profile; null if imported without one."""
    ca_certificate_id: str | None
    """Id of the CA version that signed it, if known here."""
    issuer: str | None
    """Slug of the certificate authority, if known here."""
    serial: str
    """Serial number, lower-case hex."""
    fingerprint: str
    """SHA-256 of the DER encoding, hex."""
    common_name: str
    """Common name of the subject; may be empty."""
    names: dict[str, list[str]]
    """Subject alternative names by type, and further common names as `cn`."""
    unreadable: list[str]
    """Parts of an imported certificate that break a rule and were read only as far as possible."""
    key_algorithm: KeyAlgorithm | str
    """Algorithm of its key."""
    not_before: datetime
    """Start of the validity period."""
    not_after: datetime
    """End of the validity period."""
    pem: str
    """The certificate, PEM."""
    chain: list[str]
    """The intermediates above it, PEM, the issuer first, without the root."""
    root: str | None
    """The root above the chain, PEM, if known."""
    has_private_key: bool
    """Whether certrail holds its private key."""
    revoked_at: datetime | None
    """When it was revoked or put on hold."""
    revocation_reason: str | None
    """Why (RFC 5280 section 5.3.1)."""
    metadata: dict[str, str]
    """Names and values to search and select by."""


class CertificateSearchStatus(OpenEnum):
    """What a search may ask for: the stored states, and `expired`, which follows from the time."""

    ACTIVE = "active"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    HELD = "held"
    REVOKED = "revoked"


class CertificateStatus(OpenEnum):
    """Of a certificate; whether it has expired follows from `not_after`."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"
    HELD = "held"
    REVOKED = "revoked"


class ExportIn(Body):
    """How to write a certificate. PKCS#12 and JKS hold the private key, under the password."""

    format: Literal["pem", "der", "pkcs12", "jks"]
    """Format of the file."""
    password: Secret | None = None
    """For PKCS#12 and JKS."""
    include_root: bool = False
    """Whether the root is in the chain, too."""


class PrivateKeyOut(Body):
    """A private key, shown once."""

    private_key: Secret
    """PKCS#8, PEM."""


class RenewalIn(Body):
    """How to renew a certificate. Metadata that is left out is kept, null clears it."""

    csr: str | None = None
    """PKCS#10, PEM, of the new key, when the requester keeps it."""
    same_key: bool = False
    """Keep the private key instead of making a new one."""
    metadata: dict[str, str] | None = None
    """New metadata; left out, it stays."""


class RenewalOverride(Body):
    """When a certificate is renewed: of a rule at the latest, of one certificate then."""

    fraction: float | None = None
    """The part of the lifetime that has passed by then."""
    before: str | None = None
    """Or how long before the end."""


class RenewalPlanIn(Body):
    """Whether a certificate is renewed automatically, and when."""

    auto_renew: bool | None
    """Null leaves it to the rule of its profile."""
    renewal_override: RenewalOverride | None = None
    """When, instead of what the rule says; null leaves it to the rule."""


class RenewalPlanOut(Body):
    """When a certificate is renewed automatically and why then, or why it is not."""

    auto_renew: bool | None = None
    """What was set for this lineage; null: the rule of its profile."""
    renewal_override: RenewalOverride | None = None
    """When, as set for this lineage; null: the rule of its profile."""
    renew_at: datetime | None
    """When it is renewed; null if it is not."""
    suggested_at: datetime | None = None
    """When the holder of the key should renew it, where certrail does not hold that: by the same rule,
    spread, windows and advice; in the past if that was missed.
    """
    superseded_by: str | None = None
    """Id of the present certificate of the lineage, where that is another one."""
    off: str | None = None
    """Why it is not renewed automatically."""
    inputs: list[str] | None = None
    """How the time was chosen, step by step, in words."""
    needs_replan: bool = False
    """Whether the time is about to be computed again."""
    late: bool = False
    """Whether no permitted time comes before its end."""
    request: str | None = None
    """Id of the request that renews it now."""
    failures: int = 0
    """Failed attempts in a row."""
    error: str | None = None
    """Why the last attempt failed."""
    failed_at: datetime | None = None
    """When it failed."""
    waits_for: RenewalWait | None = None
    """What its workflow waits for until `renew_at`; null while none is running."""


class RenewalWait(OpenEnum):
    """What the workflow of a renewal round waits for."""

    APPROVAL = "approval"
    AUTHORITY = "authority"
    RATE = "rate"
    RETRY = "retry"
    WINDOW = "window"


class RevocationIn(Body):
    """Why a certificate is revoked."""

    reason: Reason = default("unspecified")
    """Reason code (RFC 5280 section 5.3.1); `certificateHold` until it is released."""


class RevocationRequestList(Body):
    """Revocation requests, newest first."""

    items: list[RevocationRequestOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class RevocationRequestOut(Body):
    """A revocation that an approval policy guards, and what has become of it."""

    id: str
    """Id of the request."""
    created_at: datetime
    """When it was submitted."""
    updated_at: datetime
    """When its status changed last."""
    status: RevocationStatus
    """Where it is between submission and revocation."""
    reason: str | None
    """Why it ended without a revocation, or waits."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    application: str | None
    """Slug of its Application; null in the legacy scope."""
    certificate_id: str
    """Id of the certificate to revoke."""
    certificate: str
    """Common name or first other name of the certificate."""
    requester_id: str
    """Id of the principal that submitted it."""
    requester: str
    """Slug of the principal that submitted it."""
    revocation_reason: Reason
    """Reason code (RFC 5280 section 5.3.1); `certificateHold` until it is released."""
    digest: str
    """SHA-256 of the content, which votes are bound to."""
    approval_request_id: str | None
    """Id of the approval that it needs or needed."""


class RevocationStatus(OpenEnum):
    """Of a revocation request."""

    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    REVOKED = "revoked"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


class SavedSearchChangeIn(Body):
    """What to change of a saved search."""

    name: str | None = None
    """Name for people."""
    filter: CertificateFilter | None = None
    """Replaces the filter as a whole."""


class SavedSearchIn(Body):
    """A search to give a name to."""

    slug: str
    """Unique name in the Application."""
    name: str
    """Name for people."""
    filter: CertificateFilter
    """What certificates must have."""


class SavedSearchList(Body):
    """Saved searches, by slug."""

    items: list[SavedSearchOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class SavedSearchOut(Body):
    """A search that was given a name."""

    id: str
    """Id of the saved search."""
    created_at: datetime
    """When it was saved."""
    application_id: str
    """Id of its Application."""
    slug: str
    """Unique name in the Application."""
    name: str
    """Name for people."""
    filter: CertificateFilter
    """What certificates must have."""
