"""Events of principals, groups, tokens, sessions and refused calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from certrail.domain.events.base import Event, Facts
from certrail_sdk import Severity


class PrincipalEvent(Event, subject="principal"):
    """About a user, a machine identity or a group."""


@dataclass(frozen=True, kw_only=True)
class PrincipalCreated(PrincipalEvent, type="principal.created", title="Principal created: {name}"):
    """A user, machine identity or group was added; `by` is `sign-in` where its first sign-in did it."""

    kind: str
    name: str
    product_role: str | None = None
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class PrincipalUpdated(PrincipalEvent, type="principal.updated", title="Principal changed: {name}"):
    """Name or product role changed."""

    before: Facts
    after: Facts


@dataclass(frozen=True, kw_only=True)
class PrincipalActivated(PrincipalEvent, type="principal.activated", title="Principal activated: {name}"):
    """Its tokens, roles and votes count again."""

    name: str


@dataclass(frozen=True, kw_only=True)
class PrincipalDeactivated(
    PrincipalEvent, type="principal.deactivated", title="Principal deactivated: {name}"
):
    """Its tokens, roles and votes count no longer."""

    name: str


@dataclass(frozen=True, kw_only=True)
class PrincipalLinked(PrincipalEvent, type="principal.linked", title="Sign-in linked: {name}"):
    """A user was linked with a subject of an OpenID Connect provider."""

    issuer: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class ChatIdentityLinked(PrincipalEvent, type="chat_identity.linked", title="Chat account linked: {name}"):
    """A user was linked with an account of a chat system."""

    notifier: str
    sender: str


@dataclass(frozen=True, kw_only=True)
class GroupJoined(PrincipalEvent, type="group.joined", title="Joined a group: {name}"):
    """The principal became a member of a group."""

    group: str
    group_id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class GroupLeft(PrincipalEvent, type="group.left", title="Left a group: {name}"):
    """The principal is no longer a member of a group."""

    group: str
    group_id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class SessionStarted(PrincipalEvent, type="session.started", title="Signed in: {name}"):
    """A user signed in with a browser."""

    name: str
    issuer: str


@dataclass(frozen=True, kw_only=True)
class SignInLinkCreated(
    Event, type="sign_in_link.created", title="Sign-in link made for {name}", subject="sign_in_link"
):
    """A link that signs a browser in once was made on the machine of the installation."""

    name: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class SessionEnded(PrincipalEvent, type="session.ended", title="Signed out: {name}"):
    """A user signed out."""


@dataclass(frozen=True, kw_only=True)
class SessionRefused(Event, type="session.refused", title="Sign-in refused: {name}", subject="oidc"):
    """The provider vouches for somebody who is no active user."""

    subject: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class TokenCreated(Event, type="token.created", title="API token created: {name}", subject="token"):
    """An API token was created."""

    name: str
    owner: str
    scopes: Sequence[str] | None


@dataclass(frozen=True, kw_only=True)
class TokenMadeForOther(
    PrincipalEvent,
    type="token.made_for_other",
    title="API token made for somebody else: {name}",
    severity=Severity.WARNING,
    alertable=True,
    shared=True,
    product_wide=True,
):
    """A Product Admin made, or rotated, a token of another principal, whose text they have seen; it casts no vote.

    Attributes:
        slug: of the owner, who sees the maker in `GET /tokens`, too.
        token: name of the token.
    """

    slug: str
    token: str
    token_id: str
    made_by: str


@dataclass(frozen=True, kw_only=True)
class TokenRotated(Event, type="token.rotated", title="API token rotated: {name}", subject="token"):
    """A token got a successor, and is itself accepted until `holds_until`."""

    name: str
    holds_until: datetime


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(Event, type="token.revoked", title="API token revoked: {name}", subject="token"):
    """A token is not accepted any more."""

    name: str


@dataclass(frozen=True, kw_only=True)
class AccessRefused(Event, type="access.refused", title="Call refused: {name}", subject="route"):
    """A caller was refused a call; `repeats` counts the others at the same route since the last such event."""

    permission: str | None
    method: str
    reason: str
    repeats: int = 0


@dataclass(frozen=True, kw_only=True)
class AccessUnauthenticated(
    Event,
    type="access.unauthenticated",
    title="Call without valid credentials: {name}",
    subject="remote",
):
    """A call without valid credentials came from an address; `repeats` counts the others since the last such event."""

    method: str
    path: str
    reason: str
    repeats: int
