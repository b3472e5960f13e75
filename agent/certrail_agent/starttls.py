"""The words before a TLS handshake where a protocol begins in clear: STARTTLS, and PostgreSQL's SSLRequest."""

import socket

PROTOCOLS = ("tls", "postgresql", "smtp", "imap")
LONGEST_LINE = 1024
MOST_LINES = 100
SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
"""https://www.postgresql.org/docs/current/protocol-message-formats.html"""


def start_tls(plain: socket.socket, protocol: str) -> None:
    """Come to where the handshake begins.

    Args:
        protocol: one of PROTOCOLS; `smtp` is RFC 3207, `imap` RFC 9051 section 6.2.1.

    Raises:
        OSError: the service does not offer TLS.
    """
    if protocol == "postgresql":
        plain.sendall(SSL_REQUEST)
        if plain.recv(1) != b"S":
            raise OSError("PostgreSQL does not offer TLS: ssl is off")
    elif protocol == "smtp":
        _expect(plain, b"220 ")
        plain.sendall(b"EHLO localhost\r\n")
        _expect(plain, b"250 ")
        plain.sendall(b"STARTTLS\r\n")
        _expect(plain, b"220 ")
    elif protocol == "imap":
        _expect(plain, b"* OK")
        plain.sendall(b"a STARTTLS\r\n")
        _expect(plain, b"a OK")


def _expect(plain: socket.socket, beginning: bytes) -> None:
    """Read to the line that ends the answer. One byte at a time: what follows it belongs to the handshake."""
    continued = (beginning[:3] + b"-", b"* ")
    for _ in range(MOST_LINES):
        line = b""
        while not line.endswith(b"\n") and len(line) < LONGEST_LINE:
            if not (byte := plain.recv(1)):
                raise OSError("the service ended the connection before TLS")
            line += byte
        if line.startswith(beginning):
            return
        if not line.startswith(continued):
            break
    raise OSError(f"the service does not offer TLS: {line[:80].decode(errors='replace').strip()}")
