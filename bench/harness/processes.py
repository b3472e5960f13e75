"""Memory and processor time of a tree of processes, as `/proc` tells them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
PARENT, USER, SYSTEM = 1, 11, 12
"""Fields of `stat` after the name, which may hold anything: proc(5) counts them from 3."""


def tree(root: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for pid, fields in _all():
        children.setdefault(int(fields[PARENT]), []).append(pid)
    found, left = list[int](), [root]
    while left:
        pid = left.pop()
        found.append(pid)
        left += children.get(pid, ())
    return found


def megabytes(pids: list[int]) -> float:
    """What they hold in memory; a page that several share counts once (PSS)."""
    return sum(map(_kilobytes, pids)) / 1024


def processor_seconds(pids: list[int]) -> float:
    """What they have used so far."""
    wanted = set(pids)
    return sum((int(fields[USER]) + int(fields[SYSTEM])) / TICKS for pid, fields in _all() if pid in wanted)


def name_of(pid: int) -> str:
    """What a process is called, as the first word that says something."""
    words = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").split()
    return " ".join(Path(word).name for word in words[:3])


def _kilobytes(pid: int) -> int:
    with suppress(OSError):
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 0


def _all() -> Iterator[tuple[int, list[str]]]:
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                yield int(folder.name), (folder / "stat").read_text().rpartition(")")[2].split()
