"""DNS queries: by the system's resolvers, or by those that an enrollment names."""

import ipaddress
from collections.abc import Sequence

from dns import asyncresolver, rdatatype

from certrail.domain.acme import IdentifierType
from certrail.domain.endpoints.addresses import Address
from certrail.network import lookup
from certrail.services.enrollment.validation.outcome import CheckFailed, Probe, listed


async def addresses_of(probe: Probe, host: str) -> list[Address]:
    """The addresses of a host that may be connected to.

    Args:
        host: the name of the identifier, or one that a redirect leads to; an IP address stands for itself.

    Raises:
        CheckFailed: there is none (``dns``), or none that is allowed (``connection``).
    """
    settings = probe.settings
    try:
        return await lookup.addresses_of(host, settings.allowed_networks, settings.resolvers)
    except lookup.LookupFailed as problem:
        raise CheckFailed("dns", str(problem)) from None
    except lookup.AddressRefused as refused:
        raise CheckFailed(
            "connection",
            f"{host} has no address that may be connected to: {listed(refused.found)} is private or has a special"
            " purpose.",
        ) from None


async def txt_records(probe: Probe, name: str) -> Sequence[set[str]]:
    """The TXT records of a name, as each resolver sees them.

    Raises:
        CheckFailed: a resolver does not answer, or knows no such record.
    """
    views: list[set[str]] = []
    for asked in _resolvers(probe.settings.resolvers):
        try:
            answer = await lookup.query(asked, name, rdatatype.TXT)
        except lookup.LookupFailed as problem:
            raise CheckFailed("dns", str(problem)) from None
        views.append({b"".join(record.strings).decode("ascii", "replace") for record in answer})
    return views


def resolver_words(probe: Probe, number: int) -> str:
    """Which resolver a view is of, for a person; nothing where the system's are asked."""
    resolvers = probe.settings.resolvers
    return f" at the resolver {resolvers[number]}" if resolvers else ""


def _resolvers(named: Sequence[str]) -> list[asyncresolver.Resolver]:
    """One for each named server, or one for all of the system's."""
    return [lookup.resolver_of([each]) for each in named] or [lookup.resolver_of(())]


def reverse_name(probe: Probe) -> str:
    """The name for SNI: that of the identifier, or of an address its reverse mapping (RFC 8738 section 6)."""
    if probe.identifier_type is IdentifierType.IP:
        return ipaddress.ip_address(probe.value).reverse_pointer
    return probe.value
