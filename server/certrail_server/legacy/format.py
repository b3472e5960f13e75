"""The export of a project of the older model: everything in it, in one JSON document.

Its parts are what the API takes, with what only an existing project has: private keys, and where certificates are.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from certrail.domain.access import Role
from certrail_server.api.alert_shapes import AlertIn, ChannelIn
from certrail_server.api.approval_shapes import ApprovalPolicyIn
from certrail_server.api.product_shapes import ConnectionIn, LegacyEnrollment, PolicyIn, ProfileIn
from certrail_server.api.shapes import (
    In,
    Name,
    Patterns,
    Pem,
    Reference,
    References,
    Slug,
    SyncIn,
)

FORMAT = "certrail-legacy/1"
MOST_CERTIFICATES = 100_000
MOST = 10_000

Ident = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class Project(In):
    """The project that was exported."""

    slug: Slug
    name: Name


class Member(In):
    """Somebody with a role in the project. A group names its members, who are listed before it."""

    kind: Literal["user", "group", "machine"]
    slug: Slug
    name: Name
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)] | None = None
    role: Role | None = None
    members: References = Field(default_factory=list)


class Authority(In):
    """An authority with its private key, PKCS#8 PEM, so that it goes on signing."""

    slug: Slug
    name: Name
    certificate: Pem
    chain: Pem = ""
    private_key: Annotated[SecretStr, Field(max_length=20_000)]


class Profile(ProfileIn):
    """A profile with the enrollment that was its own; `ca` names an authority, `policy` a certificate policy."""

    enrollment: LegacyEnrollment


class Certificate(In):
    """A certificate. `id` is that of the older project: the rest of the export names it so."""

    id: Ident
    certificate: Pem
    chain: Pem = ""
    private_key: Annotated[SecretStr, Field(max_length=20_000)] | None = None
    profile: Reference | None = None
    metadata: Annotated[dict[str, str], Field(max_length=50)] = Field(default_factory=dict)


class Alert(AlertIn):
    """An alert of the project."""

    enabled: bool = True


class Selection(In):
    """Which certificates a sync carries; empty means all of the project."""

    certificates: Annotated[list[Ident], Field(max_length=MOST)] = Field(default_factory=list)
    profiles: References = Field(default_factory=list)
    names: Patterns = Field(default_factory=list)
    metadata: Annotated[dict[str, str], Field(max_length=20)] = Field(default_factory=dict)


class Delivered(In):
    """Where a sync has put a certificate; `reference` is the object's own name there, such as an ARN."""

    certificate: Ident
    object_name: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    reference: Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Sync(SyncIn):
    """A sync with what it has delivered, so that nothing is put there a second time."""

    selection: Selection = Field(default_factory=Selection)  # type: ignore[assignment]
    delivered: Annotated[list[Delivered], Field(max_length=MOST_CERTIFICATES)] = Field(default_factory=list)


class Export(In):
    """One project. Parts name each other by slug, certificates by id; whatever is named must be in the export."""

    format: Literal["certrail-legacy/1"]
    project: Project
    members: Annotated[list[Member], Field(max_length=MOST)] = Field(default_factory=list)
    authorities: Annotated[list[Authority], Field(max_length=MOST)] = Field(default_factory=list)
    policies: Annotated[list[PolicyIn], Field(max_length=MOST)] = Field(default_factory=list)
    profiles: Annotated[list[Profile], Field(max_length=MOST)] = Field(default_factory=list)
    connections: Annotated[list[ConnectionIn], Field(max_length=MOST)] = Field(default_factory=list)
    certificates: Annotated[list[Certificate], Field(max_length=MOST_CERTIFICATES)] = Field(
        default_factory=list
    )
    channels: Annotated[list[ChannelIn], Field(max_length=MOST)] = Field(default_factory=list)
    approval_policies: Annotated[list[ApprovalPolicyIn], Field(max_length=MOST)] = Field(default_factory=list)
    syncs: Annotated[list[Sync], Field(max_length=MOST)] = Field(default_factory=list)
    alerts: Annotated[list[Alert], Field(max_length=MOST)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if faults := [*self._missing(), *self._twice()][:20]:
            raise ValueError("; ".join(faults))
        return self

    def _missing(self) -> Iterator[str]:
        """Names that stand for nothing in the export."""
        named = {
            "member": {m.slug for m in self.members},
            "authority": {a.slug for a in self.authorities},
            "policy": {p.slug for p in self.policies},
            "profile": {p.slug for p in self.profiles},
            "connection": {c.slug for c in self.connections},
            "certificate": {c.id for c in self.certificates},
            "channel": {c.slug for c in self.channels},
        }
        for user, kind, name in self._uses():
            if name is not None and name not in named[kind]:
                yield f"{user} names the {kind} {name!r}, which is not in the export"

    def _uses(self) -> Iterator[tuple[str, str, str | None]]:
        for member in self.members:
            yield from ((f"member {member.slug}", "member", name) for name in member.members)
        for profile in self.profiles:
            yield f"profile {profile.slug}", "authority", profile.ca
            yield f"profile {profile.slug}", "policy", profile.policy
        for certificate in self.certificates:
            yield f"certificate {certificate.id}", "profile", certificate.profile
        for channel in self.channels:
            yield f"channel {channel.slug}", "connection", channel.connection
        for policy in self.approval_policies:
            who = f"approval policy {policy.slug}"
            yield from ((who, "profile", name) for name in policy.profiles)
            yield from ((who, "member", name) for step in policy.steps for name in step.approvers)
            yield from ((who, "channel", name) for step in policy.steps for name in step.channels)
        for sync in self.syncs:
            who = f"sync {sync.slug}"
            yield who, "connection", sync.connection
            yield from ((who, "profile", name) for name in sync.selection.profiles)
            yield from ((who, "certificate", name) for name in sync.selection.certificates)
            yield from ((who, "certificate", known.certificate) for known in sync.delivered)
        for alert in self.alerts:
            yield from ((f"alert {alert.slug}", "channel", name) for name in alert.channels)

    def _twice(self) -> Iterator[str]:
        """Names that stand for two things."""
        by_slug: Sequence[tuple[str, Sequence[Any]]] = (
            ("members", self.members),
            ("authorities", self.authorities),
            ("policies", self.policies),
            ("profiles", self.profiles),
            ("connections", self.connections),
            ("channels", self.channels),
            ("approval_policies", self.approval_policies),
            ("syncs", self.syncs),
            ("alerts", self.alerts),
        )
        for where, parts in by_slug:
            yield from _repeated(where, (part.slug for part in parts))
        yield from _repeated("certificates", (part.id for part in self.certificates))


def _repeated(where: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{where} holds {name!r} twice"
        seen.add(name)


def schema() -> dict[str, Any]:
    """The format as JSON Schema."""
    described = Export.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": FORMAT, **described}
