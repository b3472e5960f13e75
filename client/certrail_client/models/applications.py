"""What the API takes and answers: applications.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from certrail_client.base import Body, OpenEnum
from certrail_client.models.common import RenewalRule


class ApiEnrollmentIn(Body):
    """How an Application may use a profile through the API, and how its certificates are renewed."""

    enabled: bool = True
    auto_renew: RenewalRule | None = None


class ApplicationChangeIn(Body):
    """What to change of an Application; what is left out stays."""

    slug: str | None = None
    name: str | None = None
    description: str | None = None


class ApplicationIn(Body):
    """An Application to make."""

    slug: str
    name: str
    description: str = ""
    profiles: list[str] | None = None


class AttachIn(Body):
    """A profile to attach."""

    profile: str


class MemberIn(Body):
    """A role for a principal."""

    role: Role


class Role(OpenEnum):
    """A role inside one Application."""

    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"
