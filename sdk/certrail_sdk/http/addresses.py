"""Which addresses a request may reach: public ones, so that nobody uses us to look around inside."""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are the IPv4 address that is reached."""
PLATFORM = frozenset({IPv4Address("168.63.129.16")})
"""Public by its number, and inside all the same: Azure's host answers there, with certificates and configuration."""


class AddressRefused(Exception):
    """The host name leads to an address that is not public."""


async def resolve(host: str, port: int) -> tuple[str, ...]:
    """All addresses of the host, in the order of preference of the system."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host} is no host name") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


async def resolve_public(host: str, port: int) -> tuple[str, ...]:
    """The same, once every address was found to be public.

    Raises:
        AddressRefused: at least one is not. A name with both kinds is as good as an inside one.
    """
    addresses = await resolve(host, port)
    if not all(is_public(address) for address in addresses):
        # The address stays out: it would tell what the names inside lead to.
        raise AddressRefused(f"{host} does not lead to public addresses only")
    return addresses


def is_public(address: str) -> bool:
    """Whether packets to this address leave for the public internet."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        if parsed in NAT64:
            return _is_public(IPv4Address(int(parsed) & 0xFFFFFFFF))
        if parsed.ipv4_mapped or parsed.sixtofour or parsed.teredo or parsed.is_site_local:
            return False
    return _is_public(parsed)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if address in PLATFORM:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
