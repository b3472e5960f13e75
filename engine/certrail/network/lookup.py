"""DNS queries, and the addresses of a host that may be connected to."""

import ipaddress
from collections.abc import Collection, Sequence

from dns import asyncresolver, exception, nameserver, rdatatype, resolver

from certrail.domain.endpoints.addresses import Address, is_allowed, literal
from certrail.domain.enrollment import resolver_address

QUERY_SECONDS = 5.0
MOST_ADDRESSES = 8
"""Of one name: the others are not tried."""


class LookupFailed(Exception):
    """A name has no such record, or nobody answers; the text says which, for a person."""


class AddressRefused(Exception):
    """No address of a host may be connected to.

    Attributes:
        found: the addresses, which are left out where the reader is not to learn them.
    """

    def __init__(self, host: str, found: Sequence[Address]) -> None:
        super().__init__(host)
        self.host, self.found = host, found


async def addresses_of(
    host: str, allowed_networks: Collection[str], resolvers: Sequence[str] = ()
) -> list[Address]:
    """The addresses of a host that may be connected to, at most `MOST_ADDRESSES`; connect to these, not to the name.

    Args:
        host: a name, or an IP address, which stands for itself.
        allowed_networks: CIDRs of special-purpose addresses that may be connected to.
        resolvers: DNS servers; none for those of the system.

    Raises:
        LookupFailed: it has none.
        AddressRefused: none of them is allowed.
    """
    found = [address] if (address := literal(host)) else await _resolved(host, resolvers)
    allowed = [address for address in found if is_allowed(address, allowed_networks)]
    if not allowed:
        raise AddressRefused(host, found)
    return allowed[:MOST_ADDRESSES]


async def query(asked: asyncresolver.Resolver, name: str, kind: rdatatype.RdataType) -> resolver.Answer:
    """One question. Raises LookupFailed."""
    try:
        return await asked.resolve(f"{name}.", kind, lifetime=QUERY_SECONDS, search=False)
    except resolver.NXDOMAIN:
        raise LookupFailed(f"There is no name {name} in DNS.") from None
    except resolver.NoAnswer:
        raise LookupFailed(f"{name} has no {kind.name} record.") from None
    except (exception.DNSException, OSError) as fault:
        raise LookupFailed(f"Looking up {name} failed: {type(fault).__name__}.") from None


def resolver_of(named: Sequence[str]) -> asyncresolver.Resolver:
    """One that asks these servers; the system's where none is named."""
    found = asyncresolver.Resolver(configure=not named)
    if named:
        found.nameservers = [nameserver.Do53Nameserver(*resolver_address(each)) for each in named]
    return found


async def _resolved(host: str, resolvers: Sequence[str]) -> list[Address]:
    asked = resolver_of(resolvers)
    found: list[Address] = []
    problems: list[LookupFailed] = []
    for kind in (rdatatype.AAAA, rdatatype.A):
        try:
            found += [ipaddress.ip_address(record.address) for record in await query(asked, host, kind)]
        except LookupFailed as problem:
            problems.append(problem)
    if not found:
        raise problems[-1]
    return found
