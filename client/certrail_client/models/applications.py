"""What the API takes and answers: applications.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime

from certrail_client.base import Body
from certrail_client.models.common import AttachedProfileOut
from certrail_client.models.enums import Permission, PrincipalKind, Role


class ApplicationChangeIn(Body):
    """What to change of an Application."""

    slug: str | None = None
    """Unique name."""
    name: str | None = None
    """Name for people."""
    description: str | None = None
    """What it is."""


class ApplicationIn(Body):
    """An Application to create."""

    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    description: str = ""
    """What it is."""
    profiles: list[str] | None = None
    """Slugs or ids of certificate profiles to attach."""


class ApplicationList(Body):
    """Applications, by slug."""

    items: list[ApplicationOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class ApplicationOut(Body):
    """One service or workload, where a team works."""

    id: str
    """Id of the Application."""
    created_at: datetime
    """When it was created."""
    slug: str
    """Unique name."""
    name: str
    """Name for people."""
    description: str
    """What it is."""
    profiles: list[str]
    """Slugs of the certificate profiles that are attached."""


class AttachIn(Body):
    """A profile to attach."""

    profile: str
    """Slug or id of a certificate profile."""


class AttachedProfileList(Body):
    """Attached profiles, by slug."""

    items: list[AttachedProfileOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class DeletionPreviewOut(Body):
    """What would be deleted with an Application."""

    counts: dict[str, int]
    """How many objects of each kind."""
    warnings: list[str]
    """What a person should know before."""
    confirm: str
    """To be given as `confirm`; it changes with everything counted here."""


class MemberIn(Body):
    """A role for a principal."""

    role: Role
    """What the principal may do there."""


class MemberList(Body):
    """Members, by slug."""

    items: list[MemberOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class MemberOut(Body):
    """A principal in an Application."""

    id: str
    """Id of the membership."""
    created_at: datetime
    """When the principal became a member."""
    application_id: str | None
    """Id of the Application; null in the legacy scope."""
    principal_id: str
    """Id of the principal."""
    principal: str
    """Slug of the principal."""
    kind: PrincipalKind
    """What the principal is."""
    name: str
    """Name of the principal."""
    email: str | None
    """E-mail address of the principal."""
    active: bool
    """Whether the principal may act."""
    role: Role
    """What the principal may do there."""


class PermissionsOut(Body):
    """What the caller may do in a scope."""

    permissions: list[Permission]
    """With this token, there."""
