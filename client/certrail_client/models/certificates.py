"""What the API takes and answers: certificates.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from certrail_client.base import Body, OpenEnum, Secret, default


class AutoRenewalIn(Body):
    """Whether a certificate is renewed by itself, and when; null leaves it to the rule of its profile."""

    auto_renew: bool | None
    renewal_override: RenewalOverride | None = None
    """a fraction of the lifetime or a time before the end of its own"""


class CertificateFilter(Body):
    """Everything that is given must hold. Attributes: name: a common name or alternative name, as a whole,
    whatever its case. name_begins: the beginning of one, at least three characters. name_ends: the end
    of one, such as ``.example.com``. serial: hex, colons and leading zeros ignored. fingerprint:
    SHA-256, hex, colons ignored. status: ``active`` certificates that have ended are ``expired``.
    profile: slug or id. issuer: slug or id of an authority. lineage: id. expires_after: first moment,
    included. expires_before: last moment, not included. metadata: ``name=value``; several must all be
    there. sort: newest first, or what expires next first, which is meant where a window is given.
    """

    name: str | None = None
    name_begins: str | None = None
    name_ends: str | None = None
    serial: str | None = None
    fingerprint: str | None = None
    status: Literal["active", "expired", "superseded", "held", "revoked"] | None = None
    profile: str | None = None
    issuer: str | None = None
    lineage: str | None = None
    expires_after: datetime | None = None
    expires_before: datetime | None = None
    metadata: list[str] | None = None
    sort: Literal["newest", "expiry"] | None = None


class ExportIn(Body):
    """How to write a certificate. PKCS#12 and JKS hold the private key, under the password."""

    format: Literal["pem", "der", "pkcs12", "jks"]
    password: Secret | None = None
    include_root: bool = False


class ImportIn(Body):
    """A certificate that was issued elsewhere: PEM, or PKCS#12 in base64; with a profile its policy must
    allow it.
    """

    certificate: str | None = None
    chain: str = ""
    private_key: Secret | None = None
    pkcs12: str | None = None
    password: Secret | None = None
    entry: str | None = None
    profile: str | None = None
    metadata: dict[str, str] | None = None


class Reason(OpenEnum):
    """Why a certificate is revoked (RFC 5280 section 5.3.1), but for reasons that only authorities have."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    CERTIFICATE_HOLD = "certificateHold"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"


class RenewalIn(Body):
    """How to renew a certificate. Metadata that is left out is carried over, null clears it."""

    csr: str | None = None
    same_key: bool = False
    metadata: dict[str, str] | None = None


class RenewalOverride(Body):
    """When a certificate is renewed at the latest. Attributes: fraction: of the lifetime that has passed
    by then. before_seconds: or this long before the end.
    """

    fraction: float | None = None
    before_seconds: int | None = None


class RevocationIn(Body):
    """Why a certificate is revoked; `certificateHold` until it is released."""

    reason: Reason = default("unspecified")


class ViewChangeIn(Body):
    """What to change of a view; what is left out stays."""

    name: str | None = None
    filter: CertificateFilter | None = None


class ViewIn(Body):
    """A search to give a name to."""

    slug: str
    name: str
    filter: CertificateFilter
