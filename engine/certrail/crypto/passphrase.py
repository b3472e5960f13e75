"""Bytes under a passphrase: scrypt (RFC 7914) and AES-256-GCM.

The cost is fixed by the version in the header, and nothing of it is read from the file: a file cannot make the reader
compute for hours or fill its memory.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

HEADER = b"certrail-passphrase/1\n"
SALT_BYTES, NONCE_BYTES, KEY_BYTES = 16, 12, 32
COST, BLOCK_SIZE, PARALLELIZATION = 2**17, 8, 1
"""Of scrypt: 128 MiB and about half a second."""
SHORTEST = 16
"""Characters of a passphrase: whoever has the file may try as many as he likes."""


class PassphraseError(Exception):
    """The passphrase is too short or is not the right one, or the text was changed. Never says what was inside."""


def wrap(plaintext: bytes, passphrase: str, purpose: str) -> bytes:
    """Encrypt under a passphrase. Raises PassphraseError for a short one."""
    if len(passphrase) < SHORTEST:
        raise PassphraseError(f"The passphrase is too short: use {SHORTEST} characters or more.")
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, plaintext, HEADER + purpose.encode())
    return HEADER + salt + nonce + sealed


def unwrap(wrapped: bytes, passphrase: str, purpose: str) -> bytes:
    """Decrypt. Raises PassphraseError."""
    header, rest = wrapped[: len(HEADER)], wrapped[len(HEADER) :]
    if header != HEADER:
        raise PassphraseError("This was not encrypted under a passphrase, or by a newer certrail.")
    salt, nonce, sealed = (
        rest[:SALT_BYTES],
        rest[SALT_BYTES : SALT_BYTES + NONCE_BYTES],
        rest[SALT_BYTES + NONCE_BYTES :],
    )
    try:
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, HEADER + purpose.encode())
    except (InvalidTag, ValueError):
        raise PassphraseError("The passphrase is not the one that this was encrypted under.") from None


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt, KEY_BYTES, COST, BLOCK_SIZE, PARALLELIZATION).derive(passphrase.encode())
