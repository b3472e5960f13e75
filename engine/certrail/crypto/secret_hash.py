"""Secrets that clients send again and again, such as a passphrase: kept as a slow, salted hash (scrypt, RFC 7914)."""

import base64
import binascii
import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from certrail.domain.errors import Busy

COST, BLOCK_SIZE, PARALLELIZATION = 2**14, 8, 1
"""16 MiB and some 50 ms: whoever reads the database tries twenty secrets a second and core."""
SALT_BYTES, HASH_BYTES = 16, 32
AT_ONCE = 2
WAIT_SECONDS = 5.0
_SCHEME = "scrypt-14-8-1"
_slots = threading.BoundedSemaphore(AT_ONCE)


def hash_secret(secret: str) -> str:
    """The hash with its salt, as it is stored."""
    salt = secrets.token_bytes(SALT_BYTES)
    return "$".join((_SCHEME, _text(salt), _text(_derived(secret, salt))))


def verify_secret(secret: str, stored: str) -> bool:
    """Whether the secret is that of a hash; compared in constant time.

    Raises:
        Busy: so many secrets are being verified that this one has to wait: strangers cause the work.
    """
    try:
        scheme, salt, expected = stored.split("$")
        if scheme != _SCHEME:
            return False
        return hmac.compare_digest(_derived(secret, base64.b64decode(salt)), base64.b64decode(expected))
    except (ValueError, binascii.Error):
        return False


def _derived(secret: str, salt: bytes) -> bytes:
    with _slot():
        return Scrypt(salt, HASH_BYTES, COST, BLOCK_SIZE, PARALLELIZATION).derive(secret.encode())


@contextmanager
def _slot() -> Iterator[None]:
    """One of few: each holds a thread, a core and its memory."""
    if not _slots.acquire(timeout=WAIT_SECONDS):
        raise Busy("Other secrets are being verified. Try again in a few seconds.")
    try:
        yield
    finally:
        _slots.release()


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
