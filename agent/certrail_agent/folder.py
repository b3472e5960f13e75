"""One certificate's folder: versions side by side, and a link that is switched in one step.

The layout is that of the destination `ssh-host`, so that a service finds the same names.
"""

import grp
import json
import os
import pwd
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress

from certrail_agent import disk
from certrail_agent.checkpoints import checkpoint
from certrail_agent.config import Wanted
from certrail_agent.errors import DeployFailed
from certrail_agent.keys import Pair

VERSION = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}")
BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----\n?", re.DOTALL)
MARK, CURRENT, PROVEN = "certrail.json", "current", ".proven"
"""PROVEN lies in a version with which reload and health check succeeded: there is one, the last good one."""


class Folder:
    """``<directory>/<name>``, which holds ``current -> <version>`` and the versions."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.path = wanted.directory / wanted.name

    def files(self, pair: Pair) -> Mapping[str, tuple[bytes, int]]:
        """Content and mode by name."""
        chain, mode = pair.certificate + pair.chain, self._wanted.key_mode
        if self._wanted.format == "combined":
            return {"combined.pem": ((chain + pair.key).encode(), mode)}
        return {"fullchain.pem": (chain.encode(), 0o644), "privkey.pem": (pair.key.encode(), mode)}

    def prepare(self) -> None:
        """Make the folder with its mark. Raises DeployFailed for one that somebody else made."""
        mark = {"made_by": "certrail-agent", "certificate": self._wanted.name}
        if not self._wanted.directory.is_dir():
            raise DeployFailed(f"{self._wanted.directory} is no folder", "Make it, or correct directory.")
        try:
            present = set(os.listdir(self.path))
        except FileNotFoundError:
            self.path.mkdir()
            self.path.chmod(self._wanted.directory_mode)
            disk.sync(self._wanted.directory)
            present = set()
        unfinished = {name for name in present if name.startswith(f".{MARK}.")}
        if present - unfinished:
            try:
                ours = json.loads((self.path / MARK).read_text()) == mark
            except (OSError, ValueError):
                ours = False
            if not ours:
                raise DeployFailed(
                    f"{self.path} was not made for this certificate by the agent",
                    "Move it away, or give the certificate another name.",
                )
            return
        disk.replace(self.path / MARK, json.dumps(mark).encode(), 0o644)

    def current(self) -> str | None:
        """The version that the link names."""
        try:
            return os.readlink(self.path / CURRENT)
        except OSError:
            return None

    def proven(self) -> str | None:
        """The last good version."""
        try:
            names = sorted(os.listdir(self.path))
        except OSError:
            return None
        # Not by way of the link: that is not the name of a version.
        return next((n for n in names if VERSION.fullmatch(n) and (self.path / n / PROVEN).exists()), None)

    def holds(self, version: str, pair: Pair) -> bool:
        """Whether a version is complete and has this pair."""
        try:
            return all(
                (self.path / version / name).read_bytes() == content
                for name, (content, _) in self.files(pair).items()
            )
        except OSError:
            return False

    def pair(self, version: str) -> Pair | None:
        """What a version holds; `None` where it cannot be read."""
        text = ""
        for name in ("fullchain.pem", "privkey.pem", "combined.pem"):
            with suppress(OSError):
                text += (self.path / version / name).read_text()
        blocks = [(found[1], found[0]) for found in BLOCK.finditer(text)]
        certificates = [block for kind, block in blocks if kind == "CERTIFICATE"]
        keys = [block for kind, block in blocks if kind.endswith("PRIVATE KEY")]
        return Pair(certificates[0], "".join(certificates[1:]), keys[0]) if certificates and keys else None

    def write(self, pair: Pair) -> str:
        """Write a version beside the others, complete and on the disk when this returns; its name."""
        version = f"{pair.fingerprint[:16]}-{secrets.token_hex(4)}"
        place, owner = self.path / version, _owner(self._wanted.owner)
        place.mkdir(mode=0o700)
        for name, (content, mode) in self.files(pair).items():
            disk.write(place / name, content, mode, owner)
            checkpoint(f"written:{name}")
        if owner is not None:
            os.chown(place, *owner)
        place.chmod(self._wanted.directory_mode)
        disk.sync(place)
        disk.sync(self.path)
        return version

    def point(self, version: str | None) -> None:
        """Switch the link: readers see the former pair or the new one. ``None`` takes it away."""
        if version is None:
            (self.path / CURRENT).unlink(missing_ok=True)
        else:
            unfinished = self.path / f"{CURRENT}.{secrets.token_hex(4)}"
            unfinished.symlink_to(version)
            unfinished.replace(self.path / CURRENT)
        disk.sync(self.path)

    def prove(self, version: str) -> None:
        """Remember a version as the last good one, and delete all others."""
        if not (self.path / version / PROVEN).exists():
            disk.write(self.path / version / PROVEN, b"", 0o644)
            disk.sync(self.path / version)
        checkpoint("proven")
        self.clean(version)

    def clean(self, *kept: str | None) -> None:
        """Delete all versions but these, and what a cut call left; nothing that has another form of name."""
        for name in os.listdir(self.path):
            path = self.path / name
            if VERSION.fullmatch(name) and name not in kept:
                shutil.rmtree(path)
            elif name.startswith((f"{CURRENT}.", f".{MARK}.")):
                path.unlink()
        disk.sync(self.path)


def _owner(text: str | None) -> tuple[int, int] | None:
    """User and group id; the group of a user alone is its own. Raises DeployFailed."""
    if text is None:
        return None
    user, _, group = text.partition(":")
    try:
        found = pwd.getpwnam(user)
        return found.pw_uid, grp.getgrnam(group).gr_gid if group else found.pw_gid
    except KeyError:
        raise DeployFailed(f"this host has no user or group {text}", "Correct owner.") from None
