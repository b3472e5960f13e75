"""What comes in. Unknown members are refused, and every text and list has a limit."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from certrail.domain.access import Permission, ProductRole, Role
from certrail.domain.renewal import RenewalRule
from certrail.domain.search import CertificateFilter
from certrail_server.api.schemas.base import (
    Duration,
    In,
    Name,
    Reference,
    References,
    Slug,
    Span,
)


class PrincipalIn(In):
    """A user, group or machine identity to make."""

    slug: Slug
    name: Name
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)] | None = None
    product_role: ProductRole | None = None


class GroupIn(In):
    """A group to make."""

    slug: Slug
    name: Name
    members: References = Field(default_factory=list)


class ActiveIn(In):
    """Whether a principal may act."""

    active: bool


class PrincipalChangeIn(In):
    """What to change of a principal; what is left out stays."""

    name: Name | None = None
    product_role: ProductRole | None = None


class TokenIn(In):
    """A token to make. Without scopes it carries all that its owner may do."""

    principal: Reference
    name: Name
    scopes: Annotated[list[str], Field(max_length=len(Permission) * 2)] = Field(default_factory=list)
    lifetime: Duration | None = None


class RotationIn(In):
    """How long the present token holds beside the next one."""

    overlap: Span = timedelta(0)


class ApplicationIn(In):
    """An Application to make."""

    slug: Slug
    name: Name
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    profiles: References = Field(default_factory=list)


class ApplicationChangeIn(In):
    """What to change of an Application; what is left out stays."""

    slug: Slug | None = None
    name: Name | None = None
    description: Annotated[str, StringConstraints(max_length=2000)] | None = None


class MemberIn(In):
    """A role for a principal."""

    role: Role


class AttachIn(In):
    """A profile to attach."""

    profile: Reference


class ViewIn(In):
    """A search to give a name to."""

    slug: Slug
    name: Name
    filter: CertificateFilter


class ViewChangeIn(In):
    """What to change of a view; what is left out stays."""

    name: Name | None = None
    filter: CertificateFilter | None = None


class ApiEnrollmentIn(In):
    """How an Application may use a profile through the API, and how its certificates are renewed."""

    enabled: bool = True
    auto_renew: RenewalRule = Field(default_factory=RenewalRule)
