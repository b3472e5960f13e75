"""What a command prints on a terminal of a given width."""

import os
import pty
import subprocess
import sys
import threading


def on_a_terminal(columns: int, *words: str) -> str:
    """Everything that is printed, without colours; the command must succeed."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "certrail_server", *words]
    process = subprocess.Popen(command, env=env, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    parts: list[bytes] = []
    reading = threading.Thread(target=_read, args=(ours, parts))
    reading.start()
    assert process.wait(60) == 0
    reading.join(60)
    os.close(ours)
    return b"".join(parts).decode().replace("\r\n", "\n")


def _read(handle: int, parts: list[bytes]) -> None:
    try:
        while part := os.read(handle, 65536):
            parts.append(part)
    except OSError:  # the other end is closed, which is how a terminal ends
        return
