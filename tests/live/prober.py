"""Samples a server while something else is done to it: ``python -m tests.live.prober URL APPLICATION FILE``.

A process of its own, so that no load in the test's process delays a sample. Environment: ``PROBER_TOKEN``. Appends a
line of JSON for each call to the file, until it is ended: ``what``, ``began`` (seconds of ``time.monotonic``, which all
processes of a machine share), ``seconds`` and ``status``, which is 0 where no answer came.
"""

import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

HEALTH_EVERY, CALL_EVERY = 0.05, 1.0
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Sample:
    """One call of the prober."""

    what: str
    began: float
    seconds: float
    status: int


class Prober:
    """Calls of three kinds, each at its own pace and on a new connection, as a balancer and a client make them."""

    def __init__(self, url: str, application: str, token: str, file: TextIO) -> None:
        self._address = urlsplit(url).netloc
        self._requests = f"/api/v1/applications/{application}/certificate-requests"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._file, self._lock, self._ordered = file, threading.Lock(), 0

    def run(self) -> None:
        """Until the process is ended."""
        kinds = ((self._health, HEALTH_EVERY), (self._me, CALL_EVERY), (self._order, CALL_EVERY))
        threads = [threading.Thread(target=_repeat, args=kind) for kind in kinds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _health(self) -> None:
        self._sample("healthz", "GET", "/healthz", {})

    def _me(self) -> None:
        self._sample("me", "GET", "/api/v1/me", self._headers)

    def _order(self) -> None:
        self._ordered += 1
        name = f"probe-{self._ordered}.live.example"
        body = {"profile": "web", "subject": {"common_name": name}, "sans": {"dns": [name]}}
        self._sample("request", "POST", self._requests, self._headers, json.dumps(body))

    def _sample(
        self, what: str, method: str, path: str, headers: Mapping[str, str], body: str | None = None
    ) -> None:
        began, status = time.monotonic(), 0
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        sample = {"what": what, "began": began, "seconds": time.monotonic() - began, "status": status}
        with self._lock:
            self._file.write(json.dumps(sample) + "\n")
            self._file.flush()


def _repeat(call: Callable[[], None], every: float) -> None:
    due = time.monotonic()
    while True:
        call()
        # A call that takes longer than its pace is followed at once by the next one, not by all that were due.
        due = max(due + every, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


def samples(file: Path, began: float, ended: float) -> list[Sample]:
    """What was sampled by calls that began within a period."""
    lines = file.read_text().splitlines()
    found = [Sample(**json.loads(line)) for line in lines if line.endswith("}")]
    return [sample for sample in found if began <= sample.began <= ended]


def main() -> None:
    """Sample until the process is ended."""
    url, application, file = sys.argv[1:]
    with Path(file).open("a") as output:
        Prober(url, application, os.environ["PROBER_TOKEN"], output).run()


if __name__ == "__main__":
    main()
