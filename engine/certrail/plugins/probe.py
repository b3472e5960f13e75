"""Imports plugins in a process of their own first: one that hangs, exits or crashes while it is imported hurts nobody.

The outcome is remembered by the files of the plugin, so that only a new or changed plugin is probed.
"""

import fcntl
import importlib.util
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import EntryPoint
from pathlib import Path
from queue import Empty, SimpleQueue
from time import time

log = logging.getLogger(__name__)

LIMIT_SECONDS = 20.0
"""How long one import may take: generous, as a machine that starts is busy."""
SLOW_AGAIN_AFTER = 3600.0
"""Seconds after which an import that took too long is tried again: the machine may have been at fault."""
TOO_LONG = f"import took more than {LIMIT_SECONDS:.0f} s"


@dataclass(frozen=True)
class Candidate:
    """One entry point that is to be imported."""

    distribution: str
    version: str
    entry_point: EntryPoint

    @property
    def key(self) -> tuple[str, str]:
        """What the registry knows it by."""
        return self.distribution, self.entry_point.name

    def fingerprint(self) -> str:
        """Changes with every file of the plugin, with its version and with this Python."""
        facts = [
            sys.version,
            self.distribution,
            self.version,
            self.entry_point.value,
            *_files(self.entry_point),
        ]
        return sha256("\n".join(facts).encode()).hexdigest()


class ImportProbe:
    """Tries imports in another process, one time for each version of a plugin's files.

    Args:
        memory: file in which outcomes are kept; ``None`` to keep none.
    """

    def __init__(self, memory: Path | None) -> None:
        self._memory = memory

    def refused(self, candidates: Sequence[Candidate]) -> Mapping[tuple[str, str], str]:
        """Why an entry point must not be imported, by distribution and name; those that may be are left out."""
        prints = {candidate.key: candidate.fingerprint() for candidate in candidates}
        with _locked(self._memory):
            known = _remembered(self._memory)
            unknown = [candidate for candidate in candidates if prints[candidate.key] not in known]
            if unknown:
                found = _probe(unknown)
                for candidate in unknown:
                    known[prints[candidate.key]] = {"reason": found.get(candidate.key, ""), "at": time()}
                _remember(self._memory, {key: known[key] for key in prints.values()})
        reasons = {candidate.key: str(known[prints[candidate.key]]["reason"]) for candidate in candidates}
        return {key: reason for key, reason in reasons.items() if reason}


@contextmanager
def _locked(memory: Path | None) -> Iterator[None]:
    """While one process probes, others wait for what it finds."""
    handle = None
    if memory is not None:
        with suppress(OSError):
            handle = os.open(memory.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if handle is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _probe(candidates: Sequence[Candidate]) -> Mapping[tuple[str, str], str]:
    """Import all in one process; whatever ends it is the culprit, and the others are imported in another one."""
    reasons: dict[tuple[str, str], str] = {}
    left = list(candidates)
    while left:
        done, why = _attempt([candidate.entry_point.value for candidate in left])
        left = left[done:]
        if left:
            culprit = left.pop(0)
            reasons[culprit.key] = why
    return reasons


def _attempt(values: Sequence[str]) -> tuple[int, str]:
    """How many were imported, and what was wrong with the next one."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *values],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    try:
        done = sum(1 for _ in _lines(process, len(values)))
        if done == len(values):
            return done, ""
        if process.poll() is None:
            return done, TOO_LONG
        return done, f"import ended the process ({_how(process.returncode)})"
    finally:
        process.kill()
        process.wait()


def _lines(process: subprocess.Popen[bytes], count: int) -> Iterator[None]:
    """One for each import that has ended in time, until one has not, or the process is gone."""
    said: SimpleQueue[bool] = SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line == _SAID:
                said.put(True)
        process.wait()
        said.put(False)

    threading.Thread(target=read, daemon=True).start()
    for _ in range(count):
        try:
            if not said.get(timeout=LIMIT_SECONDS):
                return
        except Empty:
            return
        yield


def _files(entry_point: EntryPoint) -> Iterator[str]:
    """Names, sizes and times of the files of the entry point's top-level module, found without importing it."""
    spec = None
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(entry_point.module.partition(".")[0])
    if spec is None:
        return
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    files = [file for folder in folders for file in folder.rglob("*.py")] or [Path(spec.origin or "")]
    for file in sorted(files):
        with suppress(OSError):
            stat = file.stat()
            yield f"{file} {stat.st_size} {stat.st_mtime_ns}"


def _remembered(memory: Path | None) -> dict[str, dict[str, object]]:
    if memory is None:
        return {}
    try:
        kept = json.loads(memory.read_text())
        return {
            key: row
            for key, row in kept.items()
            if row["reason"] != TOO_LONG or time() - row["at"] < SLOW_AGAIN_AFTER
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _remember(memory: Path | None, outcomes: Mapping[str, object]) -> None:
    if memory is None:
        return
    temporary = memory.with_suffix(f".{os.getpid()}")
    try:
        temporary.write_text(json.dumps(outcomes))
        temporary.replace(memory)
    except OSError as problem:
        log.debug("what plugins can be imported is not remembered: %s", problem)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


_SAID = b"\x01imported\n"
_PROGRAM = """
import os, sys
from importlib.metadata import EntryPoint
out = os.dup(1)
os.dup2(2, 1)
for value in sys.argv[1:]:
    try:
        EntryPoint("probed", value, "certrail").load()
    except Exception:
        pass  # the registry says why
    os.write(out, b"\\x01imported\\n")
os._exit(0)
"""
