"""What one certificate has come to: one file, replaced in one step, so that a restart goes on where it was."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from certrail_agent import disk
from certrail_agent.errors import AgentError

REVISION = 1
LARGEST_FILE = 1 << 20


@dataclass
class Attempt:
    """One request for a certificate, from its key to its deployment.

    It is on the disk before the request is sent, with the idempotency key and the very content: whatever is cut off is
    sent again, and is the same request.

    Attributes:
        idempotency_key: of the request.
        started_at: POSIX time.
        body: of a first request; a renewal sends its CSR only.
        csr: PKCS#10, PEM; `None` where certrail makes the key.
        renews: id of the certificate that is renewed.
        request_id: once the server has answered.
        certificate_id: once it is issued.
    """

    idempotency_key: str
    started_at: float
    wanted: str
    body: dict[str, Any] | None = None
    csr: str | None = None
    renews: str | None = None
    request_id: str | None = None
    certificate_id: str | None = None


@dataclass
class Held:
    """The certificate in use.

    Attributes:
        wanted: digest of the configuration that it was requested for.
        not_before, not_after: POSIX times.
        renew_at: POSIX time, as the server advised last; `None` if it did not.
    """

    certificate_id: str
    lineage_id: str
    fingerprint: str
    wanted: str
    not_before: float
    not_after: float
    renew_at: float | None = None


@dataclass
class Failure:
    """What failed last, how often in a row, and before which POSIX time it is not tried again.

    Attributes:
        stage: `server`, `request` or `deploy`.
    """

    stage: str
    message: str
    action: str
    since: float
    count: int = 1
    next_try_at: float = 0.0


@dataclass
class Served:
    """What the health check saw last.

    Attributes:
        verdict: `served`, `older`, `other` or `unreachable`.
        fingerprint: of the certificate that was shown.
        at: POSIX time.
    """

    verdict: str
    fingerprint: str | None
    at: float


@dataclass
class State:
    """Of one certificate.

    Attributes:
        checked_at: POSIX time of the last look at the server's advice.
    """

    attempt: Attempt | None = None
    held: Held | None = None
    failure: Failure | None = None
    served: Served | None = None
    checked_at: float = 0.0
    revision: int = field(default=REVISION)


class Store:
    """Where the state of one certificate and its unfinished key are."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = folder / f"{name}.json"
        self._key = folder / f"{name}.key"

    def load(self) -> State:
        """As it was saved; an empty one at first. Raises AgentError for a file that is not ours."""
        try:
            with self._file.open("rb") as file:
                document = json.loads(file.read(LARGEST_FILE))
        except FileNotFoundError:
            return State()
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None
        try:
            if document["revision"] != REVISION:
                raise ValueError(f"revision {document['revision']}")
            return State(
                attempt=Attempt(**document["attempt"]) if document["attempt"] else None,
                held=Held(**document["held"]) if document["held"] else None,
                failure=Failure(**document["failure"]) if document["failure"] else None,
                served=Served(**document["served"]) if document["served"] else None,
                checked_at=float(document["checked_at"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._unreadable(error) from None

    def save(self, state: State) -> None:
        """Have it on the disk when this returns."""
        disk.replace(self._file, json.dumps(asdict(state), indent=1).encode())

    def save_key(self, key: str) -> None:
        """Keep a new private key, for its owner only, before anything refers to it."""
        disk.replace(self._key, key.encode(), 0o600)

    def key(self) -> str | None:
        """The unfinished key."""
        try:
            return self._key.read_text()
        except FileNotFoundError:
            return None

    def delete_key(self) -> None:
        """Of an attempt that is finished: the key is in use, or of no use."""
        self._key.unlink(missing_ok=True)
        disk.sync(self._key.parent)

    def _unreadable(self, error: Exception) -> AgentError:
        return AgentError(
            f"{self._file} cannot be read ({error})",
            "Move it away: the agent then requests a new certificate.",
        )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make the state folder, and hold it for one process at a time. Raises AgentError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AgentError(
            f"the state folder {folder} cannot be used: {error.strerror}", "Correct its owner, or state_dir."
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AgentError(
                f"another certrail-agent uses {folder}", "Let that one do it, or stop it."
            ) from None
        yield
    finally:
        os.close(descriptor)
