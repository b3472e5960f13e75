"""All certificates of a host: once, or until the process is ended."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from certrail_agent.api import Api
from certrail_agent.attempts import Work
from certrail_agent.config import Config, Wanted
from certrail_agent.errors import AgentError
from certrail_agent.lifecycle import Lifecycle, Outcome
from certrail_agent.notify import notify, watchdog_seconds
from certrail_agent.state import Store

LONG_POLL = 50.0
LONGEST_PASS = 600.0
"""Seconds: a pass that takes longer hangs, and the watchdog is not fed any more."""
LONGEST_SLEEP = 3_600.0

logger = logging.getLogger(__name__)


def token_of(config: Config) -> str:
    """The access token. Raises AgentError."""
    path = config.token_path
    try:
        mode = path.stat().st_mode
        token = path.read_text().strip()
    except OSError as error:
        action = "Enroll this host with certrail-agent enroll, or set server.token_file."
        raise AgentError(f"the token {path} cannot be read: {error.strerror}", action) from None
    if mode & 0o077:
        raise AgentError(f"the token {path} may be read by others", f"Run chmod 600 {path}.")
    return token


def lifecycle(config: Config, wanted: Wanted, token: str) -> Lifecycle:
    """Of one certificate, with a connection of its own."""
    api = Api(config.url, token, config.ca_file)
    return Lifecycle(Work(wanted, api, Store(config.state_dir, wanted.name)), config.check_every)


def run_once(config: Config, wait: float, *, look: bool = False) -> Mapping[str, Outcome]:
    """Take every certificate as far as possible.

    Args:
        wait: seconds for which requests that wait are followed, all together.

    Raises:
        AgentError: there is no token.
    """
    deadline, found = time.monotonic() + wait, {}
    token = token_of(config)
    for wanted in config.certificates:
        try:
            certificate = lifecycle(config, wanted, token)
        except AgentError as error:
            # A state file that cannot be read is that certificate's alone.
            found[wanted.name] = Outcome("failed", " ".join(filter(None, (f"{error}.", error.action))), 0.0)
            continue
        outcome = certificate.advance(look=look)
        while outcome.status == "waiting" and (left := deadline - time.monotonic()) > 0:
            outcome = certificate.advance(min(LONG_POLL, left))
        found[wanted.name] = outcome
        certificate.work.api.close()
    return found


class Service:
    """A thread for each certificate: one that waits for its approval holds up no other."""

    def __init__(self, config: Config) -> None:
        token = token_of(config)
        self._threads = [_Worker(lifecycle(config, each, token)) for each in config.certificates]

    def run(self, stop: threading.Event) -> None:
        """Go on until `stop` is set."""
        for worker in self._threads:
            worker.start()
        notify("READY=1", self._status())
        pause = min(watchdog_seconds() or 10.0, 10.0)
        while not stop.wait(pause):
            if stuck := [worker.name for worker in self._threads if worker.is_stuck()]:
                # Not fed any more, systemd ends this process and starts another one.
                logger.error("%s: no progress for %s s", ", ".join(stuck), int(LONGEST_PASS))
                notify(f"STATUS=stuck: {', '.join(stuck)}")
                continue
            notify("WATCHDOG=1", self._status())
        notify("STOPPING=1")
        for worker in self._threads:
            worker.stop()

    def look_now(self) -> None:
        """Have every certificate looked at, whatever it waits for."""
        for worker in self._threads:
            worker.look_now()

    def _status(self) -> str:
        counts: dict[str, int] = {}
        for worker in self._threads:
            counts[worker.status] = counts.get(worker.status, 0) + 1
        return "STATUS=" + ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))


class _Worker(threading.Thread):
    """The passes of one certificate, and the pauses between them."""

    def __init__(self, certificate: Lifecycle) -> None:
        super().__init__(name=certificate.work.wanted.name, daemon=True)
        self.status = "starting"
        self._certificate = certificate
        self._wake, self._stops, self._looks = threading.Event(), False, False
        self._began: float | None = None

    def run(self) -> None:
        """Pass by pass. An error that nobody foresaw is logged, and the next pass begins from what is on the disk."""
        waits = 0.0
        while not self._stops:
            looks, self._looks = self._looks, False
            self._wake.clear()
            self._began = began = time.monotonic()
            try:
                outcome = self._certificate.advance(waits, look=looks)
            except Exception:
                logger.exception("%s: this is a fault of the agent; report it", self.name)
                outcome = Outcome("failed", "a fault of the agent", 60.0)
                self._certificate.work.reload()
            self._began, self.status = None, outcome.status
            # The answer to a long poll comes when there is news, so the next call follows at once; an answer that was
            # not held back is followed by a pause.
            follows = outcome.status == "waiting" and time.monotonic() - began >= waits / 2
            waits = LONG_POLL if outcome.status == "waiting" else 0.0
            if not follows:
                self._wake.wait(min(outcome.again, LONGEST_SLEEP))

    def stop(self) -> None:
        """End after the present pass."""
        self._stops = True
        self._wake.set()

    def look_now(self) -> None:
        """End the present pause."""
        self._looks = True
        self._wake.set()

    def is_stuck(self) -> bool:
        """Whether its pass does not end, or its thread has."""
        began = self._began
        return not self.is_alive() or (began is not None and time.monotonic() - began > LONGEST_PASS)


def states(config: Config) -> Sequence[tuple[Wanted, Store]]:
    """Each certificate with its state, without a call to the server."""
    return [(wanted, Store(Path(config.state_dir), wanted.name)) for wanted in config.certificates]
