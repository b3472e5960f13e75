"""Which addresses validation connects to: public ones, and special-purpose ones that are allowed by name."""

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""The well-known prefix (RFC 6052 section 2.1): its last four octets are an IPv4 address."""


def is_allowed(address: Address, allowed: Sequence[str]) -> bool:
    """Whether validation may connect to an address.

    An address that embeds another one (IPv4-mapped, 6to4, Teredo, NAT64) is allowed only if that one is, too: a host
    or a gateway may unwrap it.

    Args:
        allowed: CIDRs of special-purpose addresses that may be connected to.
    """
    return all(_is_allowed(each, allowed) for each in (address, *_embedded(address)))


def _is_allowed(address: Address, allowed: Sequence[str]) -> bool:
    if any(address in ipaddress.ip_network(cidr) for cidr in allowed):
        return True
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address in NAT64):
        return True  # what it embeds decides
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _embedded(address: Address) -> list[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]
