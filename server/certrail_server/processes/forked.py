"""The life of a process between its fork and its end."""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

INTERRUPTED = 130
STOPPING = (signal.SIGTERM, signal.SIGINT)


def run_forked(work: Callable[[], object]) -> NoReturn:
    """Run something in the process just forked, and end it: what the forking process has open is not its to tidy up."""
    code = 1
    try:
        # The forking process' handlers may stand for what this one does not have.
        signal.set_wakeup_fd(-1)
        for name in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(name, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # After the handlers: a signal that was sent since the fork waited for them.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        work()
        code = 0
    except SystemExit as end:
        code = _exit_code(end)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException:
        traceback.print_exc()
    finally:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                code = code or 1
        os._exit(code)


def _exit_code(end: SystemExit) -> int:
    """As the interpreter takes it: a text is printed, and is a failure."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)  # noqa: T201
    return 1
