"""The export of a project of the older model: everything in it, in one JSON document.

Its parts are what the API takes, with what only an existing project has: private keys, and where certificates are.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, SecretStr, StringConstraints, ValidationError, model_validator

from certrail.domain.access import Role
from certrail.domain.errors import CertrailError
from certrail.domain.faults import message_of
from certrail.domain.search import Serial
from certrail.pki.revocation import Reason
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
MOST_CRL_NUMBER = 2**53
"""So that any JSON reader takes it as it is."""

MOST_FAULTS = 20
"""Told at once."""

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


class RevokedSerial(In):
    """A certificate that is not in the export, and is revoked or on hold (`certificateHold`) until it ends."""

    serial: Serial
    revoked_at: AwareDatetime
    reason: Reason = Reason.UNSPECIFIED
    not_after: AwareDatetime | None = Field(
        default=None, description="until when it is listed; left out, as long as the authority lasts"
    )


class Authority(In):
    """An authority with its private key, PKCS#8 PEM, so that it goes on signing, and all that it has revoked.

    Revoked certificates that are in the export are listed by themselves.
    """

    slug: Slug
    name: Name
    certificate: Pem
    chain: Pem = ""
    private_key: Annotated[SecretStr, Field(max_length=20_000)]
    crl_number: int | None = Field(
        default=None, ge=0, le=MOST_CRL_NUMBER, description="of the last list that was published"
    )
    revoked: Annotated[list[RevokedSerial], Field(max_length=MOST_CERTIFICATES)] = Field(default_factory=list)


class Profile(ProfileIn):
    """A profile with the enrollment that was its own; `ca` names an authority, `policy` a certificate policy."""

    enrollment: LegacyEnrollment


class Certificate(In):
    """A certificate. `id` is that of the older project: the rest of the export names it so.

    One that was renewed is superseded by `renewed_by`; that one has ended is not said but seen.
    """

    id: Ident
    certificate: Pem
    chain: Pem = ""
    private_key: Annotated[SecretStr, Field(max_length=20_000)] | None = None
    profile: Reference | None = None
    metadata: Annotated[dict[str, str], Field(max_length=50)] = Field(default_factory=dict)
    status: Literal["active", "held", "revoked"] = "active"
    revoked_at: AwareDatetime | None = None
    revocation_reason: Reason | None = None
    renewed_by: Ident | None = Field(default=None, description="id of the certificate that took its place")
    auto_renew: bool | None = Field(
        default=None, description="against the rule of its profile; left out, the rule says"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.status == "active") != (self.revoked_at is None):
            raise ValueError("revoked_at is given with the status revoked or held, and only then")
        if self.status == "active" and self.revocation_reason is not None:
            raise ValueError("one that is active has no revocation_reason")
        on_hold = self.revocation_reason is Reason.CERTIFICATE_HOLD
        if on_hold != (self.status == "held") and self.revocation_reason is not None:
            raise ValueError("the status held and the revocation_reason certificateHold belong together")
        return self

    def reason(self) -> Reason:
        """Why it is revoked or on hold."""
        default = Reason.CERTIFICATE_HOLD if self.status == "held" else Reason.UNSPECIFIED
        return self.revocation_reason or default


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
        if faults := [*self._missing(), *self._twice(), *self._wrong_successors()][:MOST_FAULTS]:
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
            yield f"certificate {certificate.id}", "certificate", certificate.renewed_by
        for channel in self.channels:
            yield f"channel {channel.slug}", "connection", channel.connection
            yield f"channel {channel.slug}", "channel", channel.fallback
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
            who = f"alert {alert.slug}"
            yield from ((who, "channel", name) for name in alert.channels)
            yield from ((who, "channel", name) for step in alert.escalation for name in step.channels)
            yield from ((who, "profile", name) for name in alert.filters.profiles)

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

    def _wrong_successors(self) -> Iterator[str]:
        """Renewals that are no line from a first certificate to a present one."""
        successors = [c.renewed_by for c in self.certificates if c.renewed_by is not None]
        if twice := list(_repeated("renewed_by of the certificates", successors)):
            yield from twice
            return
        reached = {c.id for c in self.oldest_first()}
        for certificate in self.certificates:
            if certificate.id not in reached:
                yield f"certificate {certificate.id} is, by way of its successors, renewed by itself"

    def oldest_first(self) -> list[Certificate]:
        """The certificates, each after the one whose place it took."""
        known = {c.id: c for c in self.certificates}
        found: list[Certificate] = []
        for first in self.certificates:
            one = first if first.id not in self.replaced else None
            while one is not None:
                found.append(one)
                one = known.get(one.renewed_by) if one.renewed_by else None
        return found

    @cached_property
    def replaced(self) -> dict[str, str]:
        """By certificate: whose place it took."""
        return {c.renewed_by: c.id for c in self.certificates if c.renewed_by is not None}


def _repeated(where: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{where} holds {name!r} twice"
        seen.add(name)


NOUNS = {"ca": "authority", "approval_policy": "approval policy"}
"""Of kinds that the record calls otherwise."""


def name_of(part: Any) -> str:
    """What the export calls one of its parts."""
    return str(getattr(part, "slug", None) or getattr(part, "id", ""))


def told_of(kind: str, part: Any, wrong: CertrailError) -> str:
    """What is wrong with a part, for a person who looks for it in the export."""
    field = wrong.extra.get("field")
    return f"{name_of(part)} among the {kind}{f', {field}' if field else ''}: {wrong.detail}"


def faults_of(document: Any, wrong: ValidationError) -> list[str]:
    """What keeps a document from being an export, by the names that it gives its parts; no value is shown."""
    faults = wrong.errors(include_input=False, include_url=False, include_context=False)
    return [
        f"{_place(document, fault['loc'])}: {message_of(fault, Export)}".removeprefix(": ")
        for fault in faults
    ]


def _place(document: Any, where: tuple[int | str, ...]) -> str:
    """Where a fault is; a part without a name is called by its number."""
    number = where[1] if len(where) > 1 else None
    if not isinstance(number, int):
        return ".".join(str(step) for step in where)
    kind, _, *field = where
    part = document[kind][number]
    name = (part.get("slug") or part.get("id")) if isinstance(part, dict) else None
    shown = name if isinstance(name, str) else f"number {number + 1}"
    inside = ".".join(str(step) for step in field)
    return f"{shown} among the {str(kind).replace('_', ' ')}{f', {inside}' if inside else ''}"


def schema() -> dict[str, Any]:
    """The format as JSON Schema."""
    described = Export.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": FORMAT, **described}
