"""Protocols that begin in clear come to the handshake, and no byte of it is read before."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from certrail_agent.starttls import SSL_REQUEST, start_tls

HANDSHAKE = b"\x16\x03\x01"
DIALOGUES: dict[str, list[tuple[bytes, bytes]]] = {
    "postgresql": [(SSL_REQUEST, b"S" + HANDSHAKE)],
    "smtp": [
        (b"", b"220-mail.example\r\n220 ready\r\n"),
        (b"EHLO localhost\r\n", b"250-mail.example\r\n250-STARTTLS\r\n250 SIZE 100\r\n"),
        (b"STARTTLS\r\n", b"220 go ahead\r\n" + HANDSHAKE),
    ],
    "imap": [(b"", b"* OK ready\r\n"), (b"a STARTTLS\r\n", b"* untagged\r\na OK begin\r\n" + HANDSHAKE)],
}


def play(server: socket.socket, dialogue: list[tuple[bytes, bytes]]) -> None:
    for seen, said in dialogue:
        got = b""
        while len(got) < len(seen):
            got += server.recv(len(seen) - len(got))
        assert got == seen
        server.sendall(said)


def talk(protocol: str, dialogue: list[tuple[bytes, bytes]]) -> bytes:
    """What a handshake would read first."""
    client, server = socket.socketpair()
    with client, server, ThreadPoolExecutor() as pool:
        client.settimeout(10)
        played = pool.submit(play, server, dialogue)
        start_tls(client, protocol)
        played.result(10)
        return client.recv(len(HANDSHAKE))


@pytest.mark.parametrize("protocol", DIALOGUES)
def test_the_handshake_follows(protocol: str) -> None:
    assert talk(protocol, DIALOGUES[protocol]) == HANDSHAKE


def test_tls_begins_at_once() -> None:
    assert talk("tls", [(b"", HANDSHAKE)]) == HANDSHAKE


@pytest.mark.parametrize(
    ("protocol", "answer", "said"),
    [
        ("postgresql", b"N", "ssl is off"),
        ("smtp", b"554 go away\r\n", "554 go away"),
        ("imap", b"* BYE later\r\n" * 200, "does not offer TLS"),
        ("smtp", b"220-" + b"x" * 5000, "does not offer TLS"),
    ],
)
def test_a_service_without_tls_is_named(protocol: str, answer: bytes, said: str) -> None:
    with pytest.raises(OSError, match=said):
        talk(protocol, [(b"", answer)])


def test_a_connection_that_ends_is_an_error() -> None:
    client, server = socket.socketpair()
    with client, server:
        server.sendall(b"220")
        server.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError, match="ended the connection"):
            start_tls(client, "smtp")
