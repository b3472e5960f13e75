"""A fake for HAProxy's runtime API over a UNIX socket: certificates, their transaction, and crt-lists."""

import socketserver
import threading
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

NOT_FOUND = "Can't display the certificate: Not found or the certificate is a bundle!"
MAY_ONLY_READ = ("show",)


@dataclass
class Runtime:
    """What one process of HAProxy 2.6 has in memory, with its answers word for word.

    Attributes:
        certificates: by file name the PEM that is served; empty text for a store without a certificate.
        lists: by name of a crt-list, or of a folder, the file names in it, in their order.
        transaction: the one that is under way, if any: file name and PEM.
        cut_after: of this many requests with a write, the connection is cut once they are carried out.
    """

    certificates: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    transaction: tuple[str, str] | None = None
    cut_after: int = 0

    def answer(self, text: str, level: str) -> str:
        """The answers to all commands of a connection, divided by lines and semicolons; a blank line ends a payload."""
        said, lines = [], text.split("\n")
        while lines:
            line = lines.pop(0)
            for command in line.split(";"):
                payload = ""
                if command.endswith("<<"):
                    end = lines.index("") if "" in lines else len(lines)
                    payload, lines = "\n".join(lines[:end]), lines[end + 1 :]
                if words := command.removesuffix("<<").split():
                    said.append(self._command(words, payload, level))
        return "".join(f"{each}\n\n" for each in said)

    def _command(self, words: list[str], payload: str, level: str) -> str:
        if words == ["show", "cli", "level"]:
            return level
        if words[0] not in MAY_ONLY_READ and level != "admin":
            return "Permission denied"
        verb, subject, *arguments = (words[0], words[2] if len(words) > 2 else "", *words[3:])
        if words[1:2] != ["ssl"] or subject not in ("cert", "crt-list"):
            return "Unknown command. Please enter one of the following commands only:"
        handler = getattr(self, f"_{verb}_{subject.replace('-', '_')}", None)
        return handler(*arguments, payload) if handler else "Unknown command, but maybe one of the following:"

    def _show_cert(self, name: str, _: str = "") -> str:
        if not name:
            begun = ["# transaction", f"*{self.transaction[0]}"] if self.transaction else []
            return "\n".join([*begun, "# filename", *self.certificates])
        pem = self.transaction[1] if self.transaction and name == f"*{self.transaction[0]}" else None
        pem = self.certificates.get(name) if pem is None else pem
        if pem is None:
            return NOT_FOUND
        if not pem:
            return f"Filename: {name}\nStatus: Empty\nOCSP Response Key: "
        leaf = x509.load_pem_x509_certificate(pem.encode())
        used = any(name in entries for entries in self.lists.values())
        digest = sha1(leaf.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest().upper()
        status = "Used" if used else "Unused"
        chain = x509.load_pem_x509_certificates(pem.encode())[1:]
        lines = [f"Chain Subject: {each.subject.rfc4514_string()}" for each in chain]
        facts = [f"Filename: {name}", f"Status: {status}", f"Serial: {leaf.serial_number:X}"]
        return "\n".join([*facts, f"SHA1 FingerPrint: {digest}", *lines])

    def _new_cert(self, name: str, _: str) -> str:
        if name in self.certificates:
            return f"Certificate '{name}' already exists!"
        self.certificates[name] = ""
        return f"New empty certificate store '{name}'!"

    def _set_cert(self, name: str, payload: str) -> str:
        if name not in self.certificates:
            return f"Can't replace a certificate which is not referenced by the configuration!\nCan't update {name}!"
        if "BEGIN" not in payload:
            return f"unable to load certificate from file '{name}'.\nCan't load the payload\nCan't update {name}!"
        # HAProxy 2.6 puts the content into the transaction that is open, whatever it is about.
        open_for, done = (self.transaction[0], "updated") if self.transaction else (name, "created")
        self.transaction = (open_for, payload + "\n")
        return f"Transaction {done} for certificate {open_for}!"

    def _commit_cert(self, name: str, _: str) -> str:
        failed = f"Can't commit {name}!"
        if self.transaction is None:
            return f"No ongoing transaction! !\n{failed}"
        if self.transaction[0] != name:
            return self._another(name) + failed
        pem = self.transaction[1]
        if "PRIVATE KEY" not in pem:
            return f"The transaction must contain at least a certificate and a private key!\n{failed}"
        leaf = x509.load_pem_x509_certificate(pem.encode())
        if load_pem_private_key(pem.encode(), None).public_key() != leaf.public_key():
            return f"inconsistencies between private key and certificate loaded '{name}'.\n{failed}"
        self.certificates[name], self.transaction = pem, None
        return f"Committing {name}\nSuccess!"

    def _abort_cert(self, name: str, _: str) -> str:
        if self.transaction is None:
            return "No ongoing transaction!"
        if self.transaction[0] != name:
            return self._another(name)
        self.transaction = None
        return f"Transaction aborted for certificate '{name}'!"

    def _del_cert(self, name: str, _: str) -> str:
        if name not in self.certificates:
            return f"Can't remove the certificate: certificate '{name}' doesn't exist!"
        if any(name in entries for entries in self.lists.values()):
            return f"Can't remove the certificate: certificate '{name}' in use, can't be deleted!\n"
        del self.certificates[name]
        return f"Certificate '{name}' deleted!"

    def _show_crt_list(self, *arguments: str) -> str:
        name = next((each for each in arguments if each not in ("-n", "")), "").rstrip("/")
        if name not in self.lists:
            return "didn't find the specified filename"
        return "\n".join([f"# {name}", *(f"{file}:{line}" for line, file in enumerate(self.lists[name], 1))])

    def _add_crt_list(self, name: str, file: str, _: str) -> str:
        name = name.rstrip("/")
        if name not in self.lists:
            return f"Can't edit the crt-list: crt-list '{name}' does not exist!"
        if not self.certificates.get(file):
            return f"Can't edit the crt-list: certificate '{file}' does not exist!"
        if not name.endswith(".txt") and str(Path(file).parent) != name:
            must = f"'{name}' is a directory, certificate path '{file}' must contain the directory path"
            return f"Can't edit the crt-list: {must}"
        if not name.endswith(".txt") and file in self.lists[name]:
            return "Can't edit the crt-list: file already exists in this directory!"
        self.lists[name].append(file)
        return f"Inserting certificate '{file}' in crt-list '{name}'.\nSuccess!"

    def _del_crt_list(self, name: str, file: str, _: str) -> str:
        name, (file, _, line) = name.rstrip("/"), file.partition(":")
        entries = self.lists.get(name, [])
        numbers = [number for number, entry in enumerate(entries, 1) if entry == file]
        if not numbers or (line and int(line) not in numbers):
            return f"Can't delete the entry: certificate '{file}' isn't used by the crt-list!"
        if not line and len(numbers) > 1:
            many = ", ".join(map(str, numbers))
            return (
                f"Can't delete the entry: found the certificate '{file}' in several entries, "
                f"please specify a line number preceded by colons ({many})!"
            )
        del entries[int(line or numbers[0]) - 1]
        return f"Entry '{file}' deleted in crtlist '{name}'!"

    def _another(self, name: str) -> str:
        assert self.transaction
        return (
            f"The ongoing transaction is about '{self.transaction[0]}' but you are trying to set '{name}'\n"
        )


class HaproxyRuntime:
    """A `Runtime` behind two sockets in a folder: one of level admin, one of level operator."""

    def __init__(self, folder: Path) -> None:
        self.runtime, self._lock = Runtime(), threading.Lock()
        self.socket, self.operator = folder / "admin.sock", folder / "operator.sock"
        levels = ((self.socket, "admin"), (self.operator, "operator"))
        self._servers = [self._server(path, level) for path, level in levels]
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            for server in self._servers
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def _server(self, path: Path, level: str) -> "_Server":
        fake = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                text = b""
                while chunk := self.request.recv(65536):
                    text += chunk
                with fake._lock:
                    said = fake.runtime.answer(text.decode(), level)
                    if b"commit ssl cert" in text and fake.runtime.cut_after:
                        fake.runtime.cut_after -= 1
                        return
                self.wfile.write(said.encode())

        return _Server(str(path), Handler)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""
