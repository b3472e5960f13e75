"""The project export: one JSON document with every object of a project, in a format of its own.

The format is versioned and independent of the HTTP API: an API change never invalidates a file that was written down.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from certrail.domain.errors import CertrailError
from certrail.domain.faults import message_of
from certrail.services.migration.parts import (
    Alert,
    ApprovalPolicy,
    Authority,
    Certificate,
    Channel,
    Connection,
    Member,
    Policy,
    Profile,
    Project,
    Sync,
)
from certrail.services.migration.types import MAX_CERTIFICATES, MAX_OBJECTS, Part

FORMAT, VERSION = "certrail-project-export", 1
MAX_FAULTS = 20
"""Faults that one error message lists."""


def _objects() -> Any:
    return Field(default_factory=list, max_length=MAX_OBJECTS)


class ProjectExport(Part):
    """One project. Objects refer to each other by slug, certificates by id; references resolve within the file."""

    format: Literal["certrail-project-export"]
    version: Literal[1]
    project: Project
    members: list[Member] = _objects()
    authorities: list[Authority] = _objects()
    policies: list[Policy] = _objects()
    profiles: list[Profile] = _objects()
    connections: list[Connection] = _objects()
    certificates: Annotated[list[Certificate], Field(max_length=MAX_CERTIFICATES)] = Field(
        default_factory=list
    )
    channels: list[Channel] = _objects()
    approval_policies: list[ApprovalPolicy] = _objects()
    syncs: list[Sync] = _objects()
    alerts: list[Alert] = _objects()

    @model_validator(mode="after")
    def _consistent(self) -> "ProjectExport":
        if faults := [*self._dangling(), *self._duplicates(), *self._broken_successions()][:MAX_FAULTS]:
            raise ValueError("; ".join(faults))
        return self

    def _dangling(self) -> Iterator[str]:
        """References to objects that are not in the file."""
        named = {
            "member": {m.slug for m in self.members},
            "authority": {a.slug for a in self.authorities},
            "policy": {p.slug for p in self.policies},
            "profile": {p.slug for p in self.profiles},
            "connection": {c.slug for c in self.connections},
            "certificate": {c.id for c in self.certificates},
            "channel": {c.slug for c in self.channels},
        }
        for user, kind, name in self._references():
            if name is not None and name not in named[kind]:
                yield f"{user} names the {kind} {name!r}, which is not in the export"

    def _references(self) -> Iterator[tuple[str, str, str | None]]:
        """Each reference: the object that holds it, the kind it refers to, and the name."""
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

    def _duplicates(self) -> Iterator[str]:
        """Slugs and ids that two objects of one kind share."""
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

    def _broken_successions(self) -> Iterator[str]:
        """Renewals that form no chain from a first certificate to a current one: a fork, or a cycle."""
        successors = [c.renewed_by for c in self.certificates if c.renewed_by is not None]
        if twice := list(_repeated("renewed_by of the certificates", successors)):
            yield from twice
            return
        reached = {c.id for c in self.oldest_first()}
        for certificate in self.certificates:
            if certificate.id not in reached:
                yield f"certificate {certificate.id} is, by way of its successors, renewed by itself"

    def oldest_first(self) -> list[Certificate]:
        """The certificates in an order in which each follows the one it replaced."""
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
        """By id of a certificate: the id of the one it replaced."""
        return {c.renewed_by: c.id for c in self.certificates if c.renewed_by is not None}


def _repeated(where: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{where} holds {name!r} twice"
        seen.add(name)


NOUNS = {"ca": "authority", "approval_policy": "approval policy"}
"""Names of kinds that the audit log calls otherwise."""


def name_of(part: Any) -> str:
    """Slug or id of an object of the export."""
    return str(getattr(part, "slug", None) or getattr(part, "id", ""))


def fault_of(kind: str, part: Any, wrong: CertrailError) -> str:
    """A refusal with the object and field that caused it, so that a person finds them in the file."""
    field = wrong.extra.get("field")
    return f"{name_of(part)} among the {kind}{f', {field}' if field else ''}: {wrong.detail}"


def faults_of(document: Any, wrong: ValidationError) -> list[str]:
    """Schema violations with the slug or id of the object; values are left out, since keys are among them."""
    faults = wrong.errors(include_input=False, include_url=False, include_context=False)
    return [
        f"{_location(document, fault['loc'])}: {message_of(fault, ProjectExport)}".removeprefix(": ")
        for fault in faults
    ]


def _location(document: Any, where: tuple[int | str, ...]) -> str:
    """The location of a fault; an object without slug or id is named by its position."""
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
    """The format as JSON Schema (draft 2020-12)."""
    described = ProjectExport.model_json_schema()
    title = f"{FORMAT} version {VERSION}"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described, "title": title}
