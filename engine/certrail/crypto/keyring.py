"""AES-256-GCM envelopes under a keyring that rotates.

An envelope is text: ``v1.<key id>.<base64url(nonce || ciphertext || tag)>``. The purpose is authenticated
with it, so an envelope made for one use cannot be opened for another.
"""

import base64
import binascii
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = "v1"
KEY_BYTES = 32
NONCE_BYTES = 12


class KeyringError(Exception):
    """An envelope cannot be opened, or the keyring cannot be read. Never says what was inside."""


class Keyring:
    """Named keys, of which the active one seals and all open."""

    def __init__(self, active: str, keys: Mapping[str, bytes]) -> None:
        if active not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise KeyringError(f"A keyring needs its active key, and keys of {KEY_BYTES} bytes.")
        self._active = active
        self._keys = dict(keys)

    def __repr__(self) -> str:
        return f"<Keyring active={self._active} keys={sorted(self._keys)}>"

    @classmethod
    def generate(cls) -> "Keyring":
        """A keyring with one new key."""
        key_id = secrets.token_hex(4)
        return cls(key_id, {key_id: secrets.token_bytes(KEY_BYTES)})

    @classmethod
    def from_text(cls, text: str) -> "Keyring":
        """Read the form that `to_text` writes. Raises KeyringError."""
        try:
            data = json.loads(text)
            keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in data["keys"].items()}
            return cls(data["active"], keys)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KeyringError(
                'A keyring is JSON: {"active": id, "keys": {id: base64 of 32 bytes}}.'
            ) from None

    def to_text(self) -> str:
        """All keys in clear, for a file that only the service may read."""
        keys = {key_id: base64.b64encode(key).decode() for key_id, key in self._keys.items()}
        return json.dumps({"active": self._active, "keys": keys}, indent=1)

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """Read a keyring file. Raises KeyringError when others may read it too."""
        try:
            mode, text = path.stat().st_mode, path.read_text()
        except OSError as err:
            raise KeyringError(f"The keyring {path} cannot be read: {err.strerror}.") from None
        if mode & 0o077:
            raise KeyringError(f"The keyring {path} may be read by others. Run: chmod 600 {path}")
        return cls.from_text(text)

    def save(self, path: Path) -> None:
        """Write the file whole or not at all, readable by its owner only."""
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w") as file:
            file.write(self.to_text())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)

    def rotate(self) -> str:
        """Make a new active key, keep the old ones for opening; returns the new key's id."""
        self._active = secrets.token_hex(4)
        self._keys[self._active] = secrets.token_bytes(KEY_BYTES)
        return self._active

    def seal(self, plaintext: bytes, purpose: str) -> str:
        """Encrypt under the active key."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._keys[self._active]).encrypt(nonce, plaintext, _bound_to(self._active, purpose))
        body = base64.urlsafe_b64encode(nonce + sealed).decode()
        return f"{VERSION}.{self._active}.{body}"

    def open(self, envelope: str, purpose: str) -> bytes:
        """Decrypt. Raises KeyringError for an unknown key, another purpose or a changed envelope."""
        version, _, rest = envelope.partition(".")
        key_id, _, body = rest.partition(".")
        if version != VERSION or key_id not in self._keys:
            raise KeyringError(f"No key {key_id!r} in the keyring opens this envelope.")
        try:
            raw = base64.urlsafe_b64decode(body)
            return AESGCM(self._keys[key_id]).decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound_to(key_id, purpose)
            )
        except (InvalidTag, binascii.Error, ValueError):
            raise KeyringError("The envelope was changed, or was sealed for another purpose.") from None

    def seal_json(self, value: Any, purpose: str) -> str:
        """Encrypt a JSON value."""
        return self.seal(json.dumps(value).encode(), purpose)

    def open_json(self, envelope: str, purpose: str) -> Any:
        """Decrypt a JSON value. Raises KeyringError."""
        return json.loads(self.open(envelope, purpose))

    def needs_rotation(self, envelope: str) -> bool:
        """Whether an envelope is sealed under a key that is no longer the active one."""
        return envelope.split(".")[1] != self._active


def _bound_to(key_id: str, purpose: str) -> bytes:
    return f"certrail/{VERSION}/{key_id}/{purpose}".encode()
