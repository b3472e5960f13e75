"""`certrail` without its start: one process has it imported, and forks for every command that is asked of it.

A page holds dozens of commands, and each would spend seconds on imports. What runs is the same command, with the
caller's arguments, environment, folder and files.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certrail_server.cli import app

CALLER = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({path!r})
    socket.send_fds(asked, [b"."], [0, 1, 2])
    asked.sendall(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode())
    asked.shutdown(socket.SHUT_WR)
    sys.exit((asked.recv(1) or b"\\x01")[0])
"""


@contextmanager
def forking(command: Path, folder: Path) -> Iterator[None]:
    """Let ``command`` be `certrail` for as long as this lasts; the folder has a short name."""
    path = folder / "asked"
    # Tables are printed for whoever has a wide window.
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.docs.forks", str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "250"},
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        command.write_text(CALLER.format(python=sys.executable, path=str(path)))
        command.chmod(0o755)
        yield
    finally:
        server.kill()
        server.wait()


def serve(path: str) -> None:
    """Fork for every caller."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while True:
            caller, _ = listener.accept()
            with caller:
                if os.fork() == 0:
                    os._exit(answer(caller))


def answer(caller: socket.socket) -> int:
    """Run one command as its caller."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, files, _, _ = socket.recv_fds(caller, 1, 3)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    with caller.makefile() as asked:
        words, environment, folder = json.load(asked)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["certrail", *words]
    code = 1
    try:
        app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    caller.sendall(bytes([code]))
    return code


if __name__ == "__main__":
    serve(sys.argv[1])
