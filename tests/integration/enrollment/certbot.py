"""certbot as people run it, in folders of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from certrail_server.ports import free_port

COMMAND = (sys.executable, "-c", "from certbot.main import main; main()")


@dataclass
class Certbot:
    """One installation of certbot.

    Attributes:
        port: where its own web server listens for HTTP-01.
    """

    folder: Path
    directory: str
    port: int

    @classmethod
    def at(cls, folder: Path, directory: str) -> "Certbot":
        return cls(folder, directory, free_port())

    def run(self, *words: str, fails: bool = False) -> str:
        """Run a command; returns what it printed."""
        folders = [
            part for name in ("config", "work", "logs") for part in (f"--{name}-dir", str(self.folder / name))
        ]
        command = [*COMMAND, *words, *folders, "--non-interactive"]
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=240, check=False, env={**os.environ, "LANG": "C"}
        )
        printed = ended.stdout + ended.stderr
        assert (ended.returncode != 0) is fails, printed
        return printed

    def certonly(self, *names: str, more: tuple[str, ...] = (), fails: bool = False) -> str:
        """Get a certificate by HTTP-01."""
        wanted = [part for name in names for part in ("-d", name)]
        return self.run(
            "certonly",
            "--standalone",
            "--server",
            self.directory,
            "--http-01-port",
            str(self.port),
            "--http-01-address",
            "127.0.0.1",
            "--agree-tos",
            "--register-unsafely-without-email",
            "--no-eff-email",
            *wanted,
            *more,
            fails=fails,
        )

    def live(self, name: str, file: str = "cert.pem") -> Path:
        """A file of the present certificate."""
        return self.folder / "config" / "live" / name / file

    def log(self) -> str:
        """What it has logged so far, the answers of the server among it."""
        file = self.folder / "logs" / "letsencrypt.log"
        return file.read_text() if file.is_file() else ""
