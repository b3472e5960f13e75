"""DNS queries: by the system's resolvers, or by those that an enrollment names."""

import ipaddress
from collections.abc import Sequence

from dns import asyncresolver, exception, nameserver, rdatatype, resolver

from certrail.domain.acme import IdentifierType
from certrail.domain.enrollment import resolver_address
from certrail.services.enrollment.validation.addresses import Address, is_allowed
from certrail.services.enrollment.validation.outcome import CheckFailed, Probe, listed

QUERY_SECONDS = 5.0
MOST_ADDRESSES = 8
"""Of one name: the others are not tried."""


async def addresses_of(probe: Probe, host: str) -> list[Address]:
    """The addresses of a host that may be connected to, at most `MOST_ADDRESSES`.

    Args:
        host: the name of the identifier, or one that a redirect leads to; an IP address stands for itself.

    Raises:
        CheckFailed: there is none (``dns``), or none that is allowed (``connection``).
    """
    found = [literal] if (literal := _literal(host)) else await _resolved(probe, host)
    allowed = [address for address in found if is_allowed(address, probe.settings.allowed_networks)]
    if not allowed:
        raise CheckFailed(
            "connection",
            f"{host} has no address that may be connected to: {listed(found)} is private or has a special purpose.",
        )
    return allowed[:MOST_ADDRESSES]


async def txt_records(probe: Probe, name: str) -> Sequence[set[str]]:
    """The TXT records of a name, as each resolver sees them.

    Raises:
        CheckFailed: a resolver does not answer, or knows no such record.
    """
    views: list[set[str]] = []
    for asked in _resolvers(probe.settings.resolvers):
        answer = await _query(asked, name, rdatatype.TXT)
        views.append({b"".join(record.strings).decode("ascii", "replace") for record in answer})
    return views


def resolver_words(probe: Probe, number: int) -> str:
    """Which resolver a view is of, for a person; nothing where the system's are asked."""
    resolvers = probe.settings.resolvers
    return f" at the resolver {resolvers[number]}" if resolvers else ""


async def _resolved(probe: Probe, host: str) -> list[Address]:
    asked = _together(probe.settings.resolvers)
    found: list[Address] = []
    problems: list[CheckFailed] = []
    for kind in (rdatatype.AAAA, rdatatype.A):
        try:
            found += [ipaddress.ip_address(record.address) for record in await _query(asked, host, kind)]
        except CheckFailed as problem:
            problems.append(problem)
    if not found:
        raise problems[-1]
    return found


async def _query(asked: asyncresolver.Resolver, name: str, kind: rdatatype.RdataType) -> resolver.Answer:
    try:
        return await asked.resolve(f"{name}.", kind, lifetime=QUERY_SECONDS, search=False)
    except resolver.NXDOMAIN:
        raise CheckFailed("dns", f"There is no name {name} in DNS.") from None
    except resolver.NoAnswer:
        raise CheckFailed("dns", f"{name} has no {kind.name} record.") from None
    except (exception.DNSException, OSError) as fault:
        raise CheckFailed("dns", f"Looking up {name} failed: {type(fault).__name__}.") from None


def _resolvers(named: Sequence[str]) -> list[asyncresolver.Resolver]:
    """One for each named server, or one for all of the system's."""
    return [_together([each]) for each in named] or [_together(())]


def _together(named: Sequence[str]) -> asyncresolver.Resolver:
    found = asyncresolver.Resolver(configure=not named)
    if named:
        found.nameservers = [nameserver.Do53Nameserver(*resolver_address(each)) for each in named]
    return found


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def reverse_name(probe: Probe) -> str:
    """The name for SNI: that of the identifier, or of an address its reverse mapping (RFC 8738 section 6)."""
    if probe.identifier_type is IdentifierType.IP:
        return ipaddress.ip_address(probe.value).reverse_pointer
    return probe.value
