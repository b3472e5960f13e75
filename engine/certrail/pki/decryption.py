"""Encrypted files from outside: judged by their KDF parameters, and decrypted in a process of their own if costly."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key

from certrail.domain.errors import BadInput, Busy
from certrail.pki.der import NotDer
from certrail.pki.kdf import require_affordable

SECONDS = 15.0
AT_ONCE, MOST_WAITING = 2, 2
"""Processes, and calls that wait for one: each of these holds a thread that others need."""
WAIT_SECONDS = 5.0
_ROOT = str(Path(__file__).parents[2])
_slots = threading.BoundedSemaphore(AT_ONCE)
_admitted = threading.BoundedSemaphore(AT_ONCE + MOST_WAITING)


@dataclass(frozen=True)
class Opened:
    """What was in a file.

    Attributes:
        certificates: with their friendly names, which may be empty.
    """

    keys: list[Any] = field(repr=False)
    certificates: list[tuple[str, x509.Certificate]] = field(default_factory=list)


def open_pkcs12(content: bytes, password: str) -> Opened:
    """Read PKCS#12 in a process of its own: what its encrypted safes demand shows only when they are decrypted.

    Raises:
        BadInput: it costs too much, or cannot be read with this password.
        Busy: other files are being read.
    """
    wrong = BadInput("The file cannot be read as PKCS#12 with this password.", "pkcs12")
    with suppress(NotDer):  # BER, which some old programs write: the process has limits of its own
        require_affordable(content, "pkcs12")
    try:
        return _in_process("pkcs12", content, password, wrong)
    except TypeError:
        raise wrong from None


def open_pem(content: bytes, password: str | None) -> Any:
    """Read an expensive private key. Raises BadInput, Busy, TypeError."""
    wrong = BadInput("The private key cannot be read; give PEM, and the right password.", "private_key")
    return _in_process("pem", content, password or "", wrong).keys[0]


def _in_process(kind: str, content: bytes, password: str, wrong: BadInput) -> Opened:
    order = {
        "kind": kind,
        "content": base64.b64encode(content).decode(),
        "password": base64.b64encode(password.encode()).decode(),
    }
    with _held(_admitted, 0), _held(_slots, WAIT_SECONDS):
        answer = _answer(order, wrong.extra.get("field"))
    if answer.get("fault") == "password":
        raise TypeError
    if "fault" in answer:
        raise wrong
    try:
        return Opened(
            # The process verified them: to look for primes again takes seconds for a large key.
            keys=[
                load_der_private_key(base64.b64decode(key), None, unsafe_skip_rsa_key_validation=True)
                for key in answer["keys"]
            ],
            certificates=[
                (one["name"], x509.load_der_x509_certificate(base64.b64decode(one["der"])))
                for one in answer.get("certificates", [])
            ],
        )
    except ValueError:
        raise wrong from None


@contextmanager
def _held(places: threading.BoundedSemaphore, seconds: float) -> Iterator[None]:
    """One of the places, for which the caller waits so long. Raises Busy."""
    if not places.acquire(timeout=seconds):
        raise Busy("Other encrypted files are being read at the moment. Try again in a few seconds.")
    try:
        yield
    finally:
        places.release()


def _answer(order: dict[str, str], field_: str | None) -> dict[str, Any]:
    path = os.pathsep.join((_ROOT, *filter(None, (os.environ.get("PYTHONPATH"),))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "certrail.pki.decryption_process"],
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=SECONDS,
            env={"PYTHONPATH": path, "PATH": os.environ.get("PATH", "")},
            check=False,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        # Ended by its limit of time or memory, which an encrypted part may have hidden until then.
        raise BadInput(
            "It takes too much time or memory to read. Encrypt it again with fewer iterations.", field_
        ) from None
    return answer
