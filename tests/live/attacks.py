"""What a client can send to hold up everybody else: each attack bounded in connections, calls and time."""

import asyncio
import base64
import contextlib
import http.client
import json
import resource
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SECONDS = 20.0
"""Of each attack."""
CLIENTS = 4
"""That send expensive calls, each the next one as soon as the last one is answered."""
SLOW, POLLS = 1200, 500
MOST_OPENED = 20_000
"""Connections of one attack, with those that are opened anew."""
NO_ANSWER = 0
REFUSED_SECONDS = 10.0
"""After which a long poll that was refused is tried again."""
HALF = "a" * 40 + "b" + "a" * 20
DESCRIPTORS = 4096


@dataclass
class Outcome:
    """What an attack was answered with: how often each status, and the slowest answer in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0

    def add(self, status: int, seconds: float) -> None:
        """One answer."""
        self.statuses[status] += 1
        self.slowest = max(self.slowest, seconds)


@dataclass(frozen=True)
class Caller:
    """One client with a token."""

    url: str
    token: str

    def connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)

    def call(
        self, connection: http.client.HTTPConnection, method: str, path: str, content: bytes | None
    ) -> int:
        """Returns the status."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection.request(method, f"/api/v1{path}", content, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def slowloris(url: str) -> Outcome:
    """1,200 clients that send a letter a second: half of them of a header, half of a body."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
    return asyncio.run(_slowloris(urlsplit(url)))


async def _slowloris(url: Any) -> Outcome:
    outcome, ends, opened = Outcome(), time.monotonic() + SECONDS, 0

    async def one(begin: bytes) -> None:
        nonlocal opened
        while time.monotonic() < ends and opened < MOST_OPENED:
            opened += 1
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(url.hostname, url.port)
                writer.write(begin)
                await _dripped(reader, writer, ends)
                writer.close()
            outcome.statuses[NO_ANSWER] += 1
            await asyncio.sleep(1)  # a client that was thrown out comes again, not at once

    header = b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: "
    body = b"POST /api/v1/syncs HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"
    await asyncio.gather(*(one(body if number % 2 else header) for number in range(SLOW)))
    return outcome


async def _dripped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends: float) -> None:
    """A letter a second, until the server ends the connection."""
    gone = asyncio.ensure_future(reader.read(1))
    while not gone.done() and time.monotonic() < ends:
        writer.write(b"x")
        await asyncio.wait([gone], timeout=1)
    gone.cancel()
    with contextlib.suppress(asyncio.CancelledError, OSError):
        await gone


def long_polls(callers: Sequence[Caller], request_id: str) -> Outcome:
    """500 calls that wait for one request, again as soon as they are answered."""
    path = f"/certificate-requests/{request_id}?wait={SECONDS:.0f}"
    return _flood(
        [callers[number % len(callers)] for number in range(POLLS)],
        "GET",
        path,
        [None],
        pause=REFUSED_SECONDS,
    )


def floods(callers: Sequence[Caller], path: str, contents: Sequence[bytes]) -> Outcome:
    """Calls with these bodies in turn."""
    return _flood([callers[number % len(callers)] for number in range(CLIENTS)], "POST", path, contents)


def _flood(
    callers: Sequence[Caller], method: str, path: str, contents: Sequence[bytes | None], pause: float = 0.0
) -> Outcome:
    outcome, lock, ends = Outcome(), threading.Lock(), time.monotonic() + SECONDS

    def run(caller: Caller, number: int) -> None:
        connection = caller.connected()
        while time.monotonic() < ends:
            began, status = time.monotonic(), NO_ANSWER
            try:
                status = caller.call(connection, method, path, contents[number % len(contents)])
            except (OSError, http.client.HTTPException):
                connection.close()
            number += 1
            with lock:
                outcome.add(status, time.monotonic() - began)
            if status != 200:
                time.sleep(pause)
        connection.close()

    threads = [threading.Thread(target=run, args=(caller, number)) for number, caller in enumerate(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcome


def costly_patterns(of: str) -> list[str]:
    """45 of them: half of each is in every name of `hundred_names`, and the rest is nearly there."""
    return [f"*{HALF}*{HALF}*{of}{number}.example" for number in range(45)]


def hundred_names() -> Mapping[str, Any]:
    """A request with the longest names that there are."""
    names = [f"{HALF}.{'a' * 60}.{'a' * 60}.{'a' * 40}{number:03}.live.example" for number in range(100)]
    return {"sans": {"dns": names}}


def wrong_names(count: int) -> bytes:
    """A request with as many names that are none."""
    return json.dumps({"profile": "web", "sans": {"dns": ["a_b"] * count}}).encode()


def costly_files(folder: Path) -> list[bytes]:
    """Imports of files that take a second of a processor each, with a wrong password; and of one that is refused."""
    _openssl(folder, "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out leaf.pem -days 9 -subj /CN=bomb")
    store = "pkcs12 -export -inkey key.pem -in leaf.pem -passout pass:x -maciter"
    _openssl(folder, f"{store} -out most.p12 -iter 900000")
    key = "pkcs8 -topk8 -in key.pem -v2 aes-256-cbc -passout pass:x"
    _openssl(folder, f"{key} -out most.pem -iter 1900000")
    _openssl(folder, f"{key} -out more.pem -iter 2100000")
    pkcs12 = base64.b64encode((folder / "most.p12").read_bytes()).decode()
    leaf = (folder / "leaf.pem").read_text()
    keys = ((folder / name).read_text() for name in ("most.pem", "more.pem"))
    bodies = [{"pkcs12": pkcs12}, *({"certificate": leaf, "private_key": key} for key in keys)]
    return [json.dumps({**body, "password": "wrong"}).encode() for body in bodies]


def _openssl(folder: Path, text: str) -> None:
    subprocess.run(["openssl", *text.split()], cwd=folder, check=True, capture_output=True)
