"""What the API takes and answers: certificate authorities.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from certrail_client.base import Body, Json, default
from certrail_client.models.common import KeyAlgorithm, Subject


class Advice(Body):
    """In which window an authority wants certificates replaced, and why (RFC 9773 section 4.2)."""

    begins: datetime
    """Start of the window."""
    ends: datetime
    """End of the window."""
    explanation: str = ""
    """Why, for people."""


class AuthorityChangeIn(Body):
    """What to change of an authority; what is left out stays."""

    slug: str | None = None
    name: str | None = None
    enabled: bool | None = None
    renewals_per_minute: int | None = None
    """by the clock; 0 for any number"""


class AuthorityIn(Body):
    """An authority to make: a root, or an intermediate below `parent` or, without one, below somebody
    else's.
    """

    slug: str
    name: str
    subject: Subject
    kind: Literal["root", "intermediate"] = default("root")
    parent: str | None = None
    key_algorithm: KeyAlgorithm = default("EC_P256")
    lifetime: str | None = None
    max_path_length: int | None = None


class CaCertificateIn(Body):
    """What another authority signed: the certificate, and all above it up to its root, PEM."""

    certificate: str
    chain: str = ""


class CaRenewalIn(Body):
    """How to renew an authority."""

    new_key: bool = False
    lifetime: str | None = None


class MirrorIn(Body):
    """A destination that is to hold copies of an authority's revocation lists."""

    slug: str
    destination: str
    connection: str | None = None
    config: Json | None = default(None, repr=False)
    url: str | None = None
    """where others find the copies; certificates issued from then on name it"""
