"""The one policy function: asked at request, at approval and right before signing.

Every section has three states: left out (anything goes), empty (nothing goes), or rules (only these go).
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from certrail.domain.content import KeyAlgorithm, KeyUsage, RequestContent

SAN_TYPES = ("dns", "ip", "email", "uri", "upn")


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SubjectRules(_Rules):
    """Patterns per attribute, ``*`` standing for any text. An attribute that no rule names is refused."""

    required: dict[str, str] = Field(default_factory=dict)
    allowed: dict[str, list[str]] = Field(default_factory=dict)
    denied: dict[str, list[str]] = Field(default_factory=dict)

    @field_validator("required", "allowed", "denied")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        known = {"common_name", "organization", "organizational_unit", "country", "state", "locality"}
        if unknown := sorted(value.keys() - known):
            raise ValueError(f"unknown attributes: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        return value


class NameRules(_Rules):
    """Patterns for the names of one type: ``*`` in text stands for any text, an IP pattern is a CIDR."""

    allowed: list[str] | None = None
    denied: list[str] = Field(default_factory=list)
    required: list[str] = Field(default_factory=list)


class UsageRules(_Rules):
    """Usages that must be there, and all that may be."""

    required: list[str] = Field(default_factory=list)
    allowed: list[str] = Field(default_factory=list)


class PolicyRules(_Rules):
    """A certificate policy."""

    subject: SubjectRules | None = None
    sans: dict[str, NameRules] | None = None
    key_usages: UsageRules | None = None
    extended_key_usages: UsageRules | None = None
    key_algorithms: list[KeyAlgorithm] | None = None
    max_ttl_seconds: int | None = Field(default=None, gt=0)

    @field_validator("sans")
    @classmethod
    def _sans(cls, value: dict[str, NameRules] | None) -> dict[str, NameRules] | None:
        for kind, rules in (value or {}).items():
            if kind not in SAN_TYPES:
                raise ValueError(f"unknown name type {kind!r}; known: {', '.join(SAN_TYPES)}")
            if kind == "ip":
                for pattern in (*(rules.allowed or ()), *rules.denied, *rules.required):
                    ipaddress.ip_network(pattern, strict=False)
        return value

    @field_validator("key_usages")
    @classmethod
    def _usages(cls, value: UsageRules | None) -> UsageRules | None:
        if value and (unknown := sorted({*value.required, *value.allowed} - set(KeyUsage))):
            raise ValueError(f"unknown key usages: {', '.join(unknown)}")
        return value


class Violation(_Rules):
    """One reason for a refusal: which rule, what was offered, what it allows."""

    rule: str
    offered: str
    allowed: list[str]
    message: str


def decide(
    content: RequestContent, rules: PolicyRules, *, now: datetime, issuer_not_after: datetime | None
) -> list[Violation]:
    """Every violation at once; an empty list lets the request pass."""
    return [
        *_subject(content.subject.model_dump(exclude_none=True), rules.subject),
        *_sans(content.sans.model_dump(), rules.sans),
        *_usages("key_usages", content.key_usages, rules.key_usages),
        *_usages("extended_key_usages", content.extended_key_usages, rules.extended_key_usages),
        *_key_algorithm(content.key_algorithm, rules.key_algorithms),
        *_lifetime(content.ttl_seconds, rules.max_ttl_seconds, now, issuer_not_after),
    ]


def _violation(rule: str, offered: object, allowed: Iterable[object], message: str) -> Violation:
    return Violation(rule=rule, offered=str(offered), allowed=[str(a) for a in allowed], message=message)


def _subject(offered: Mapping[str, str], rules: SubjectRules | None) -> list[Violation]:
    if rules is None:
        return []
    found = []
    for name, pattern in rules.required.items():
        if not _like(offered.get(name, ""), [pattern]):
            found.append(
                _violation(
                    f"subject.{name}.required",
                    offered.get(name, ""),
                    [pattern],
                    f"{name} must match {pattern}",
                )
            )
    for name, value in offered.items():
        allowed = [*rules.allowed.get(name, ()), *([rules.required[name]] if name in rules.required else [])]
        if _like(value, rules.denied.get(name, ())):
            found.append(
                _violation(
                    f"subject.{name}.denied", value, allowed, f"{name} {value!r} matches a denied pattern"
                )
            )
        elif not _like(value, allowed) and not (name in rules.denied and not allowed):
            found.append(
                _violation(f"subject.{name}.allowed", value, allowed, f"{name} {value!r} is not allowed")
            )
    return found


def _sans(offered: Mapping[str, Sequence[str]], rules: Mapping[str, NameRules] | None) -> list[Violation]:
    if rules is None:
        return []
    found = []
    for kind in SAN_TYPES:
        rule = rules.get(kind)
        names = offered.get(kind, ())
        allowed = [] if rule is None else rule.allowed
        for name in names:
            if rule is not None and _matches(kind, name, rule.denied):
                found.append(
                    _violation(
                        f"sans.{kind}.denied", name, allowed or (), f"{name!r} matches a denied pattern"
                    )
                )
            elif allowed is not None and not _matches(kind, name, allowed):
                found.append(
                    _violation(
                        f"sans.{kind}.allowed", name, allowed, f"{name!r} is not an allowed {kind} name"
                    )
                )
        for pattern in rule.required if rule else ():
            if not any(_matches(kind, name, [pattern]) for name in names):
                found.append(
                    _violation(
                        f"sans.{kind}.required",
                        ", ".join(names),
                        [pattern],
                        f"no {kind} name matches {pattern}",
                    )
                )
    return found


def _usages(section: str, offered: Sequence[str], rules: UsageRules | None) -> list[Violation]:
    if rules is None:
        return []
    allowed = [*rules.required, *rules.allowed]
    missing = [
        _violation(
            f"{section}.required", ", ".join(offered), rules.required, f"{usage} is required in {section}"
        )
        for usage in rules.required
        if usage not in offered
    ]
    extra = [
        _violation(f"{section}.allowed", usage, allowed, f"{usage} is not allowed in {section}")
        for usage in offered
        if usage not in allowed
    ]
    return missing + extra


def _key_algorithm(offered: KeyAlgorithm, allowed: Sequence[KeyAlgorithm] | None) -> list[Violation]:
    if allowed is None or offered in allowed:
        return []
    return [_violation("key_algorithms", offered, allowed, f"the key algorithm {offered} is not allowed")]


def _lifetime(
    ttl_seconds: int, longest: int | None, now: datetime, issuer_not_after: datetime | None
) -> list[Violation]:
    found = []
    if longest is not None and ttl_seconds > longest:
        found.append(
            _violation(
                "max_ttl_seconds", ttl_seconds, [longest], f"the lifetime is at most {longest} seconds"
            )
        )
    not_after = now + timedelta(seconds=ttl_seconds)
    if issuer_not_after is not None and not_after > issuer_not_after:
        limit = issuer_not_after.isoformat()
        found.append(
            _violation(
                "issuer.not_after", not_after.isoformat(), [limit], f"it would outlive its issuer ({limit})"
            )
        )
    return found


def _matches(kind: str, name: str, patterns: Iterable[str]) -> bool:
    if kind == "ip":
        address = ipaddress.ip_address(name)
        return any(address in ipaddress.ip_network(pattern, strict=False) for pattern in patterns)
    if kind == "dns":
        return any(_dns_like(name, pattern) for pattern in patterns)
    return _like(name, patterns)


def _dns_like(name: str, pattern: str) -> bool:
    """A leading ``*.`` stands for any labels, at least one; it does not permit a wildcard name unless the
    pattern's own text is that name."""
    name, pattern = name.lower(), pattern.lower()
    if name == pattern:
        return True
    return not name.startswith("*.") and _glob(pattern).fullmatch(name) is not None


def _like(value: str, patterns: Iterable[str]) -> bool:
    return any(_glob(pattern).fullmatch(value) for pattern in patterns)


def _glob(pattern: str) -> re.Pattern[str]:
    # Only `*` is special: the other signs of shell patterns are ordinary characters in names.
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
