"""HAProxy for the tests: a fake of its runtime API, or the program itself."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from examples.demo.installation import until

from certrail_destination_haproxy import Haproxy, HaproxyConfig
from certrail_fakes.haproxy import HaproxyRuntime
from certrail_sdk import Bundle, pem
from certrail_sdk.testing import make_bundle
from certrail_server.ports import free_port

CONFIGURATION = """
global
  stats socket {root}/admin.sock mode 600 level admin
  stats socket {root}/operator.sock mode 600 level operator
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend folders
  bind 127.0.0.1:{port} ssl crt {root}/tls crt {root}/other
  http-request return status 200
"""


@dataclass
class Place:
    """One HAProxy with the folders ``tls`` and ``other``, and how to look into it."""

    root: Path
    fake: HaproxyRuntime | None = None
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        return self.root / "tls"

    def ask(self, commands: str) -> str:
        """What an administrator is answered."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(10)
            line.connect(str(self.root / "admin.sock"))
            line.sendall(commands.encode() + b"\n")
            line.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: line.recv(65536), b"")).decode()

    def puts_by_hand(self, name: str, bundle: Bundle) -> None:
        """A certificate of somebody else, in memory and in the folder."""
        file, text = self.folder / f"{name}.pem", pem.full_chain(bundle) + pem.key_of(bundle, "")
        file.write_text(text)
        said = self.ask(
            f"new ssl cert {file};set ssl cert {file} <<\n{text}\n;commit ssl cert {file};"
            f"add ssl crt-list {self.folder} {file}"
        )
        assert said.count("Success!") == 2, said

    def stored(self) -> Mapping[str, str]:
        """All certificates: those in memory where it can be read, else those of the folders."""
        if self.fake:
            return {name: text for name, text in self.fake.runtime.certificates.items() if text}
        files = [*self.folder.glob("*.pem"), *(self.root / "other").glob("*.pem")]
        return {str(file): file.read_text() for file in files if not file.name.startswith(".")}

    def served(self, name: str) -> str:
        """SHA-256 of the certificate that a client is shown for a name."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self.port), 10) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            shown = secure.getpeercert(binary_form=True)
        assert shown
        return sha256(shown).hexdigest()

    def start(self) -> None:
        """Start the program, and wait until it answers."""
        self.port = free_port()
        configuration = self.root / "haproxy.cfg"
        configuration.write_text(CONFIGURATION.format(root=self.root, port=self.port))
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        self.process = subprocess.Popen([program, "-f", str(configuration), "-db", "-q"])
        until(self._answers, "HAProxy answers")

    def stop(self) -> None:
        """Kill the program."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        with suppress(OSError):
            return self.ask("show cli level").strip() == "admin"
        return False


@contextmanager
def haproxy_at(root: Path, *, real: bool) -> Iterator[Place]:
    """A fake, or HAProxy with one certificate made by hand in each folder, as it wants one."""
    for name in ("tls", "other"):
        (root / name).mkdir()
    if not real:
        with HaproxyRuntime(root) as fake:
            fake.runtime.lists = {str(root / "tls"): [], str(root / "other"): []}
            yield Place(root, fake)
        return
    place = Place(root)
    for name in ("tls", "other"):
        bundle = make_bundle(f"default.{name}.example")
        (root / name / "0-default.pem").write_text(pem.full_chain(bundle) + pem.key_of(bundle, ""))
    place.start()
    try:
        yield place
    finally:
        place.stop()


def haproxy(place: Place, **changes: object) -> Haproxy:
    values: dict[str, object] = {
        "socket": str(place.root / "admin.sock"),
        "crt_list": str(place.folder),
        "folder": str(place.folder),
    }
    return Haproxy(HaproxyConfig.parse(values | changes))
