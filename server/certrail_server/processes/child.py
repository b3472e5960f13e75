"""Runs a command that dies with its parent (PDEATHSIG): ``python -m certrail_server.processes.child COMMAND…``."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Bind this process to its parent's life, then become the command."""
    die_with(os.getppid())
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - there is no shell to avoid


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent has died (prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before the call above.
        if os.getppid() != parent:
            sys.exit(1)


if __name__ == "__main__":
    main()
