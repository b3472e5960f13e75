"""Principals, groups, tokens and sessions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints

from certrail.domain.access import Permission, ProductRole, Role
from certrail.persistence.tables import AccessToken
from certrail_server.api.schemas.base import (
    Duration,
    Id,
    In,
    Listing,
    Name,
    Out,
    Patch,
    Reference,
    References,
    Slug,
    Span,
    absent,
    examples,
)

Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)]
Scopes = Annotated[list[str], Field(max_length=len(Permission) * 2)]


class PrincipalKind(StrEnum):
    """What a principal is."""

    USER = "user"
    GROUP = "group"
    MACHINE = "machine"
    AGENT = "agent"
    ENROLLMENT = "enrollment"


class PrincipalIn(In):
    """A user or machine identity to create."""

    model_config = examples(
        {
            "slug": "carol",
            "name": "Carol Miller",
            "email": "carol@example.com",
            "product_role": "member",
        }
    )

    slug: Slug = Field(description="Unique name.")
    name: Name = Field(description="Name for people.")
    email: Email | None = Field(default=None, description="By which a user is found at sign-in.")
    product_role: ProductRole = Field(default=ProductRole.MEMBER, description="Role above the Applications.")


class GroupIn(In):
    """A group to create."""

    model_config = examples({"slug": "platform", "name": "Platform team", "members": ["alice", "deployer"]})

    slug: Slug = Field(description="Unique name.")
    name: Name = Field(description="Name for people.")
    members: References = Field(
        default_factory=list, description="Slugs, ids or e-mail addresses of users and machine identities."
    )


class PrincipalChangeIn(Patch):
    """What to change of a principal."""

    model_config = examples({"name": "Alice Miller", "product_role": "admin"})

    name: Name = absent(description="Name for people.")
    product_role: ProductRole = absent(description="Role above the Applications.")


class ActiveIn(In):
    """Whether a principal may act."""

    model_config = examples({"active": False})

    active: bool = Field(description="False: its tokens, sessions and memberships have no effect.")


class PrincipalOut(Out):
    """A user, a group, a machine identity, an agent or an enrollment client."""

    id: Id = Field(description="Id of the principal.")
    created_at: datetime = Field(description="When it was created.")
    kind: PrincipalKind = Field(description="What it is.")
    slug: str = Field(description="Unique name.")
    name: str = Field(description="Name for people.")
    email: str | None = Field(description="By which a user is found at sign-in.")
    product_role: ProductRole | None = Field(description="Role above the Applications; null of a group.")
    active: bool = Field(description="Whether it may act.")


class PrincipalList(Listing[PrincipalOut]):
    """Principals, by slug."""


class GroupOut(PrincipalOut):
    """A group with its members."""

    members: list[str] = Field(description="Slugs of its users and machine identities.")


class GroupList(Listing[GroupOut]):
    """Groups, by slug."""


class TokenIn(In):
    """A token to create."""

    model_config = examples(
        {
            "principal": "deployer",
            "name": "Deployment pipeline",
            "scopes": ["certificate:read", "request"],
            "lifetime": "90d",
        }
    )

    principal: Reference = Field(description="Slug, id or e-mail address of its owner.")
    name: Name = Field(description="What it is for.")
    scopes: Scopes = Field(
        default_factory=list,
        description="Permissions, or their nouns, that it is limited to; empty for all that its owner may do.",
    )
    lifetime: Duration | None = Field(
        default=None,
        description="How long it is valid; null is 90 days for a user, and no end for a machine identity.",
    )


class RotationIn(In):
    """How to replace a token."""

    model_config = examples({"overlap": "1h"})

    overlap: Span = Field(
        default=timedelta(0), description="How long the present token stays valid beside the next one."
    )


class TokenOut(Out):
    """A token, without its text."""

    id: Id = Field(description="Id of the token.")
    created_at: datetime = Field(description="When it was created.")
    principal_id: Id = Field(description="Id of its owner.")
    principal: str = Field(description="Slug of its owner.")
    name: str = Field(description="What it is for.")
    scopes: list[str] = Field(description="What it is limited to; empty for all that its owner may do.")
    lifetime: Span | None = Field(description="How long it is valid from its creation; null for ever.")
    expires_at: datetime | None = Field(description="Until when it is valid; null for ever.")
    revoked_at: datetime | None = Field(description="When it was revoked.")
    made_by: str | None = Field(description="Slug of who made it, where that is not its owner.")
    may_vote: bool = Field(description="Whether votes count that come with it: not if somebody else made it.")

    @classmethod
    def about(cls, row: AccessToken, principal: str, **more: Any) -> Self:
        """From a row and its owner's slug."""
        lifetime = row.expires_at - row.created_at if row.expires_at else None
        return cls.of(row, principal=principal, lifetime=lifetime, **more)


class NewTokenOut(TokenOut):
    """A token that was just created."""

    token: str | None = Field(
        description="Its text, in this answer only; null when the same call created it before."
    )


class TokenList(Listing[TokenOut]):
    """Tokens."""


class MeOut(Out):
    """Who calls."""

    id: Id | None = Field(description="Id of the principal.")
    kind: str = Field(description="What it is: user, machine or agent.")
    name: str = Field(description="Name for people.")
    product_role: ProductRole | None = Field(description="Role above the Applications.")
    scopes: list[str] = Field(description="What the token is limited to; empty for no limit.")
    permissions: list[Permission] = Field(description="What it may do with the product.")
    roles: dict[str, Role] = Field(
        description="Its role in each Application where it is a member, by slug;"
        " `GET /applications/{application}/permissions` says what it may do there."
    )
    may_vote: bool = Field(
        description="Whether its votes count: not with a token that somebody else made for it."
    )
    tokens_made_by_others: int = Field(
        description="How many tokens of it that are not revoked somebody else made; `GET /tokens` names them."
    )


class PermissionsOut(Out):
    """What the caller may do in a scope."""

    permissions: Sequence[Permission] = Field(description="With this token, there.")


class SessionOut(Out):
    """Who is signed in with this browser."""

    id: Id | None = Field(description="Id of the user.")
    name: str = Field(description="Name for people.")
    product_role: ProductRole | None = Field(description="Role above the Applications.")
    csrf_token: str = Field(description="What calls that change something show as `X-CSRF-Token`.")
    expires_at: datetime = Field(description="When the session ends.")
