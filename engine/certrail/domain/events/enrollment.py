"""Events of enrollment: secrets of clients, and what serves them."""

from dataclasses import dataclass
from datetime import datetime

from certrail.domain.events.base import Event


class EnrollmentSecretEvent(Event, subject="enrollment_secret"):
    """About a passphrase of EST or a challenge of SCEP; `profile` is the slug of its profile."""


@dataclass(frozen=True, kw_only=True)
class EnrollmentSecretCreated(
    EnrollmentSecretEvent, type="enrollment_secret.created", title="Enrollment secret created: {name}"
):
    """A passphrase or a challenge was created; its text was shown once."""

    method: str
    kind: str
    name: str
    profile: str
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class EnrollmentSecretRevoked(
    EnrollmentSecretEvent, type="enrollment_secret.revoked", title="Enrollment secret revoked: {name}"
):
    """A passphrase or a challenge is refused from now on."""

    method: str
    kind: str
    name: str
    profile: str


@dataclass(frozen=True, kw_only=True)
class EnrollmentChallengeUsed(
    EnrollmentSecretEvent, type="enrollment_secret.used", title="One-time challenge used: {name}"
):
    """A one-time challenge was used for a certificate request, and is refused from now on."""

    name: str
    request_id: str


class AgentEvent(Event, subject="agent"):
    """About the agent of one host; `profile` is the slug of its profile."""


@dataclass(frozen=True, kw_only=True)
class AgentCreated(AgentEvent, type="agent.created", title="Agent created: {name}"):
    """A one-time token for the agent of a host was created; its text was shown once."""

    name: str
    profile: str
    names: list[str]
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class AgentEnrolled(AgentEvent, type="agent.enrolled", title="Agent enrolled: {name}"):
    """The one-time token was used: the agent acts as a principal of its own from now on."""

    name: str
    profile: str
    principal_id: str


@dataclass(frozen=True, kw_only=True)
class AgentDeleted(AgentEvent, type="agent.deleted", title="Agent deleted: {name}"):
    """The agent is refused from now on; its certificates stay valid."""

    name: str
    profile: str
    principal_id: str | None


@dataclass(frozen=True, kw_only=True)
class ScepRaMade(Event, type="scep_ra.made", title="SCEP certificate made: {profile}", subject="enrollment"):
    """The authority signed the certificate to which SCEP clients of an enrollment encrypt their requests."""

    profile: str
    serial: str
    not_after: datetime
