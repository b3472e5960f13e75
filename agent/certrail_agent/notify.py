"""What systemd is notified of: a datagram to the socket that it names, as sd_notify(3) describes."""

import os
import socket
from contextlib import suppress


def notify(*lines: str) -> None:
    """Send assignments such as `READY=1`; nothing where no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    # A service manager that does not listen is no reason to stop.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
        channel.sendall("\n".join(lines).encode())


def watchdog_seconds() -> float | None:
    """How often to send `WATCHDOG=1`: half of what systemd allows; `None` without a watchdog."""
    text = os.environ.get("WATCHDOG_USEC", "")
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(text) / 2_000_000 if text.isdigit() and int(text) > 0 else None
