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
    Patch,
    Reference,
    References,
    Slug,
    absent,
    examples,
)


class ApplicationIn(In):
    """An Application to create."""

    model_config = examples(
        {
            "slug": "checkout",
            "name": "Checkout",
            "description": "Payment pages and their API.",
            "profiles": ["web"],
        }
    )

    slug: Slug = Field(description="Unique name.")
    name: Name = Field(description="Name for people.")
    description: Description = Field(default="", description="What it is.")
    profiles: References = Field(
        default_factory=list, description="Slugs or ids of certificate profiles to attach."
    )


class ApplicationChangeIn(Patch):
    """What to change of an Application."""

    model_config = examples(
        {"slug": "storefront", "name": "Storefront", "description": "What customers see."}
    )

    slug: Slug = absent(description="Unique name.")
    name: Name = absent(description="Name for people.")
    description: Description = absent(description="What it is.")


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

    model_config = examples({"role": "operator"})

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

    model_config = examples({"profile": "internal"})

    profile: Reference = Field(description="Slug or id of a certificate profile.")


class ApiEnrollmentIn(In):
    """How an Application may use a profile through the API, and how its certificates are renewed."""

    model_config = examples(
        {
            "enabled": True,
            "auto_renew": {
                "enabled": True,
                "before": "15d",
                "windows": [
                    {
                        "days": ["mon", "tue", "wed", "thu"],
                        "begins": "09:00",
                        "ends": "16:30",
                        "zone": "Europe/Berlin",
                    }
                ],
                "freezes": [
                    {
                        "begins": "2099-12-20T00:00:00Z",
                        "ends": "2100-01-02T00:00:00Z",
                        "reason": "End of the year",
                    }
                ],
            },
        },
        {"auto_renew": {"fraction": 0.5}},
    )

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
