"""Ports for processes that are about to be started."""

import errno
import random
import socket
from pathlib import Path

FIRST = 10_000
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
TRIES = 200


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on, and that the system gives to nobody who does not ask for it.

    A port of the system's own choice may be given away again before its process listens, so one
    below the range from which it chooses is taken.

    Raises:
        OSError: no port was free.
    """
    for _ in range(TRIES):
        port = random.randrange(FIRST, _first_ephemeral())  # noqa: S311  no secret
        if is_free(port, host):
            return port
    raise OSError(f"{TRIES} ports between {FIRST} and {_first_ephemeral()} are all taken on {host}")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a process could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


class CannotListen(Exception):
    """A server cannot listen where it is told to; the message says what to change."""


def listening(port: int, host: str, setting: str = "CERTRAIL") -> socket.socket:
    """A socket that listens there; `setting` begins the names of its settings. Raises CannotListen."""
    try:
        families = [found[0] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        family = socket.AF_INET if socket.AF_INET in families else families[0]
        return socket.create_server((host, port), family=family)
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise CannotListen(f"port {port} is in use by another program; set {setting}_PORT") from None
        why = problem.strerror or str(problem)
        raise CannotListen(
            f"nothing can listen on {host}, port {port} ({why}); set {setting}_HOST or {setting}_PORT"
        ) from None


def _first_ephemeral() -> int:
    try:
        first = int(EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        first = 32_768
    return first if first > FIRST + TRIES else 32_768
