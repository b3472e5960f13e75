"""One object on disk: versions side by side, and a link that is swapped in one step."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from certrail_destination_files.render import Rendered
from certrail_sdk import Observation, Permanent

MARK = "certrail.json"
KEPT_VERSIONS = 2


class Folder:
    """The folder of one delivery. Every write is synced before the link names it."""

    def __init__(self, path: Path, delivery: str) -> None:
        self.path = path
        self._delivery = delivery
        self._versions = path / "versions"
        self._current = path / "current"

    def publish(self, fingerprint: str, files: Rendered) -> bool:
        """Make the files current; `False` when they are already.

        Raises:
            Permanent: the folder exists and is not ours.
        """
        if self.path.is_symlink() or (self.path.exists() and not self._is_ours()):
            raise Permanent(
                f"{self.path} exists and was not made by this delivery.",
                action="Move it away, or choose another name schema for the sync.",
            )
        version = self._versions / fingerprint
        if self._points_at(fingerprint) and _complete(version, files):
            return False
        self.path.mkdir(exist_ok=True)
        self._mark()
        self._versions.mkdir(exist_ok=True)
        unfinished = self._versions / f".{fingerprint}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        for name, (content, mode) in files.items():
            _write(unfinished / name, content, mode)
        _sync(unfinished)
        shutil.rmtree(version, ignore_errors=True)
        unfinished.rename(version)
        self._point_at(fingerprint)
        self._prune(fingerprint)
        return True

    def observe(self, password: bytes | None) -> Observation:
        """What is current."""
        if not self._current.exists():
            return Observation(present=False)
        leaf, chain, key_matches = _read(self._current, password)
        return Observation(
            present=True,
            fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
            reference=str(self.path),
            ours=self._is_ours(),
            key_matches=key_matches,
            chain_fingerprints=tuple(c.fingerprint(hashes.SHA256()).hex() for c in chain),
        )

    def remove(self) -> bool:
        """Delete the folder if it is ours; `False` when there is none. Raises Permanent."""
        if not self.path.exists():
            return False
        if self.path.is_symlink() or not self._is_ours():
            raise Permanent(f"{self.path} was not made by this delivery and is left alone.")
        shutil.rmtree(self.path)
        return True

    def _is_ours(self) -> bool:
        try:
            return bool(json.loads((self.path / MARK).read_text())["delivery"] == self._delivery)
        except FileNotFoundError:
            # A crash before the mark leaves an empty folder, or an unfinished mark: anybody may go on.
            return all(entry.name == f"{MARK}.new" for entry in self.path.iterdir())
        except (ValueError, KeyError):
            return False

    def _mark(self) -> None:
        _write(self.path / f"{MARK}.new", json.dumps({"delivery": self._delivery}).encode(), 0o644)
        (self.path / f"{MARK}.new").replace(self.path / MARK)

    def _points_at(self, fingerprint: str) -> bool:
        return self._current.is_symlink() and Path(os.readlink(self._current)).name == fingerprint

    def _point_at(self, fingerprint: str) -> None:
        link = self.path / "current.new"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("versions") / fingerprint)
        link.replace(self._current)
        _sync(self.path)

    def _prune(self, fingerprint: str) -> None:
        others = [v for v in self._versions.iterdir() if v.name != fingerprint]
        for old in sorted(others, key=lambda v: v.stat().st_mtime, reverse=True)[KEPT_VERSIONS - 1 :]:
            shutil.rmtree(old)


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Let one writer into a directory at a time: a cancelled verb's thread may still be at work."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _complete(version: Path, files: Rendered) -> bool:
    # PKCS#12 is encrypted with fresh salt, so equal content has other bytes; being there is enough.
    return all(
        (version / name).is_file() and (name.endswith(".p12") or (version / name).read_bytes() == content)
        for name, (content, _) in files.items()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(
    folder: Path, password: bytes | None
) -> tuple[x509.Certificate, list[x509.Certificate], bool | None]:
    bundle = folder / "bundle.p12"
    if bundle.exists():
        key, leaf, chain = pkcs12.load_key_and_certificates(bundle.read_bytes(), password)
        assert leaf is not None
        return leaf, list(chain), key is not None and key.public_key() == leaf.public_key()
    leaf, *chain = x509.load_pem_x509_certificates((folder / "fullchain.pem").read_bytes())
    key_file = folder / "privkey.pem"
    if not key_file.exists():
        return leaf, chain, None
    own = load_pem_private_key(key_file.read_bytes(), None).public_key()
    return leaf, chain, own == leaf.public_key()
