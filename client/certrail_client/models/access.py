"""What the API takes and answers: access.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from certrail_client.base import Body, OpenEnum


class ActiveIn(Body):
    """Whether a principal may act."""

    active: bool


class GroupIn(Body):
    """A group to make."""

    slug: str
    name: str
    members: list[str] | None = None


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
    """What to change of a principal; what is left out stays."""

    name: str | None = None
    product_role: ProductRole | None = None


class PrincipalIn(Body):
    """A user, group or machine identity to make."""

    slug: str
    name: str
    email: str | None = None
    product_role: ProductRole | None = None


class ProductRole(OpenEnum):
    """A role above the Applications."""

    ADMIN = "admin"
    MEMBER = "member"


class RotationIn(Body):
    """How long the present token holds beside the next one."""

    overlap: str = "PT0S"


class TokenIn(Body):
    """A token to make. Without scopes it carries all that its owner may do."""

    principal: str
    name: str
    scopes: list[str] | None = None
    lifetime: str | None = None
