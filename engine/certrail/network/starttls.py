"""What is said in clear before TLS begins: SMTP (RFC 3207), IMAP (RFC 9051 section 6.2.1), PostgreSQL (SSLRequest)."""

import asyncio
import struct

from certrail.domain.endpoints.probes import ProbeProtocol

MOST_LINES = 100
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""https://www.postgresql.org/docs/current/protocol-message-formats.html"""


class NoTls(Exception):
    """The service does not begin TLS; the text says why, for a person, and quotes nothing that it said."""


async def ask_for_tls(
    protocol: ProbeProtocol, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Have the service begin TLS. Raises NoTls, OSError."""
    try:
        if protocol is ProbeProtocol.SMTP:
            await _smtp(reader, writer)
        elif protocol is ProbeProtocol.IMAP:
            await _imap(reader, writer)
        else:
            await _postgresql(reader, writer)
    except asyncio.IncompleteReadError:
        raise NoTls("The connection was closed before TLS began.") from None
    except (asyncio.LimitOverrunError, ValueError):
        raise NoTls(f"What answers does not speak {protocol}.") from None


async def _smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if not (await _reply(reader))[0].startswith(b"220"):
        raise NoTls("It does not greet as an SMTP server does.")
    writer.write(b"EHLO certrail.invalid\r\n")
    offered = await _reply(reader)
    if not any(line[4:].strip().upper() == b"STARTTLS" for line in offered):
        raise NoTls("The SMTP server does not offer STARTTLS.")
    writer.write(b"STARTTLS\r\n")
    if not (await _reply(reader))[0].startswith(b"220"):
        raise NoTls("The SMTP server refuses STARTTLS.")


async def _reply(reader: asyncio.StreamReader) -> list[bytes]:
    """The lines of one reply; all but the last have a hyphen after the code (RFC 5321 section 4.2.1)."""
    lines = []
    for _ in range(MOST_LINES):
        lines.append(await reader.readuntil(b"\n"))
        if lines[-1][3:4] != b"-":
            return lines
    raise ValueError


async def _imap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if not (await reader.readuntil(b"\n")).upper().startswith(b"* OK"):
        raise NoTls("It does not greet as an IMAP server does.")
    writer.write(b"a1 STARTTLS\r\n")
    for _ in range(MOST_LINES):
        line = (await reader.readuntil(b"\n")).upper()
        if line.startswith(b"A1 "):
            if line.startswith(b"A1 OK"):
                return
            raise NoTls("The IMAP server refuses STARTTLS.")
    raise ValueError


async def _postgresql(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(SSL_REQUEST)
    answer = await reader.readexactly(1)
    if answer == b"N":
        raise NoTls("The PostgreSQL server does not offer TLS.")
    if answer != b"S":
        raise ValueError
