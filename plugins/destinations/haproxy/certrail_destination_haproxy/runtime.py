"""HAProxy's runtime API, of 2.4 and later (management guide, section 9.3), and the files beside it. All blocks."""

import os
import re
import socket
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from ssl import PEM_cert_to_DER_cert
from typing import Self

from certrail_sdk import ConcurrentModification, Misconfigured, Permanent, Unauthorized, pem, scrubbed

SECONDS = 7.0
DIGEST = re.compile(r"^SHA1 FingerPrint: ([0-9A-F]{40})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Served:
    """What HAProxy tells of a certificate in memory: SHA-1 of the leaf's DER in capitals, length of its chain."""

    digest: str
    chain: int

    @classmethod
    def of(cls, text: str) -> Self:
        """What it would tell of this PEM."""
        leaf, *chain = pem.certificates(text)
        return cls(sha1(PEM_cert_to_DER_cert(leaf), usedforsecurity=False).hexdigest().upper(), len(chain))


@dataclass(frozen=True, slots=True)
class Runtime:
    """One stats socket of the level admin: the path of a UNIX socket, or host:port."""

    address: str
    crt_list: str

    def level(self) -> str:
        """What the socket may do: ``user``, ``operator`` or ``admin``."""
        return self._ask("show cli level").strip()

    def exists(self, file: str) -> bool:
        """Whether there is a store of this name, with a certificate or empty."""
        return "Filename: " in self._ask(f"show ssl cert {file}")

    def served(self, file: str) -> Served | None:
        """The certificate in memory; ``None`` where there is none."""
        said = self._ask(f"show ssl cert {file}")
        found = DIGEST.search(said)
        return Served(found[1], said.count("Chain Subject: ")) if found else None

    def commit(self, file: str, text: str) -> None:
        """Create the store if it is missing, and replace its certificate, chain and key in one transaction.

        Raises:
            ConcurrentModification: HAProxy has one transaction at a time, and it is somebody else's.
            Permanent: HAProxy refuses the certificate; the transaction was aborted.
        """
        # Before anything is set: HAProxy puts the content into a transaction that is open, whatever it is about.
        if others := set(re.findall(r"^\*(\S+)$", self._ask("show ssl cert"), re.MULTILINE)) - {file}:
            action = f"Nothing, or end it where nobody does: `abort ssl cert {min(others)}`."
            raise ConcurrentModification(f"a transaction about {min(others)} is under way", action=action)
        if not self.exists(file):
            self._do(f"new ssl cert {file}", "New empty certificate store")
        # A blank line ends the payload; sent at once, so that no one comes between the two.
        try:
            self._do(
                f"set ssl cert {file} <<\n{text}\ncommit ssl cert {file}", f"Committing {file}", "Success!"
            )
        except Permanent:
            self._ask(f"abort ssl cert {file}")
            raise

    def listed(self, file: str) -> list[str]:
        """Each entry of the crt-list with this file, with its line. Raises Misconfigured: there is no such list."""
        said = self._ask(f"show ssl crt-list -n {self.crt_list}")
        if not said.startswith("#"):
            raise Misconfigured("crt_list", f"HAProxy has no such crt-list or folder: {scrubbed(said)}")
        return [line for line in said.splitlines() if re.sub(r"(:\d+)?( .*)?$", "", line) == file]

    def add(self, file: str) -> None:
        """Have the certificate served where the crt-list is bound."""
        self._do(f"add ssl crt-list {self.crt_list} {file}", "Success!")

    def delete(self, file: str) -> None:
        """Take every entry out of the crt-list, and the certificate out of memory."""
        entries = self.listed(file)
        for entry in reversed(entries):  # from below, as lines move up
            which = entry.split()[0] if len(entries) > 1 else file
            self._do(f"del ssl crt-list {self.crt_list} {which}", "deleted in crtlist")
        self._do(f"del ssl cert {file}", "deleted!")

    def _do(self, commands: str, *signs: str) -> None:
        """Send commands whose answers have these texts if they succeed."""
        said = self._ask(commands)
        if all(sign in said for sign in signs):
            return
        first = commands.splitlines()[0].removesuffix(" <<")
        if "Permission denied" in said:
            raise Unauthorized(f"{first}: permission denied", action="Give the socket `level admin`.")
        if "in use" in said or "it is used" in said:
            action = (
                "Take it out of the other crt-lists of HAProxy, or have another default there; then retry."
            )
            raise Permanent(f"{first}: {scrubbed(said)}", action=action)
        raise Permanent(f"{first}: {scrubbed(said)}")

    def _ask(self, commands: str) -> str:
        host, _, port = self.address.rpartition(":")
        family = socket.AF_UNIX if self.address.startswith("/") else None
        with (
            socket.socket(family) if family else socket.create_connection((host, int(port)), SECONDS) as line
        ):
            line.settimeout(SECONDS)
            if family:
                line.connect(self.address)
            line.sendall(f"{commands}\n".encode())
            line.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: line.recv(65536), b"")).decode("utf-8", "replace")


def read(path: Path) -> str | None:
    """The text of a file; ``None`` where there is none."""
    return path.read_text() if path.exists() else None


def written(path: Path, text: str) -> None:
    """Replace a file in one step, with the mode 0600."""
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(unfinished).replace(path)
    except OSError:
        Path(unfinished).unlink(missing_ok=True)
        raise


def removed(path: Path) -> bool:
    """Delete a file; whether there was one."""
    with suppress(FileNotFoundError):
        path.unlink()
        return True
    return False
