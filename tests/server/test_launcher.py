"""Processes that are forked by the launcher live and end as executed ones do."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parents[2]
PATIENCE = 60

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the launcher forks on Linux only")


def scenario(name: str) -> tuple[dict[str, Any], str]:
    """What a scenario reports, and what was printed on standard error."""
    done = subprocess.run(
        _command(name), cwd=TOP, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def _command(name: str) -> list[str]:
    return [sys.executable, "-m", "tests.server.launching", name]


def test_arguments_environment_descriptors_and_standard_input_arrive() -> None:
    facts, _ = scenario("report")
    assert facts["code"] == 0
    assert facts["words"] == ["a word"]
    assert facts["value"] == "given"
    assert facts["line"] == "first line\n"
    assert facts["parent"] == facts["launcher"]
    assert facts["session"] is True


def test_exit_codes_are_those_of_an_executed_process() -> None:
    codes, errors = scenario("ends")
    assert codes == {"none": 0, "seven": 7, "raised": 1, "text": 1}
    assert "ValueError: broken on purpose" in errors
    assert "refused on purpose" in errors


def test_signals_arrive_and_none_is_sent_after_the_end() -> None:
    facts, _ = scenario("signals")
    assert facts == {"codes": [-signal.SIGTERM, -signal.SIGKILL], "after": [True, True]}


def test_after_the_launcher_has_died_processes_are_executed() -> None:
    facts, _ = scenario("launcher_killed")
    assert (facts["before"], facts["after"]) == (-signal.SIGKILL, 5)
    assert not _runs(facts["pid"])


def test_everything_dies_with_the_starting_process() -> None:
    started = subprocess.Popen(_command("orphan"), cwd=TOP, stdout=subprocess.PIPE, text=True)
    try:
        assert started.stdout is not None
        pids = json.loads(started.stdout.readline())
        held = {name: os.pidfd_open(pid) for name, pid in pids.items()}
    finally:
        started.kill()
        started.wait(PATIENCE)
    for descriptor in held.values():
        # A pidfd is readable once its process has ended.
        assert _readable(descriptor)
        os.close(descriptor)


def test_what_the_launcher_imports_starts_no_thread_and_no_plugin() -> None:
    """Threads do not survive a fork, and a plugin would be in every process."""
    program = (
        "import sys; from pathlib import Path; from importlib import import_module\n"
        "from certrail_server import embedded\n"
        "for module in embedded.MODULES: import_module(module)\n"
        "print(len(list(Path('/proc/self/task').iterdir())))\n"
        "print([name for name in sys.modules if name.startswith(('certrail_destination_', 'certrail_notifier_'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["1", "[]"]


def _readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], PATIENCE)[0])


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
