"""What approval policies guard, what a vote is bound to, and the same content as an approver reads it.

Two different contents never look alike. A plain value is shown as it is; one that could be taken for another is
followed or replaced by its JSON escapes in quotes (RFC 8259 section 7): letters of other scripts that look like Latin
ones, characters without a width, repeated or outer blanks, and the commas and quotes that separate values in a list.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from certrail.domain.content import RequestContent, Subject
from certrail.domain.durations import format_duration
from certrail_sdk import Fact

AUTHORITY = "CERTIFICATE AUTHORITY"
"""Name of a CA certificate wherever somebody decides about one."""

_UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_SUBJECT = {
    "common_name": "Common name",
    "organization": "Organization",
    "organizational_unit": "Organizational unit",
    "country": "Country",
    "state": "State",
    "locality": "Locality",
    "domain_components": "Domain components",
}
_SANS = {
    "dns": "DNS names",
    "ip": "IP addresses",
    "email": "E-mail addresses",
    "uri": "URIs",
    "upn": "User principal names",
}
NONE = "(none)"
_OF_THE_KEY = frozenset({"csr", "key_algorithm"})
"""Members of a content that say which key is certified."""
_PLAIN = re.compile(r"[!#-+\--\[\]-~]+(?: [!#-+\--\[\]-~]+)*")
"""Printable ASCII without comma, quote and backslash; blanks only between words, and one at a time."""
_REORDERING = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "PDF", "PDI", "FSI"})


class GuardedAction(StrEnum):
    """An action that a policy may require approval for."""

    ISSUANCE = "issuance"
    REVOCATION = "revocation"


@dataclass(frozen=True, slots=True)
class ApprovedContent:
    """A request's content with everything else that the signature depends on.

    Attributes:
        renews: id of the certificate that the new one supersedes.
        same_key: whether it keeps that certificate's key.
        metadata: by name; deliveries and alerts are selected by it.
        account_id: the ACME account for whose orders it is, whatever key each has: no key is bound.
    """

    content: RequestContent
    profile_id: str
    profile_version: int
    policy_version: int
    application_id: str
    renews: str | None = None
    same_key: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    account_id: str | None = None

    def digest(self) -> str:
        """SHA-256, hex, over everything that a vote says yes to."""
        bound: dict[str, Any] = {
            "content": self.content.model_dump(mode="json"),
            "profile": [self.profile_id, self.profile_version],
            "policy_version": self.policy_version,
            "application": self.application_id,
            "renews": self.renews,
            "same_key": self.same_key,
            "metadata": dict(self.metadata),
        }
        if self.account_id is not None:
            bound["account"] = self.account_id
            bound["content"] = {
                name: value for name, value in bound["content"].items() if name not in _OF_THE_KEY
            }
        canonical = json.dumps(bound, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def facts(self, profile: str, application: str) -> Sequence[Fact]:
        """Everything that the digest covers: facts are equal only where digests are.

        Args:
            profile: name of the profile; unique, like its id.
            application: the same of the Application.
        """
        content = self.content
        pairs = (
            (
                "Certificate",
                authority_words(content.basic_constraints.ca, content.basic_constraints.path_length),
            ),
            *_subject(content.subject),
            *(
                (f"{_SANS[kind]} ({len(names)})", unambiguous_list(names))
                for kind, names in content.sans
                if names
            ),
            ("Key usages", unambiguous_list(content.key_usages)),
            ("Extended key usages", unambiguous_list(content.extended_key_usages)),
            *self._key(),
            *([("Signature", str(content.signature_algorithm))] if content.signature_algorithm else []),
            ("Lifetime", lifetime_words(content.ttl_seconds)),
            ("Profile", f"{profile}, version {self.profile_version}, policy version {self.policy_version}"),
            ("Application", application),
            *([("Renews", self.renews)] if self.renews else []),
            *(
                (f"Metadata {unambiguous(name)}", unambiguous(value))
                for name, value in sorted(self.metadata.items())
            ),
        )
        return [Fact(label=label, value=value) for label, value in pairs]

    def _key(self) -> Iterator[tuple[str, str]]:
        if self.account_id is not None:
            held = "made and held by the client; it may change until the certificate is issued"
            yield "Key", f"{held}, and gets those of the key usages that it can do"
            return
        csr = self.content.csr
        holder = "held by the requester" if csr else "made and held by certrail"
        same = ", the same as before" if self.same_key else ""
        yield "Key", f"{self.content.key_algorithm}, {holder}{same}"
        if csr:
            yield "CSR (SHA-256)", hashlib.sha256(csr.encode()).hexdigest()


def authority_words(ca: bool, path_length: int | None) -> str:
    """Whether a certificate is an authority's, and how long a path it allows (RFC 5280 section 4.2.1.9)."""
    if not ca:
        return "end entity"
    return f"{AUTHORITY}, " + ("any path length" if path_length is None else f"path length {path_length}")


def name_in_title(name: str | None) -> str:
    """Name of a certificate in the title of a question."""
    return unambiguous(name) if name else "(no name)"


def lifetime_words(ttl_seconds: int) -> str:
    """A lifetime, exact to the second, in the largest unit that fits: ``90 days``, ``36 hours``."""
    text = format_duration(timedelta(seconds=ttl_seconds))
    number, unit = text[:-1], _UNITS[text[-1]]
    return f"{number} {unit}{'' if number == '1' else 's'}"


def _subject(subject: Subject) -> Iterator[tuple[str, str]]:
    for name, label in _SUBJECT.items():
        if value := getattr(subject, name):
            yield label, unambiguous(value) if isinstance(value, str) else unambiguous_list(value)


def unambiguous(value: str) -> str:
    """One value. ``Müller`` becomes ``Müller ("M\\u00fcller")``, and ``a, b`` becomes ``"a, b"``."""
    if _PLAIN.fullmatch(value) and value != NONE:
        return value
    quoted = re.sub(r"(?<= ) ", lambda _: "\\u0020", json.dumps(value))
    # Text that runs from right to left would reorder what stands beside it, so only its escapes are shown.
    readable = value.isprintable() and not any(
        unicodedata.bidirectional(char) in _REORDERING for char in value
    )
    return quoted if value.isascii() or not readable else f"{' '.join(value.split())} ({quoted})"


def unambiguous_list(values: Iterable[str]) -> str:
    """Several values, in their order."""
    return ", ".join(map(unambiguous, values)) or NONE


class Named(Protocol):
    """A row that people refer to."""

    name: str
    slug: str


def reference(row: Named) -> str:
    """A row by its name and slug; the slug at the end is unique."""
    return unambiguous(row.name) if row.name == row.slug else f"{unambiguous(row.name)} ({row.slug})"
