"""The certificates that a service presents in a TLS handshake, which trusts nothing."""

import _ssl
import asyncio
import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from certrail.domain.endpoints.addresses import Address
from certrail.domain.endpoints.probes import Endpoint, ProbeProtocol
from certrail.network.lookup import AddressRefused, LookupFailed, addresses_of
from certrail.network.starttls import NoTls, ask_for_tls

CONNECT_SECONDS = 4.0
LOOK_SECONDS = 10.0
"""Of one look, from the first DNS query to the end of the handshake."""
LONGEST_LINE = 4096
MOST_PRESENTED = 20
REFUSED: dict[type[Exception], str] = {
    ConnectionRefusedError: "The connection was refused.",
    ConnectionResetError: "The connection was reset.",
}


@dataclass(frozen=True)
class Presented:
    """What a look found.

    Attributes:
        certificates: DER as presented, the leaf first; empty where there was no handshake.
        reason: why there was none, for a person.
    """

    certificates: Sequence[bytes] = ()
    reason: str = ""


async def look(
    endpoint: Endpoint, allowed_networks: Collection[str], resolvers: Sequence[str] = ()
) -> Presented:
    """One look at what a service presents; the address that is connected to is the one that was checked.

    Args:
        allowed_networks: CIDRs of special-purpose addresses that may be connected to.
        resolvers: DNS servers; none for those of the system.
    """
    if fault := endpoint.fault():
        return Presented(reason=fault)
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await _look(endpoint, await addresses_of(endpoint.host, allowed_networks, resolvers))
    except TimeoutError:
        return Presented(reason=f"No TLS handshake within {LOOK_SECONDS:.0f} seconds.")
    except LookupFailed as problem:
        return Presented(reason=str(problem))
    except AddressRefused as refused:
        # The address stays out: it would tell what names inside lead to.
        return Presented(
            reason=f"{refused.host} has no address that probes may connect to: a private one has to be within"
            " CERTRAIL_PROBE_NETWORKS."
        )


async def _look(endpoint: Endpoint, addresses: Sequence[Address]) -> Presented:
    """At the first address that can be connected to."""
    reason = ""
    for address in addresses:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(
                    str(address), endpoint.port, limit=LONGEST_LINE
                )
        except (OSError, TimeoutError) as problem:
            reason = _words(problem)
            continue
        try:
            return Presented(await _handshake(endpoint, reader, writer))
        except (NoTls, OSError) as problem:
            return Presented(reason=_words(problem))
        finally:
            writer.transport.abort()
    return Presented(reason=reason)


async def _handshake(
    endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Sequence[bytes]:
    protocol = ProbeProtocol(endpoint.protocol)
    if protocol is not ProbeProtocol.TLS:
        await ask_for_tls(protocol, reader, writer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Certificates are compared by their fingerprints: whom this host trusts says nothing about the service.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    await writer.start_tls(context, server_hostname=endpoint.server_name or None)
    return _certificates(writer.get_extra_info("ssl_object"))[:MOST_PRESENTED]


def _certificates(session: ssl.SSLObject) -> list[bytes]:
    if hasattr(session, "get_unverified_chain"):
        return list(session.get_unverified_chain())
    # Public since Python 3.13; before, the object below has the same method.
    found = session._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]
    return [certificate.public_bytes(_ssl.ENCODING_DER) for certificate in found]


def _words(problem: Exception) -> str:
    if isinstance(problem, NoTls):
        return str(problem)
    if isinstance(problem, TimeoutError):
        return f"No connection within {CONNECT_SECONDS:.0f} seconds."
    if isinstance(problem, ssl.SSLError):
        return f"The TLS handshake failed: {problem.reason or type(problem).__name__}."
    return REFUSED.get(type(problem), f"No connection: {type(problem).__name__}.")
