"""Which addresses are connected to where others name the host: public ones, and those of networks that are allowed."""

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""The well-known prefix (RFC 6052 section 2.1): its last four octets are an IPv4 address."""
PLATFORM = ipaddress.ip_network("168.63.129.16/32")
"""Public by its number, and inside all the same: Azure's host answers there, with certificates and configuration."""


def is_allowed(address: Address, allowed: Iterable[str]) -> bool:
    """Whether an address may be connected to.

    An address that embeds another one (IPv4-mapped, 6to4, Teredo, NAT64) is allowed only if that one is, too: a host
    or a gateway may unwrap it.

    Args:
        allowed: CIDRs of special-purpose addresses that may be connected to.
    """
    networks = [ipaddress.ip_network(cidr) for cidr in allowed]
    return all(_is_allowed(each, networks) for each in (address, *_embedded(address)))


def literal(host: str) -> Address | None:
    """The address that a host is written as; ``None`` for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _is_allowed(address: Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    if any(address in network for network in networks):
        return True
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address in NAT64):
        return True  # what it embeds decides
    if address in PLATFORM or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return address.is_global


def _embedded(address: Address) -> list[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]
