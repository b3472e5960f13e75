"""AES-256-GCM envelopes under a keyring that rotates.

An envelope is text: ``v1.<key id>.<base64url(nonce || ciphertext || tag)>``. The purpose is authenticated
with it, so an envelope made for one use cannot be opened for another.
"""

import base64
import binascii
import json
import os
import re
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = "v1"
KEY_BYTES = 32
NONCE_BYTES = 12

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ENVELOPE = re.compile(rf"{VERSION}\.({_KEY_ID.pattern})\.([A-Za-z0-9_=-]+)")


class KeyringError(Exception):
    """An envelope cannot be opened, or the keyring cannot be read. Never says what was inside."""


class Keyring:
    """Named keys, of which the active one seals and all open.

    One that was loaded from a file looks there again when it meets a key it does not know, and before it seals when
    the file is another one by now: another process may have rotated it since.
    """

    def __init__(self, active: str, keys: Mapping[str, bytes], file: Path | None = None) -> None:
        if active not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise KeyringError(f"A keyring needs its active key, and keys of {KEY_BYTES} bytes.")
        if not all(_KEY_ID.fullmatch(key_id) for key_id in keys):
            raise KeyringError("A key id has 1 to 64 letters, digits, hyphens and underscores.")
        self._active = active
        self._keys = dict(keys)
        self._file, self._state = file, _state_of(file)

    def __repr__(self) -> str:
        return f"<Keyring active={self._active} keys={sorted(self._keys)}>"

    @property
    def key_ids(self) -> Sequence[str]:
        """The ids of all keys, sorted."""
        return sorted(self._keys)

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
        """Read a keyring file.

        Raises:
            KeyringError: it is missing or damaged, or others may read it too. The mode of a file on a read-only mount
                is not checked: Docker and Kubernetes mount secrets so, readable for everybody in the container.
        """
        state = _state_of(path)
        try:
            mode, text = path.stat().st_mode, path.read_text()
        except OSError as err:
            raise KeyringError(f"The keyring {path} cannot be read: {err.strerror}.") from None
        except UnicodeDecodeError:
            raise KeyringError(f"The keyring {path} is not text; restore it from a backup.") from None
        if mode & 0o077 and not _is_mounted_read_only(path):
            raise KeyringError(f"The keyring {path} may be read by others. Run: chmod 600 {path}")
        found = cls.from_text(text)
        found._file, found._state = path, state
        return found

    def save(self, path: Path) -> None:
        """Write the file whole or not at all, readable by its owner only."""
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w") as file:
                file.write(self.to_text())
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)

    def rotate(self) -> str:
        """Make a new active key, keep the old ones for opening; returns the new key's id."""
        key_id = secrets.token_hex(4)
        self._keys[key_id] = secrets.token_bytes(KEY_BYTES)
        self._active = key_id
        return key_id

    def seal(self, plaintext: bytes, purpose: str) -> str:
        """Encrypt under the active key."""
        self._follow_rotation()
        nonce = secrets.token_bytes(NONCE_BYTES)
        # Asked for once: another thread may follow a rotation meanwhile, and the label must name the key that sealed.
        active = self._active
        sealed = AESGCM(self._keys[active]).encrypt(nonce, plaintext, _bound_to(active, purpose))
        body = base64.urlsafe_b64encode(nonce + sealed).decode()
        return f"{VERSION}.{active}.{body}"

    def open(self, envelope: str, purpose: str) -> bytes:
        """Decrypt. Raises KeyringError for an unknown key, another purpose or a changed envelope."""
        key_id, body = _parts(envelope)
        if key_id not in self._keys and self._file is not None:
            self._load_again(self._file)
        if key_id not in self._keys:
            raise KeyringError(f"The keyring has no key {key_id}; restore the keyring that sealed this.")
        try:
            raw = base64.urlsafe_b64decode(body)
            return AESGCM(self._keys[key_id]).decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound_to(key_id, purpose)
            )
        except (InvalidTag, binascii.Error, ValueError):
            raise KeyringError("The envelope was changed, or was sealed for another purpose.") from None

    def _follow_rotation(self) -> None:
        """Take a new key over. A file that is away or damaged says nothing new; the next start complains of it."""
        if self._file is not None and _state_of(self._file) not in (None, self._state):
            with suppress(KeyringError):
                self._load_again(self._file)

    def _load_again(self, file: Path) -> None:
        fresh = Keyring.load(file)
        self._keys, self._active, self._state = fresh._keys, fresh._active, fresh._state

    def seal_json(self, value: Any, purpose: str) -> str:
        """Encrypt a JSON value."""
        return self.seal(json.dumps(value).encode(), purpose)

    def open_json(self, envelope: str, purpose: str) -> Any:
        """Decrypt a JSON value. Raises KeyringError."""
        try:
            return json.loads(self.open(envelope, purpose))
        except ValueError:
            raise KeyringError("The envelope opens, but holds no JSON value.") from None

    def needs_rotation(self, envelope: str) -> bool:
        """Whether an envelope is sealed under a key that is no longer the active one. Raises KeyringError."""
        return _parts(envelope)[0] != self._active


def _is_mounted_read_only(file: Path) -> bool:
    return bool(os.statvfs(file).f_flag & os.ST_RDONLY)


def _state_of(file: Path | None) -> tuple[int, int, int] | None:
    """What changes when a file is replaced; ``None`` when it is away."""
    try:
        found = file.stat() if file else None
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size) if found else None


def _parts(envelope: str) -> tuple[str, str]:
    match = _ENVELOPE.fullmatch(envelope)
    if match is None:
        # The text may be a secret that was never sealed: it is not repeated here.
        raise KeyringError(f"This is no envelope; one reads {VERSION}.<key id>.<base64url>.")
    return match[1], match[2]


def _bound_to(key_id: str, purpose: str) -> bytes:
    return f"certrail/{VERSION}/{key_id}/{purpose}".encode()
