"""Events of certificate policies and profiles."""

from dataclasses import dataclass

from certrail.domain.events.base import Event, Facts


class PolicyEvent(Event, subject="policy"):
    """About one certificate policy."""


class ProfileEvent(Event, subject="profile"):
    """About one certificate profile."""


@dataclass(frozen=True, kw_only=True)
class PolicyCreated(PolicyEvent, type="policy.created", title="Policy created: {name}"):
    """A certificate policy was created."""

    slug: str
    rules: Facts


@dataclass(frozen=True, kw_only=True)
class PolicyUpdated(PolicyEvent, type="policy.updated", title="Policy changed: {name}"):
    """A certificate policy was renamed, or has other rules."""

    before: Facts
    after: Facts


@dataclass(frozen=True, kw_only=True)
class PolicyDeleted(PolicyEvent, type="policy.deleted", title="Policy deleted: {name}"):
    """A certificate policy that no profile uses was deleted."""

    slug: str
    rules: Facts


@dataclass(frozen=True, kw_only=True)
class ProfileFacts(ProfileEvent):
    """Base of the events that give a profile as it is; `ttl_seconds` is the lifetime of what it issues."""

    slug: str
    name: str
    issuer_type: str
    ca_id: str | None
    policy_id: str
    defaults: Facts
    ttl_seconds: int
    legacy_enrollment: Facts | None


@dataclass(frozen=True, kw_only=True)
class ProfileCreated(ProfileFacts, type="profile.created", title="Profile created: {name}"):
    """A certificate profile was created."""


@dataclass(frozen=True, kw_only=True)
class ProfileUpdated(ProfileEvent, type="profile.updated", title="Profile changed: {name}"):
    """A certificate profile was changed."""

    before: Facts
    after: Facts


@dataclass(frozen=True, kw_only=True)
class ProfileDeleted(ProfileFacts, type="profile.deleted", title="Profile deleted: {name}"):
    """A certificate profile that was never used was deleted."""
