"""A process of plugins as its parent sees it: who holds, fills or ends it, also when it cannot say so itself."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from certrail_server.workers.watchdog import MEGABYTE, Harm, Watchdog, resident_bytes
from certrail_workflows import limits
from certrail_workflows.call_board import ENDLESS, SLOTS, CallBoard, OpenCall

CULPRIT = OpenCall("destination-bad", "6.6.6", "deliver", "delivery-1", 2)
OTHER = OpenCall("notifier-good", "1.0.0", "notify", "notification-1")
HELD, STALLED = (int(limit.total_seconds()) for limit in (limits.HELD_AFTER, limits.STALLED_AFTER))


@pytest.fixture
def board() -> CallBoard:
    """Of a process whose loop has turned."""
    board = CallBoard.create()
    board.beat()
    return board


@pytest.fixture
def dog(board: CallBoard) -> Watchdog:
    """One look a second."""
    return Watchdog(board, 1.0, 100)


def looks(dog: Watchdog, count: int) -> Harm | None:
    """The last of several looks, one after the other."""
    found = None
    for _ in range(count):
        found = dog.look(None)
    return found


def test_a_call_that_holds_the_loop_is_the_culprit(board: CallBoard, dog: Watchdog) -> None:
    board.enter(OTHER, 60)
    board.run(board.enter(CULPRIT, 60))
    assert looks(dog, HELD) is None
    harm = looks(dog, 1)
    assert harm is not None
    assert list(harm.calls) == [CULPRIT]
    (report,) = harm.reports()
    assert (report["plugin"], report["verb"], report["suspect"]) == ("destination-bad", "deliver", False)
    assert (report["subject_id"], report["generation"]) == ("delivery-1", 2)


def test_a_loop_that_turns_is_left_alone(board: CallBoard, dog: Watchdog) -> None:
    board.run(board.enter(CULPRIT, 60))
    for _ in range(STALLED * 2):
        board.beat()
        assert dog.look(None) is None


def test_a_loop_that_stands_still_without_a_call_gets_longer(board: CallBoard, dog: Watchdog) -> None:
    board.enter(CULPRIT, 60)
    board.enter(OTHER, 60)
    assert looks(dog, STALLED) is None
    harm = looks(dog, 1)
    assert harm is not None
    assert {report["plugin"]: report["suspect"] for report in harm.reports()} == {
        "destination-bad": True,
        "notifier-good": True,
    }


def test_a_process_that_has_not_begun_is_left_alone() -> None:
    assert looks(Watchdog(CallBoard.create(), 1.0, 100), STALLED * 2) is None


def test_a_call_that_goes_on_after_its_end_is_the_culprit(board: CallBoard, dog: Watchdog) -> None:
    board.enter(OTHER, 60)
    board.enter(CULPRIT, -1)
    harm = dog.look(None)
    assert harm is not None
    assert list(harm.calls) == [CULPRIT]


def test_memory_is_bounded(board: CallBoard, dog: Watchdog) -> None:
    board.run(board.enter(CULPRIT, 60))
    assert dog.look(100 * MEGABYTE) is None
    harm = dog.look(101 * MEGABYTE)
    assert harm is not None
    assert "over 100 MB" in harm.what
    assert list(harm.calls) == [CULPRIT]


def test_whose_call_was_open_at_the_end_is_suspected(board: CallBoard, dog: Watchdog) -> None:
    assert dog.died(7, None).reports() == []
    slot = board.enter(CULPRIT, 60)
    assert dog.died(7, None).what == "ended its process (exit code 7)"
    assert [report["suspect"] for report in dog.died(7, None).reports()] == [False]
    board.enter(OTHER, 60)
    assert [report["suspect"] for report in dog.died(-11, None).reports()] == [True, True]
    board.run(slot)
    assert list(dog.died(-11, None).calls) == [CULPRIT]


def test_an_operators_kill_accuses_nobody_but_a_full_machines_does(board: CallBoard, dog: Watchdog) -> None:
    board.enter(CULPRIT, 60)
    assert list(dog.died(-9, 10 * MEGABYTE).calls) == []
    assert list(dog.died(-9, 90 * MEGABYTE).calls) == [CULPRIT]


def test_the_board_outlives_its_process(board: CallBoard) -> None:
    """A segmentation fault leaves no time to say anything."""
    program = (
        "import ctypes, sys\n"
        "from certrail_workflows.call_board import CallBoard, OpenCall\n"
        "board = CallBoard(int(sys.argv[1]))\n"
        "board.run(board.enter(OpenCall('destination-bad', '6.6.6', 'deliver', 'delivery-1', 2), 60))\n"
        "ctypes.string_at(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(board.descriptor)],
        pass_fds=[board.descriptor],
        check=False,
    )
    assert done.returncode < 0
    running = board.running()
    assert running is not None
    assert running.call == CULPRIT


def test_a_full_board_refuses_no_call(board: CallBoard) -> None:
    slots = [board.enter(OTHER, 60) for _ in range(SLOTS)]
    assert board.enter(CULPRIT, 60) is None
    board.leave(slots[0])
    assert board.enter(CULPRIT, 60) == slots[0]
    long = OpenCall("destination-" + "x" * 400, "v" * 400, "deliver", "i" * 64)
    board.leave(slots[1])
    board.enter(long, 60)
    assert any(entry.call.plugin.startswith("destination-xxx") for entry in board.open_calls())


def test_memory_of_a_process_is_read() -> None:
    assert (resident_bytes(os.getpid()) or 0) > 10 * MEGABYTE
    assert resident_bytes(2**22 + 1) is None
    assert timedelta(minutes=1) > limits.CALL_LIMIT + limits.HELD_AFTER


def test_a_listener_is_open_all_the_time_and_no_suspect_while_another_call_is(
    board: CallBoard, dog: Watchdog
) -> None:
    board.enter(OTHER, ENDLESS)
    assert looks(dog, 1) is None
    slot = board.enter(CULPRIT, 60)
    assert list(dog.died(7, None).calls) == [CULPRIT]
    board.leave(slot)
    assert list(dog.died(7, None).calls) == [OTHER]


def test_a_listener_that_holds_the_loop_is_the_culprit(board: CallBoard, dog: Watchdog) -> None:
    board.run(board.enter(CULPRIT, ENDLESS))
    board.enter(OTHER, 60)
    harm = looks(dog, HELD + 1)
    assert harm is not None
    assert list(harm.calls) == [CULPRIT]
