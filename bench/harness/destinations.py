"""ACM as a destination that is measured: its fake, and boto3 without anything around it."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from certrail_fakes.acm import AcmServer
from certrail_fakes.acm_control import CONTROL_PATH

QUOTA = 100_000
DELIVERY_TAG = "certrail:delivery"
SECONDS = 120


@dataclass
class Acm:
    """One account, served by a process of its own: its work takes no turn from who measures."""

    url: str

    def connection(self) -> dict[str, Any]:
        """The configuration of a connection."""
        return {
            "region": AcmServer.region,
            "access_key_id": AcmServer.access_key_id,
            "secret_access_key": AcmServer.secret_access_key,
            "endpoint_url": self.url,
        }

    def empty(self, throttle_every: int = 0) -> None:
        """Forget all certificates and calls, and throttle every so many calls from here on."""
        self._control({"reset": True})
        self._control({"set": {"quota": QUOTA, "throttle_every": throttle_every}})

    def objects(self) -> Counter[str]:
        """How many certificates there are of each delivery."""
        stored = self._control({})["certificates"]
        return Counter(certificate["tags"].get(DELIVERY_TAG, "") for certificate in stored)

    def throttled(self) -> int:
        """How many calls were."""
        return sum(call["outcome"] == "ThrottlingException" for call in self._control({})["calls"])

    def imported_by_boto3(self, count: int, threads: int) -> float:
        """Import a certificate so many times under new ARNs, in a process that does nothing else; a second's count."""
        command = [sys.executable, "-m", "bench.bare_acm", self.url, str(count), str(threads)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS)
        return count / float(done.stdout)

    def _control(self, desired: dict[str, Any]) -> dict[str, Any]:
        answer = httpx2.post(f"{self.url}{CONTROL_PATH}", json=desired, timeout=60, trust_env=False)
        found: dict[str, Any] = json.loads(answer.raise_for_status().content)
        return found


@contextmanager
def acm() -> Iterator[Acm]:
    """Start an account."""
    command = [sys.executable, "-m", "certrail_fakes.acm"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Acm(process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()
