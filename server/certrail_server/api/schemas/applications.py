"""Applications, their members and profiles, and the end of one."""

from datetime import datetime

from pydantic import Field

from certrail.domain.access import Role
from certrail.domain.renewal import RenewalRule
from certrail_server.api.schemas.access import PrincipalKind
from certrail_server.api.schemas.base import (
    Description,
    Id,
    In,
    Listing,
    Name,
    Out,
    Reference,
    References,
    Slug,
)


class ApplicationIn(In):
    """An Application to create."""

    slug: Slug = Field(description="Unique name.")
    name: Name = Field(description="Name for people.")
    description: Description = Field(default="", description="What it is.")
    profiles: References = Field(
        default_factory=list, description="Slugs or ids of certificate profiles to attach."
    )


class ApplicationChangeIn(In):
    """What to change of an Application; what is left out stays."""

    slug: Slug | None = Field(default=None, description="Unique name.")
    name: Name | None = Field(default=None, description="Name for people.")
    description: Description | None = Field(default=None, description="What it is.")


class ApplicationOut(Out):
    """One service or workload, where a team works."""

    id: Id = Field(description="Id of the Application.")
    created_at: datetime = Field(description="When it was created.")
    slug: str = Field(description="Unique name.")
    name: str = Field(description="Name for people.")
    description: str = Field(description="What it is.")
    profiles: list[str] = Field(description="Slugs of the certificate profiles that are attached.")


class ApplicationList(Listing[ApplicationOut]):
    """Applications, by slug."""


class DeletionPreviewOut(Out):
    """What would be deleted with an Application."""

    counts: dict[str, int] = Field(description="How many objects of each kind.")
    warnings: list[str] = Field(description="What a person should know before.")
    confirm: str = Field(description="To be given as `confirm`; it changes with everything counted here.")


class MemberIn(In):
    """A role for a principal."""

    role: Role = Field(description="What the principal may do there.")


class MemberOut(Out):
    """A principal in an Application."""

    id: Id = Field(description="Id of the membership.")
    created_at: datetime = Field(description="When the principal became a member.")
    application_id: Id | None = Field(description="Id of the Application; null in the legacy scope.")
    principal_id: Id = Field(description="Id of the principal.")
    principal: str = Field(description="Slug of the principal.")
    kind: PrincipalKind = Field(description="What the principal is.")
    name: str = Field(description="Name of the principal.")
    email: str | None = Field(description="E-mail address of the principal.")
    active: bool = Field(description="Whether the principal may act.")
    role: Role = Field(description="What the principal may do there.")


class MemberList(Listing[MemberOut]):
    """Members, by slug."""


class AttachIn(In):
    """A profile to attach."""

    profile: Reference = Field(description="Slug or id of a certificate profile.")


class ApiEnrollmentIn(In):
    """How an Application may use a profile through the API, and how its certificates are renewed."""

    enabled: bool = Field(default=True, description="Whether certificates may be requested through the API.")
    auto_renew: RenewalRule = Field(
        default_factory=RenewalRule, description="How certificates are renewed automatically."
    )


class ApiEnrollmentOut(Out):
    """How an Application may use a profile through the API, and how its certificates are renewed."""

    enabled: bool = Field(description="Whether certificates may be requested through the API.")
    auto_renew: RenewalRule = Field(description="How certificates are renewed automatically.")


class AttachedProfileOut(Out):
    """A certificate profile in an Application."""

    application_id: Id = Field(description="Id of the Application.")
    profile_id: Id = Field(description="Id of the certificate profile.")
    profile: str = Field(description="Slug of the certificate profile.")
    name: str = Field(description="Name of the certificate profile.")
    api: ApiEnrollmentOut = Field(description="Enrollment through the API.")


class AttachedProfileList(Listing[AttachedProfileOut]):
    """Attached profiles, by slug."""
