"""A DNS server on loopback, whose records a test sets, and which may answer otherwise the next time."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dns import flags, message, rcode, rdatatype, rrset

LARGEST = 4096


class DnsServer:
    """Answers A, AAAA, CNAME and TXT over UDP.

    Attributes:
        queries: how often each name and type was asked for.
    """

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], list[list[str]]] = {}
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.queries: Counter[tuple[str, str]] = Counter()

    @property
    def address(self) -> str:
        """As a setting names it: ``127.0.0.1:port``."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def set(self, name: str, kind: str, *answers: list[str]) -> None:
        """The records of a name. Of several answers each is given once, and the last one from then on."""
        with self._lock:
            self._records[name.rstrip(".").lower(), kind] = list(answers)

    def add(self, name: str, kind: str, value: str) -> None:
        """One more record beside the present ones."""
        with self._lock:
            present = self._records.setdefault((name.rstrip(".").lower(), kind), [[]])
            present[-1] = [*present[-1], value]

    def clear(self, name: str, kind: str) -> None:
        """Remove the records of a name."""
        with self._lock:
            self._records.pop((name.rstrip(".").lower(), kind), None)

    def run(self) -> None:
        """Answer until the socket is closed."""
        while True:
            try:
                wire, client = self._socket.recvfrom(LARGEST)
            except OSError:
                return
            if not wire:
                return
            self._socket.sendto(self._answer(wire), client)

    def close(self) -> None:
        """Stop."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a query
        self._socket.close()

    def _answer(self, wire: bytes) -> bytes:
        query = message.from_wire(wire)
        answer = message.make_response(query)
        answer.flags |= flags.RA
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        kind = rdatatype.to_text(query.question[0].rdtype)
        self.queries[name, kind] += 1
        known = False
        while (alias := self._take(name, "CNAME")) is not None:
            answer.answer.append(rrset.from_text(f"{name}.", 0, "IN", "CNAME", f"{alias[0].rstrip('.')}."))
            name, known = alias[0].rstrip(".").lower(), True
        values = self._take(name, kind)
        if values:
            quoted = [f'"{value}"' if kind == "TXT" else value for value in values]
            answer.answer.append(rrset.from_text(f"{name}.", 0, "IN", kind, *quoted))
        elif not known and not any(each == name for each, _ in self._records):
            answer.set_rcode(rcode.NXDOMAIN)
        return answer.to_wire()

    def _take(self, name: str, kind: str) -> list[str] | None:
        with self._lock:
            answers = self._records.get((name, kind))
            if not answers:
                return None
            return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def dns_server() -> Iterator[DnsServer]:
    """A server in a thread of its own."""
    server = DnsServer()
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(5)
