"""What the API takes and answers: access.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime

from certrail_client.base import Body, OpenEnum, Secret, default
from certrail_client.models.enums import Permission, PrincipalKind, Role


class ActiveIn(Body):
    """Whether a principal may act."""

    active: bool
    """False: its tokens, sessions and memberships have no effect."""


class GroupIn(Body):
    """A group to create."""

    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    members: list[str] | None = None
    """Slugs, ids or e-mail addresses of users and machine identities."""


class GroupList(Body):
    """Groups, by slug."""

    items: list[GroupOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class GroupOut(Body):
    """A group with its members."""

    id: str
    """Id of the principal."""
    created_at: datetime
    """When it was created."""
    kind: PrincipalKind
    """What it is."""
    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    email: str | None
    """By which a user is found at sign-in."""
    product_role: ProductRole | None
    """Role above the Applications; null of a group."""
    active: bool
    """Whether it may act."""
    members: list[str]
    """Slugs of its users and machine identities."""


class MeOut(Body):
    """Who calls."""

    id: str | None
    """Id of the principal."""
    kind: str
    """What it is: user, machine or agent."""
    name: str
    """Name for people."""
    product_role: ProductRole | None
    """Role above the Applications."""
    scopes: list[str]
    """What the token is limited to; empty for no limit."""
    permissions: list[Permission]
    """What it may do with the product."""
    roles: dict[str, Role]
    """Its role in each Application where it is a member, by slug; `GET
    /applications/{application}/permissions` says what it may do there.
    """
    may_vote: bool
    """Whether its votes count: not with a token that somebody else made for it."""
    tokens_made_by_others: int
    """How many tokens of it that are not revoked somebody else made; `GET /tokens` names them."""


class NewTokenOut(Body):
    """A token that was just created."""

    id: str
    """Id of the token."""
    created_at: datetime
    """When it was created."""
    principal_id: str
    """Id of its owner."""
    principal: str
    """Slug of its owner."""
    name: str
    """What it is for."""
    scopes: list[str]
    """What it is limited to; empty for all that its owner may do."""
    lifetime: str | None
    """How long it is valid from its creation; null for ever."""
    expires_at: datetime | None
    """Until when it is valid; null for ever."""
    revoked_at: datetime | None
    """When it was revoked."""
    made_by: str | None
    """Slug of who made it, where that is not its owner."""
    may_vote: bool
    """Whether votes count that come with it: not if somebody else made it."""
    token: Secret | None
    """Its text, in this answer only; null when the same call created it before."""


class ObjectIdList(Body):
    """All objects with such an id that the caller may read, at most 20 of a kind; give more digits to see
    fewer.
    """

    items: list[ObjectIdOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class ObjectIdOut(Body):
    """One object with such an id."""

    kind: str
    """Kind of the object, such as `certificate` or `delivery`."""
    id: str
    """Its whole id."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""


class PrincipalChangeIn(Body):
    """What to change of a principal."""

    name: str | None = None
    """Name for people."""
    product_role: ProductRole | None = None
    """Role above the Applications."""


class PrincipalIn(Body):
    """A user or machine identity to create."""

    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    email: str | None = None
    """By which a user is found at sign-in."""
    product_role: ProductRole = default("member")
    """Role above the Applications."""


class PrincipalList(Body):
    """Principals, by slug."""

    items: list[PrincipalOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class PrincipalOut(Body):
    """A user, a group, a machine identity, an agent or an enrollment client."""

    id: str
    """Id of the principal."""
    created_at: datetime
    """When it was created."""
    kind: PrincipalKind
    """What it is."""
    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    email: str | None
    """By which a user is found at sign-in."""
    product_role: ProductRole | None
    """Role above the Applications; null of a group."""
    active: bool
    """Whether it may act."""


class ProductRole(OpenEnum):
    """A role above the Applications."""

    ADMIN = "admin"
    MEMBER = "member"


class RotationIn(Body):
    """How to replace a token."""

    overlap: str = "0s"
    """How long the present token stays valid beside the next one."""


class SavedViewIn(Body):
    """A filter of a list of the console to keep under a name."""

    list: ViewedList
    """The list that it is a filter of."""
    application: str | None = None
    """Slug or id of the Application whose list it is; null for a list of all."""
    name: str
    """Name for its owner; a view of the same list with the same name is replaced."""
    filter: dict[str, str] | None = None
    """What the page filters by, as in its address."""


class SavedViewList(Body):
    """Saved views, by name."""

    items: list[SavedViewOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class SavedViewOut(Body):
    """A filter of a list of the console that its owner keeps under a name."""

    id: str
    """Id of the saved view."""
    created_at: datetime
    """When it was kept first."""
    list: ViewedList
    """The list that it is a filter of."""
    application: str | None
    """Slug of the Application; null for a list of all."""
    name: str
    """Name for its owner."""
    filter: dict[str, str]
    """What the page filters by, as in its address."""


class TokenIn(Body):
    """A token to create."""

    principal: str
    """Slug, id or e-mail address of its owner."""
    name: str
    """What it is for."""
    scopes: list[str] | None = None
    """Permissions, or their nouns, that it is limited to; empty for all that its owner may do."""
    lifetime: str | None = None
    """How long it is valid; null is 90 days for a user, and no end for a machine identity."""


class TokenList(Body):
    """Tokens."""

    items: list[TokenOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class TokenOut(Body):
    """A token, without its text."""

    id: str
    """Id of the token."""
    created_at: datetime
    """When it was created."""
    principal_id: str
    """Id of its owner."""
    principal: str
    """Slug of its owner."""
    name: str
    """What it is for."""
    scopes: list[str]
    """What it is limited to; empty for all that its owner may do."""
    lifetime: str | None
    """How long it is valid from its creation; null for ever."""
    expires_at: datetime | None
    """Until when it is valid; null for ever."""
    revoked_at: datetime | None
    """When it was revoked."""
    made_by: str | None
    """Slug of who made it, where that is not its owner."""
    may_vote: bool
    """Whether votes count that come with it: not if somebody else made it."""


class ViewedList(OpenEnum):
    """A list of the console."""

    CERTIFICATES = "certificates"
    REQUESTS = "requests"
    APPROVALS = "approvals"
    EVENTS = "events"
    PRINCIPALS = "principals"
