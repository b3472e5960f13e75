"""TLS-ALPN-01 (RFC 8737): a self-signed certificate with the digest, behind the protocol ``acme-tls/1``."""

import asyncio
import ipaddress
import ssl

from cryptography import x509

from certrail.domain.acme import IdentifierType
from certrail.services.enrollment.validation.dns import addresses_of, reverse_name
from certrail.services.enrollment.validation.http_01 import CONNECT_SECONDS
from certrail.services.enrollment.validation.outcome import CheckFailed, Probe, Shown

PROTOCOL = "acme-tls/1"
ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")


async def check(probe: Probe) -> Shown:
    """Look at the certificate that the name's server shows. Raises CheckFailed."""
    der = await _certificate(probe)
    try:
        certificate = x509.load_der_x509_certificate(der)
        sans = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = certificate.extensions.get_extension_for_oid(ACME_IDENTIFIER)
    except (ValueError, x509.ExtensionNotFound):
        raise CheckFailed(
            "unauthorized", f"The certificate of {probe.value} has no acmeIdentifier, or cannot be read."
        ) from None
    expected: x509.GeneralName = x509.DNSName(probe.value)
    if probe.identifier_type is IdentifierType.IP:
        expected = x509.IPAddress(ipaddress.ip_address(probe.value))
    if list(sans) != [expected]:
        raise CheckFailed("unauthorized", f"The certificate is not for {probe.value} alone.")
    # An OCTET STRING of 32 octets: tag, length, digest (RFC 8737 section 3).
    value = found.value.value if isinstance(found.value, x509.UnrecognizedExtension) else b""
    if not found.critical or value != b"\x04\x20" + probe.digest:
        raise CheckFailed(
            "incorrectResponse", "The acmeIdentifier is not that of this challenge, or not critical."
        )
    return Shown()


async def _certificate(probe: Probe) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([PROTOCOL])
    fault: Exception | None = None
    for address in await addresses_of(probe, probe.value):
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(
                    str(address), probe.settings.tls_port, ssl=context, server_hostname=reverse_name(probe)
                )
        except ssl.SSLError as problem:
            raise CheckFailed(
                "tls", f"The TLS handshake with {probe.value} at {address} failed: {problem.reason}."
            ) from None
        except (OSError, TimeoutError) as problem:
            fault = problem
            continue
        try:
            session: ssl.SSLObject = writer.get_extra_info("ssl_object")
            if session.selected_alpn_protocol() != PROTOCOL:
                raise CheckFailed("tls", f"{probe.value} at {address} does not speak {PROTOCOL}.")
            return session.getpeercert(binary_form=True) or b""
        finally:
            writer.close()
    raise CheckFailed(
        "connection",
        f"No connection to {probe.value}, port {probe.settings.tls_port}: {type(fault).__name__}.",
    )
