"""The service that uses a certificate: reloaded by a command or a signal, and looked at by a TLS handshake."""

import hashlib
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from certrail_agent import durations
from certrail_agent.config import Health, Reload
from certrail_agent.starttls import start_tls

LONGEST_SAID = 200
HANDSHAKE_SECONDS = 5.0
LOOK_SECONDS = 0.25


def reload(how: Reload) -> str:
    """Have the service take the certificate; why it did not, empty if it did."""
    if how.pid_file is not None:
        return _signal(how)
    return _run(how)


def _run(how: Reload) -> str:
    program = how.command[0]
    try:
        # A session of its own: what the command started is ended with it when its time is over.
        process = subprocess.Popen(
            how.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return f"{program} cannot be run: {error.strerror}"
    try:
        output, _ = process.communicate(timeout=how.timeout)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"{program} took more than {durations.shown(how.timeout)}"
    if process.returncode == 0:
        return ""
    said = " ".join(output.decode(errors="replace").split())[:LONGEST_SAID]
    return f"{program} ended with {process.returncode}" + (f": {said}" if said else "")


def _signal(how: Reload) -> str:
    assert how.pid_file is not None
    try:
        number = int(how.pid_file.read_text().strip())
        if number <= 1:
            raise ValueError
        os.kill(number, signal.Signals[f"SIG{how.signal}"])
    except OSError as error:
        return f"the process of {how.pid_file} cannot be signalled: {error.strerror}"
    except ValueError:
        return f"{how.pid_file} holds no process id"
    return ""


def shown_certificate(health: Health, timeout: float = HANDSHAKE_SECONDS) -> str:
    """The fingerprint of the certificate that the service shows. Raises OSError, also for a failed handshake."""
    context = ssl.create_default_context()
    # Compared by its fingerprint: whether this host trusts its authority says nothing about the service.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((health.host, health.port), timeout=timeout) as plain:
        start_tls(plain, health.protocol)
        with context.wrap_socket(plain, server_hostname=health.server_name) as secured:
            der = secured.getpeercert(binary_form=True)
    if der is None:
        raise OSError("the service shows no certificate")
    return hashlib.sha256(der).hexdigest()


def look(health: Health, wanted: str, older: str | None) -> tuple[str, str | None]:
    """One look at the service.

    Args:
        wanted: fingerprint of the certificate that belongs there.
        older: of the one before it.

    Returns:
        `served`, `older`, `other` or `unreachable`, and the fingerprint that was shown.
    """
    try:
        found = shown_certificate(health)
    except OSError:
        return "unreachable", None
    return {wanted: "served", older: "older"}.get(found, "other"), found


def look_until(
    health: Health,
    wanted: str,
    older: str | None,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[str, str | None]:
    """Look until the certificate is served, or the grace is over: a service may take a while to reload."""
    deadline = clock() + health.grace
    while True:
        verdict, found = look(health, wanted, older)
        if verdict == "served" or clock() >= deadline:
            return verdict, found
        pause(LOOK_SECONDS)
