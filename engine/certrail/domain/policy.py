"""The one policy function: asked at request, at approval and right before signing.

Every section has three states: left out (anything goes), empty (nothing goes), or rules (only these go). Powerful
certificates need a rule that names them: those of authorities, of OCSP responders, and for any extended usage.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from certrail.domain.content import (
    DEFAULT_EXTENDED_USAGES,
    POWERFUL_USAGES,
    BasicConstraints,
    ExtendedKeyUsage,
    KeyAlgorithm,
    KeyUsage,
    RequestContent,
    SignatureAlgorithm,
    Subject,
    signature_by,
    usages_of,
)
from certrail.domain.durations import Duration, format_duration
from certrail.domain.faults import refuse_too_many
from certrail.domain.patterns import covers, like, like_ignoring_case, with_few_asterisks

SAN_TYPES = ("dns", "ip", "email", "uri", "upn")
_MOST_RULES = 1000
_Pattern = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(with_few_asterisks)]
_Patterns = Annotated[list[_Pattern], Field(max_length=_MOST_RULES)]


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _few(cls, rules: Any, info: ValidationInfo) -> Any:
        refuse_too_many(cls, info.field_name, rules)
        return rules


class SubjectRules(_Rules):
    """Patterns per attribute; ``*`` matches any text. An attribute that no rule names is refused.

    Of domain components there may be several: each must be allowed, and one is enough for a required pattern.
    """

    required: dict[str, _Pattern | _Patterns] = Field(
        default_factory=dict,
        description="By attribute: must be there and match, each where several are named; it is then allowed, too.",
    )
    allowed: dict[str, _Patterns] = Field(
        default_factory=dict, description="By attribute: what may be there."
    )
    denied: dict[str, _Patterns] = Field(
        default_factory=dict,
        description="By attribute: what may not, whatever its case. Named here alone, all else is allowed.",
    )

    @field_validator("required", "allowed", "denied")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        if unknown := sorted(value.keys() - Subject.model_fields.keys()):
            known = ", ".join(sorted(Subject.model_fields))
            raise ValueError(f"unknown attributes: {', '.join(unknown)}; known: {known}")
        return value


class NameRules(_Rules):
    """Patterns for the names of one type: ``*`` matches any text, dots included; an IP pattern is a CIDR.

    So ``*.example.com`` allows names at any depth below example.com, and the wildcard names among them, since
    they cover nothing else. ``\\*`` is the asterisk itself: to deny ``\\*.*`` is to deny every wildcard.
    """

    required: _Patterns = Field(
        default_factory=list,
        description="Each pattern must be matched by a name; those names are then allowed, too.",
    )
    allowed: _Patterns | None = Field(
        default=None, description="What may be there; left out beside other rules, all that is not denied."
    )
    denied: _Patterns = Field(
        default_factory=list,
        description="What may not, whatever its case. A wildcard that covers a denied name is denied.",
    )

    def permitted(self) -> list[str] | None:
        """Patterns of all names that may be there; ``None`` for any."""
        if self.allowed is None and (self.required or self.denied):
            return None
        return [*self.required, *(self.allowed or ())]


class UsageRules(_Rules):
    """Usages that must be there, and all that may be."""

    required: list[KeyUsage] = Field(default_factory=list, description="Must be there.")
    allowed: list[KeyUsage] = Field(default_factory=list, description="May be there.")


class ExtendedUsageRules(_Rules):
    """Extended usages that must be there, and all that may be."""

    required: list[ExtendedKeyUsage] = Field(
        default_factory=list, description="Must be there: names or OIDs."
    )
    allowed: list[ExtendedKeyUsage] = Field(default_factory=list, description="May be there: names or OIDs.")


class BasicConstraintsRules(_Rules):
    """Whether certificates of authorities may be requested, and how many more may follow below them."""

    ca: Literal["forbidden", "allowed", "required"] = Field(
        default="forbidden", description="Whether the certificate may, or must, be an authority's."
    )
    max_path_length: int | None = Field(
        default=None, ge=0, le=10, description="The largest path length; null leaves the limit to the issuer."
    )


class PolicyRules(_Rules):
    """A certificate policy."""

    subject: SubjectRules | None = Field(default=None, description="Attributes of the subject.")
    sans: dict[str, NameRules] | None = Field(
        default=None, description="By type of name: dns, ip, email, uri or upn."
    )
    key_usages: UsageRules | None = Field(default=None, description="Key usages (RFC 5280 section 4.2.1.3).")
    extended_key_usages: ExtendedUsageRules | None = Field(
        default=None, description="Extended key usages (RFC 5280 section 4.2.1.12)."
    )
    key_algorithms: list[KeyAlgorithm] | None = Field(default=None, description="Algorithms of the key.")
    signature_algorithms: list[SignatureAlgorithm] | None = Field(
        default=None, description="Algorithms of the issuer's signature."
    )
    max_ttl: Duration | None = Field(default=None, description="The longest lifetime.")
    basic_constraints: BasicConstraintsRules = Field(
        default_factory=BasicConstraintsRules, description="Certificates of authorities."
    )

    @field_validator("sans")
    @classmethod
    def _sans(cls, value: dict[str, NameRules] | None) -> dict[str, NameRules] | None:
        for kind, rules in (value or {}).items():
            if kind not in SAN_TYPES:
                raise ValueError(f"unknown name type {kind!r}; known: {', '.join(SAN_TYPES)}")
            if kind == "ip":
                for pattern in (*(rules.allowed or ()), *rules.denied, *rules.required):
                    ipaddress.ip_network(pattern)
        return value


def default_extended_usages(rules: PolicyRules) -> tuple[str, ...]:
    """Those of a request that names none: of the defaults what the policy permits; all of them if it permits none."""
    section = rules.extended_key_usages
    if section is None:
        return DEFAULT_EXTENDED_USAGES
    permitted = {*section.required, *section.allowed}
    return tuple(usage for usage in DEFAULT_EXTENDED_USAGES if usage in permitted) or DEFAULT_EXTENDED_USAGES


class Violation(_Rules):
    """One reason for a refusal: which rule, what was offered, what it allows."""

    rule: str
    offered: str
    allowed: list[str]
    message: str


def decide(
    content: RequestContent,
    rules: PolicyRules,
    *,
    now: datetime,
    issuer_not_after: datetime | None,
    issuer_key_algorithm: KeyAlgorithm | None = None,
) -> list[Violation]:
    """Every violation at once; an empty list lets the request pass.

    Args:
        issuer_not_after: when the issuer's certificate ends; nothing outlives its issuer.
        issuer_key_algorithm: decides the signature; while it is unknown, rules on it refuse.
    """
    signature = signature_by(issuer_key_algorithm) if issuer_key_algorithm else None
    return [
        *_subject(content.subject, rules.subject),
        *_sans(content.sans.model_dump(), rules.sans),
        *_usages("key_usages", content.key_usages, rules.key_usages),
        *_impossible_usages(content.key_usages, content.key_algorithm),
        *_usages("extended_key_usages", content.extended_key_usages, rules.extended_key_usages),
        *_powerful_usages(content.extended_key_usages, rules.extended_key_usages),
        *_key_algorithm(content.key_algorithm, rules.key_algorithms),
        *_signature(content.signature_algorithm, signature, rules.signature_algorithms),
        *_lifetime(content.ttl_seconds, rules.max_ttl, now, issuer_not_after),
        *_authority(content.basic_constraints, rules.basic_constraints),
    ]


def _violation(rule: str, offered: object, allowed: Iterable[object], message: str) -> Violation:
    return Violation(rule=rule, offered=str(offered), allowed=[str(a) for a in allowed], message=message)


def _subject(offered: Subject, rules: SubjectRules | None) -> Iterator[Violation]:
    if rules is None:
        return
    given = {name: _each(value) for name, value in offered.model_dump(exclude_none=True).items() if value}
    for name, required in rules.required.items():
        values = given.get(name, ())
        for pattern in _each(required):
            if not any(like(value, [pattern]) for value in values):
                message = f"{name} must be given and match {pattern}"
                yield _violation(f"subject.{name}.required", ", ".join(values), [pattern], message)
    for name, values in given.items():
        for value in values:
            yield from _attribute(name, value, rules)


def _each(values: str | Sequence[str]) -> Sequence[str]:
    return (values,) if isinstance(values, str) else values


def _attribute(name: str, value: str, rules: SubjectRules) -> Iterator[Violation]:
    allowed = [*_each(rules.required.get(name, ())), *rules.allowed.get(name, ())]
    only_denied = name in rules.denied and name not in rules.required and name not in rules.allowed
    if like_ignoring_case(value, rules.denied.get(name, ())):
        message = f"{name} {value!r} matches a denied pattern; choose another"
        yield _violation(f"subject.{name}.denied", value, allowed, message)
    elif not only_denied and not like(value, allowed):
        yield _violation(f"subject.{name}.allowed", value, allowed, _refusal(f"{name} {value!r}", allowed))


def _sans(offered: Mapping[str, Sequence[str]], rules: Mapping[str, NameRules] | None) -> Iterator[Violation]:
    if rules is None:
        return
    for kind in SAN_TYPES:
        rule = rules.get(kind, NameRules())
        for name in offered[kind]:
            yield from _name(kind, name, rule)
        for pattern in rule.required:
            if not any(_matches(kind, name, [pattern]) for name in offered[kind]):
                message = f"a {kind} name that matches {pattern} is required; add one"
                yield _violation(f"sans.{kind}.required", ", ".join(offered[kind]), [pattern], message)


def _name(kind: str, name: str, rule: NameRules) -> Iterator[Violation]:
    permitted = rule.permitted()
    if _is_denied(kind, name, rule.denied):
        message = f"the {kind} name {name!r} matches a denied pattern; leave it out"
        yield _violation(f"sans.{kind}.denied", name, permitted or (), message)
    elif permitted is not None and not _matches(kind, name, permitted):
        message = _refusal(f"the {kind} name {name!r}", permitted)
        yield _violation(f"sans.{kind}.allowed", name, permitted, message)


def _usages(
    section: str, offered: Sequence[str], rules: UsageRules | ExtendedUsageRules | None
) -> Iterator[Violation]:
    if rules is None:
        return
    permitted = [*rules.required, *rules.allowed]
    for usage in rules.required:
        if usage not in offered:
            message = f"{usage} is required in {section}; add it"
            yield _violation(f"{section}.required", ", ".join(offered), rules.required, message)
    for usage in offered:
        if usage not in permitted:
            yield _violation(
                f"{section}.allowed", usage, permitted, _refusal(f"{usage} in {section}", permitted)
            )


def _powerful_usages(offered: Sequence[str], rules: ExtendedUsageRules | None) -> Iterator[Violation]:
    """What a section that is left out does not allow; where there is one, its own rules decide."""
    for usage in offered:
        if rules is None and usage in POWERFUL_USAGES:
            message = f"{usage} in extended_key_usages is not allowed; a rule of the policy must name it"
            yield _violation("extended_key_usages.powerful", usage, [], message)


def _impossible_usages(offered: Sequence[KeyUsage], key: KeyAlgorithm) -> Iterator[Violation]:
    possible = usages_of(key)
    for usage in offered:
        if usage not in possible:
            message = (
                f"a key of the algorithm {key} cannot be used for {usage}; leave it out, or choose another"
            )
            yield _violation("key_usages.key_algorithm", usage, possible, message)


def _key_algorithm(offered: KeyAlgorithm, allowed: Sequence[KeyAlgorithm] | None) -> Iterator[Violation]:
    if allowed is not None and offered not in allowed:
        message = _refusal(f"the key algorithm {offered}", allowed)
        yield _violation("key_algorithms", offered, allowed, message)


def _signature(
    desired: SignatureAlgorithm | None,
    by_issuer: SignatureAlgorithm | None,
    allowed: Sequence[SignatureAlgorithm] | None,
) -> Iterator[Violation]:
    known = [by_issuer] if by_issuer else []
    if desired and desired not in known:
        message = f"the issuer does not promise {desired} signatures; leave the signature algorithm out"
        yield _violation("issuer.signature_algorithm", desired, known, message)
    if allowed is not None and by_issuer not in allowed:
        what = f"the signature algorithm {by_issuer}" if by_issuer else "an unknown signature algorithm"
        yield _violation("signature_algorithms", by_issuer or "", allowed, _refusal(what, allowed))


def _lifetime(
    ttl_seconds: int, longest: timedelta | None, now: datetime, issuer_not_after: datetime | None
) -> Iterator[Violation]:
    ttl = timedelta(seconds=ttl_seconds)
    if longest is not None and ttl > longest:
        message = f"the lifetime is at most {format_duration(longest)}; ask for no more"
        yield _violation("max_ttl", format_duration(ttl), [format_duration(longest)], message)
    not_after = now + ttl
    if issuer_not_after is not None and not_after > issuer_not_after:
        limit = issuer_not_after.isoformat()
        message = f"it would outlive its issuer, which ends at {limit}; ask for a shorter lifetime"
        yield _violation("issuer.not_after", not_after.isoformat(), [limit], message)


def _authority(offered: BasicConstraints, rules: BasicConstraintsRules) -> Iterator[Violation]:
    if offered.ca and rules.ca == "forbidden":
        message = "a CA certificate is not allowed; ask for one that is no authority's"
        yield _violation("basic_constraints.ca", "ca", ["no ca"], message)
    elif not offered.ca and rules.ca == "required":
        message = "only CA certificates are allowed; ask for basic constraints with ca"
        yield _violation("basic_constraints.ca", "no ca", ["ca"], message)
    limit = rules.max_path_length
    if offered.ca and limit is not None and (offered.path_length is None or offered.path_length > limit):
        message = f"the path length is at most {limit}; ask for no more"
        given = "unlimited" if offered.path_length is None else offered.path_length
        yield _violation("basic_constraints.max_path_length", given, [limit], message)


def _refusal(what: str, allowed: Iterable[object]) -> str:
    permitted = ", ".join(str(a) for a in allowed)
    return f"{what} is not allowed; " + (f"allowed: {permitted}" if permitted else "nothing of its kind is")


def _matches(kind: str, name: str, patterns: Iterable[str]) -> bool:
    match kind:
        case "ip":
            address = ipaddress.ip_address(name)
            return any(address in _network(pattern) for pattern in patterns)
        case "uri":
            return like(name, patterns)
    return like_ignoring_case(name, patterns)


@lru_cache(maxsize=4096)
def _network(pattern: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(pattern)


def _is_denied(kind: str, name: str, patterns: Sequence[str]) -> bool:
    match kind:
        case "ip":
            return _matches(kind, name, patterns)
        case "dns":
            return covers(name, patterns)
    return like_ignoring_case(name, patterns)
