"""What the API takes and answers: certificate requests.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from certrail_client.base import Body, Json, OpenEnum
from certrail_client.models.common import KeyAlgorithm


class BasicConstraints(Body):
    """Whether the certificate is an authority's (RFC 5280 section 4.2.1.9). Attributes: path_length: how
    many authorities may follow below it; left out, any number.
    """

    ca: bool = False
    path_length: int | None = None


class RequestIn(Body):
    """A certificate that is wanted. With a CSR, subject, names and key come from the CSR."""

    profile: str
    subject: Json | None = None
    sans: dict[str, list[str]] | None = None
    key_algorithm: KeyAlgorithm | None = None
    signature_algorithm: SignatureAlgorithm | None = None
    csr: str | None = None
    basic_constraints: BasicConstraints | None = None
    ttl: str | None = None
    key_usages: list[str] | None = None
    extended_key_usages: list[str] | None = None
    metadata: dict[str, str] | None = None


class SignatureAlgorithm(OpenEnum):
    """Signature algorithms of issued certificates; the issuer's key decides which one it is."""

    RSA_SHA256 = "RSA_SHA256"
    ECDSA_SHA256 = "ECDSA_SHA256"
    ECDSA_SHA384 = "ECDSA_SHA384"
    ECDSA_SHA512 = "ECDSA_SHA512"
    ED25519 = "ED25519"
