"""What the API takes and answers: enrollment.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from certrail_client.base import Body, Json, OpenEnum
from certrail_client.models.common import RenewalRule


class ApiEnrollmentIn(Body):
    """How an Application may use a profile through the API, and how its certificates are renewed."""

    enabled: bool = True
    """Whether certificates may be requested through the API."""
    auto_renew: RenewalRule | None = None
    """How certificates are renewed automatically."""


class EnrollmentMethod(OpenEnum):
    """A method of enrollment; `AVAILABLE_METHODS` are those that this version serves."""

    API = "api"
    ACME = "acme"
    EST = "est"
    SCEP = "scep"


class EnrollmentMethodOut(Body):
    """How a profile may be used by one method, and by which URLs."""

    method: EnrollmentMethod
    """Name of the method."""
    served: bool
    """Whether this version serves it."""
    enabled: bool
    """Whether certificates may be requested by it."""
    settings: Json
    """As they were set, with their defaults."""
    urls: dict[str, str]
    """By name: what a client is configured with."""


class EnrollmentOut(Body):
    """By which methods a profile may be used in one scope."""

    application_id: str | None
    """Id of the Application; null in the legacy scope."""
    profile_id: str
    """Id of the certificate profile."""
    profile: str
    """Slug of the certificate profile."""
    methods: list[EnrollmentMethodOut]
    """Every method, by name."""
