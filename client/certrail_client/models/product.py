"""What the API takes and answers: product.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from certrail_client.base import Body, Json, default
from certrail_client.models.common import RenewalRule


class ApiMethod(Body):
    """The API, and how certificates are renewed by themselves; a rule that is left out stays as it is."""

    enabled: bool
    auto_renew: RenewalRule | None = None


class ConnectionChangeIn(Body):
    """New credentials; a masked value sent back stays as it was, and so do end and rate when they are left
    out.
    """

    config: Json = Field(repr=False)
    expires_at: datetime | None = None
    max_per_minute: int | None = None
    """how many deliveries and removals it bears; null for any number"""


class ConnectionIn(Body):
    """Credentials to store."""

    slug: str
    name: str
    type: str
    config: Json = Field(repr=False)
    expires_at: datetime | None = None
    """until when they are accepted, if known"""
    max_per_minute: int | None = None
    """how many deliveries and removals it bears; null for any number"""


class LegacyEnrollment(Body):
    """By which methods a profile of the older project is usable by itself; those left out stay as they
    are.
    """

    api: ApiMethod | None = None
    acme: Method | None = None
    est: Method | None = None
    scep: Method | None = None


class Method(Body):
    """A way to enroll, on or off."""

    enabled: bool


class PolicyChangeIn(Body):
    """What to change of a policy; what is left out stays, rules are replaced as a whole."""

    slug: str | None = None
    name: str | None = None
    rules: Json | None = None


class PolicyIn(Body):
    """A certificate policy to make."""

    slug: str
    name: str
    rules: Json | None = None


class ProfileChangeIn(Body):
    """What to change of a profile; what is left out stays, defaults are replaced as a whole."""

    slug: str | None = None
    name: str | None = None
    ca: str | None = None
    policy: str | None = None
    ttl: str | None = None
    defaults: Json | None = None
    legacy_enrollment: LegacyEnrollment | None = None


class ProfileIn(Body):
    """A certificate profile to make."""

    slug: str
    name: str
    issuer_type: Literal["ca", "self-signed"] = default("ca")
    ca: str | None = None
    policy: str
    ttl: str
    defaults: Json | None = None
