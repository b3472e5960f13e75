"""Events of Applications, their members and their profiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from certrail.domain.events.base import Event, Facts


class ApplicationEvent(Event, subject="application"):
    """About one Application."""


class MemberEvent(Event, subject="principal"):
    """About a principal's role in an Application."""


class AttachedProfileEvent(Event, subject="profile"):
    """About a profile in an Application."""


@dataclass(frozen=True, kw_only=True)
class ApplicationCreated(ApplicationEvent, type="application.created", title="Application created: {name}"):
    """An Application was created."""

    slug: str
    name: str


@dataclass(frozen=True, kw_only=True)
class ApplicationUpdated(ApplicationEvent, type="application.updated", title="Application changed: {name}"):
    """Slug, name or description changed."""

    before: Facts
    after: Facts


@dataclass(frozen=True, kw_only=True)
class ApplicationDeleted(ApplicationEvent, type="application.deleted", title="Application deleted: {name}"):
    """An Application was deleted with everything in it; `counts` says how much of what."""

    slug: str
    name: str
    counts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class MemberSet(MemberEvent, type="member.set", title="Member's role set: {name}"):
    """A principal got a role in an Application, or another one than `before`."""

    before: str | None
    role: str


@dataclass(frozen=True, kw_only=True)
class MemberRemoved(MemberEvent, type="member.removed", title="Member removed: {name}"):
    """A principal has no role in an Application any more."""

    name: str


@dataclass(frozen=True, kw_only=True)
class ProfileAttached(AttachedProfileEvent, type="profile.attached", title="Profile attached: {name}"):
    """An Application may use a profile."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class ProfileDetached(AttachedProfileEvent, type="profile.detached", title="Profile detached: {name}"):
    """An Application may use a profile no longer."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class EnrollmentUpdated(AttachedProfileEvent, type="enrollment.updated", title="Enrollment changed: {name}"):
    """How an Application enrolls by a profile and one method changed."""

    method: str
    before: Facts | None
    after: Facts
