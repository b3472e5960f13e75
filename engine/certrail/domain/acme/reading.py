"""Identifiers and contacts as a client gives them, checked and normalised."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from certrail.domain import formats
from certrail.domain.acme.identifier import Identifier, IdentifierType
from certrail.domain.acme.problem import AcmeProblem, Subproblem
from certrail.domain.enrollment import ChallengeType

MOST_IDENTIFIERS = 100
"""Of one order."""
MOST_CONTACTS = 10
LONGEST_CONTACT = 256
LONGEST_VALUE = 253
"""Characters of an identifier (RFC 1035 section 2.3.4, without the root)."""


def identifiers_of(given: Any) -> list[Identifier]:
    """The identifiers of an order, normalised, each once, in the order of the client.

    Raises:
        AcmeProblem: ``malformed`` for another shape, ``unsupportedIdentifier`` or ``rejectedIdentifier`` for names;
            with a subproblem each where several are given.
    """
    if not isinstance(given, list) or not given:
        raise AcmeProblem("malformed", "Give the identifiers as a list with at least one member.")
    if len(given) > MOST_IDENTIFIERS:
        raise AcmeProblem("malformed", f"An order has at most {MOST_IDENTIFIERS} identifiers.")
    found: dict[Identifier, None] = {}
    wrong: list[Subproblem] = []
    for item in given:
        try:
            found[_identifier(item)] = None
        except _Refused as refusal:
            wrong.append(refusal.problem)
    if wrong:
        kinds = {problem.kind for problem in wrong}
        kind = kinds.pop() if len(kinds) == 1 else "rejectedIdentifier"
        details = "; ".join(problem.detail for problem in wrong[:5])
        raise AcmeProblem(kind, details, subproblems=wrong)
    return list(found)


class _Refused(Exception):
    def __init__(self, problem: Subproblem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def _identifier(item: Any) -> Identifier:
    if not isinstance(item, Mapping) or not all(
        isinstance(item.get(name), str) for name in ("type", "value")
    ):
        raise AcmeProblem("malformed", "An identifier is an object with the texts `type` and `value`.")
    kind, value = item["type"], item["value"]
    if len(value) > LONGEST_VALUE or len(kind) > LONGEST_VALUE:
        raise AcmeProblem("malformed", f"An identifier has at most {LONGEST_VALUE} characters.")
    if kind not in set(IdentifierType):
        shown = Identifier(IdentifierType.DNS, value)
        raise _Refused(
            Subproblem(shown, "unsupportedIdentifier", f"Identifiers of type {kind!r} are not served.")
        )
    typed = IdentifierType(kind)
    try:
        if typed is IdentifierType.IP:
            return Identifier(typed, formats.ip_address(value))
        if _is_address(value):
            raise ValueError(f"{value!r} is an IP address; order it with the type ip (RFC 8738)")
        return Identifier(typed, formats.dns_name(value))
    except ValueError as fault:
        raise _Refused(Subproblem(Identifier(typed, value), "rejectedIdentifier", f"{fault}.")) from None


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value.strip("[]"))
    except ValueError:
        return False
    return True


def challenges_for(identifier: Identifier, offered: Sequence[ChallengeType]) -> list[ChallengeType]:
    """The challenges that can show control of an identifier.

    A wildcard is shown by DNS only (RFC 8555 section 8.4), an IP address never by DNS (RFC 8738 section 7).
    """
    if identifier.wildcard:
        possible = {ChallengeType.DNS, ChallengeType.DNS_ACCOUNT, ChallengeType.DNS_PERSIST}
    elif identifier.type is IdentifierType.IP:
        possible = {ChallengeType.HTTP, ChallengeType.TLS_ALPN}
    else:
        possible = set(ChallengeType)
    return [kind for kind in offered if kind in possible]


def names_key(identifiers: Sequence[Identifier]) -> str:
    """Identifiers as one text that is equal for equal sets."""
    return " ".join(f"{item.type}:{item.value}" for item in sorted(identifiers))


def contacts_of(given: Any) -> list[str]:
    """The contacts of an account: e-mail addresses as ``mailto:`` URLs.

    Raises:
        AcmeProblem: ``invalidContact`` or ``unsupportedContact`` (RFC 8555 section 7.3).
    """
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise AcmeProblem("malformed", "Contacts are a list of texts.")
    if len(given) > MOST_CONTACTS:
        raise AcmeProblem("invalidContact", f"An account has at most {MOST_CONTACTS} contacts.")
    for text in given:
        scheme, _, address = text.partition(":")
        if scheme != "mailto":
            raise AcmeProblem("unsupportedContact", "Contacts are mailto URLs.")
        try:
            if len(text) > LONGEST_CONTACT or "?" in address or "," in address:
                raise ValueError
            formats.email_address(address)
        except ValueError:
            raise AcmeProblem(
                "invalidContact", "A contact is one e-mail address, as mailto:name@example.com."
            ) from None
    return list(dict.fromkeys(given))
