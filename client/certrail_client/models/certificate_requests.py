"""What the API takes and answers: certificate requests.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from certrail_client.base import Body
from certrail_client.models.common import BasicConstraints, CertificateRequestOut, Sans, Subject
from certrail_client.models.enums import KeyAlgorithm, KeyUsage, SignatureAlgorithm


class CertificateRequestIn(Body):
    """A certificate that is wanted. With a CSR, subject, names and key come from the CSR."""

    profile: str
    """Slug or id of the certificate profile."""
    subject: Subject | None = None
    """Distinguished name."""
    sans: Sans | None = None
    """Subject alternative names by type."""
    key_algorithm: KeyAlgorithm | None = None
    """Of the key that certrail makes; null for the profile's."""
    signature_algorithm: SignatureAlgorithm | None = None
    """The signature insisted on; null leaves it to the issuer's key."""
    csr: str | None = None
    """PKCS#10, PEM, when the requester keeps the key."""
    basic_constraints: BasicConstraints | None = None
    """For the certificate of an authority."""
    ttl: str | None = None
    """Lifetime; null for the profile's."""
    key_usages: list[KeyUsage] | None = None
    """Key usages; left out, the profile's."""
    extended_key_usages: list[str] | None = None
    """Extended key usages, names or OIDs; left out, the profile's."""
    metadata: dict[str, str] | None = None
    """Names and values to search and select by; not in the certificate."""


class CertificateRequestList(Body):
    """Requests, newest first."""

    items: list[CertificateRequestOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""
