"""Names the plugin that holds the event loop outside of any call, such as in a callback that it has left behind."""

import asyncio
import sys
import threading
from collections.abc import Callable
from contextvars import Context

from certrail_workflows import limits
from certrail_workflows.call_board import CallBoard, OpenCall


class HoldWatch(threading.Thread):
    """Looks at the stack of the event loop's thread, which is the one that makes it, while the loop stands still."""

    def __init__(self, board: CallBoard, owner_of: Callable[[Context], OpenCall | None]) -> None:
        super().__init__(name="hold-watch", daemon=True)
        self._board, self._owner_of = board, owner_of
        self._loop_thread = threading.get_ident()
        self._stopped = threading.Event()

    def run(self) -> None:
        """Until stopped. Who holds the loop is marked as if a call ran, and stays marked while it does."""
        beats, marked = -1, None
        while not self._stopped.wait(limits.HOLD_LOOK_EVERY.total_seconds()):
            before, beats = beats, self._board.beats
            if before != beats:
                if marked is not None:
                    self._board.run(None)
                    self._board.leave(marked)
                    marked = None
            elif marked is None and self._board.running() is None and (owner := self._owner()):
                marked = self._board.enter(owner, limits.HELD_AFTER.total_seconds() * 2)
                self._board.run(marked)

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def _owner(self) -> OpenCall | None:
        """The call in whose context the callback that runs now was made."""
        frame = sys._current_frames().get(self._loop_thread)
        while frame is not None:
            if frame.f_code is asyncio.Handle._run.__code__:
                context = getattr(frame.f_locals.get("self"), "_context", None)
                return self._owner_of(context) if isinstance(context, Context) else None
            frame = frame.f_back
        return None
