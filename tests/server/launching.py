"""A process that starts others by a launcher (``python -m tests.server.launching SCENARIO``), and what those run."""

import asyncio
import json
import os
import signal
import sys
from typing import Any

from certrail_server.processes.launcher import Launcher
from certrail_server.processes.spawning import Process

MODULE = "tests.server.launching"
Facts = dict[str, Any]


def main() -> None:
    """What a launched process does, by its first argument."""
    task, *rest = sys.argv[1:]
    if task == "report":
        words = [word for word in rest if word not in ("--to", rest[-1])]
        facts = {"words": words, "parent": os.getppid(), "session": os.getsid(0) == os.getpid()}
        facts["line"] = sys.stdin.readline()
        facts["value"] = os.environ.get("LAUNCHING_VALUE")
        os.write(int(rest[-1]), json.dumps(facts).encode())
    elif task == "stay":
        signal.pause()
    elif task == "raise":
        raise ValueError("broken on purpose")
    elif task == "exit":
        sys.exit(int(rest[0]))
    elif task == "refuse":
        sys.exit("refused on purpose")


async def report(launcher: Launcher) -> Facts:
    """Everything that is given to a process arrives."""
    reader, writer = os.pipe()
    stdin, lines = os.pipe()
    os.write(lines, b"first line\n")
    process = await launcher.launch(
        *(MODULE, ("report", "a word")),
        title="report",
        env={"LAUNCHING_VALUE": "given"},
        descriptors={"--to": writer},
        stdin=stdin,
    )
    os.close(writer)
    code = await process.wait()
    return {"code": code, "launcher": _launcher(launcher), **json.loads(os.read(reader, 4096))}


async def ends(launcher: Launcher) -> Facts:
    """How processes end."""
    codes = {}
    tasks = {"none": ("return",), "seven": ("exit", "7"), "raised": ("raise",), "text": ("refuse",)}
    for name, words in tasks.items():
        codes[name] = await (await launcher.launch(MODULE, words, title=name)).wait()
    return codes


async def signals(launcher: Launcher) -> Facts:
    """Signals reach the process, and none is sent after its end; one to the launcher ends nothing."""
    stopped, killed = [await launcher.launch(MODULE, ("stay",), title="stay") for _ in range(2)]
    os.kill(_launcher(launcher), signal.SIGTERM)
    stopped.terminate()
    killed.kill()
    codes = [await stopped.wait(), await killed.wait()]
    return {"codes": codes, "after": [_refused(stopped.terminate), _refused(killed.kill)]}


async def launcher_killed(launcher: Launcher) -> Facts:
    """Its processes end with it; the next one is executed instead."""
    before = await launcher.launch(MODULE, ("stay",), title="stay")
    os.kill(_launcher(launcher), signal.SIGKILL)
    code = await before.wait()
    after = await launcher.launch(MODULE, ("exit", "5"), title="exit")
    return {"before": code, "after": await after.wait(), "pid": before.pid}


async def orphan(launcher: Launcher) -> Facts:
    """The starting process kills itself when asked to."""
    process: Process = await launcher.launch(MODULE, ("stay",), title="stay")
    print(json.dumps({"launcher": _launcher(launcher), "process": process.pid}), flush=True)
    await asyncio.Event().wait()
    raise AssertionError


def _launcher(launcher: Launcher) -> int:
    assert launcher._pid is not None
    return launcher._pid


def _refused(send: Any) -> bool:
    try:
        send()
    except ProcessLookupError:
        return True
    return False


SCENARIOS = {work.__name__: work for work in (report, ends, signals, launcher_killed, orphan)}

if __name__ == "__main__":
    if (name := sys.argv[1]) not in SCENARIOS:
        main()
        sys.exit()
    started = Launcher.start((MODULE,))
    try:
        print(json.dumps(asyncio.run(SCENARIOS[name](started))), flush=True)
    finally:
        started.close()
