"""Plugin calls of a process that must not wait for plugins, such as the API: each object in a thread of its own.

The thread has an event loop of its own, so a plugin that holds it holds nobody else. A thread cannot be ended: one
whose call is not answered in time is left behind, and where many of them are left no other is started.
"""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from certrail.crypto.keyring import KeyringError
from certrail.domain.errors import Busy, CertrailError, PluginFailed
from certrail.persistence.database import end_shared_read
from certrail.plugins.redaction import redacted
from certrail.services.core.failure import place
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.integrations.plugin_faults import CallFault, PluginFaults
from certrail.services.integrations.plugin_names import key_of
from certrail_sdk import Plugin, PluginError

log = logging.getLogger(__name__)

LIMIT = timedelta(seconds=30)
"""Of one call: somebody waits for its answer."""
MOST_LEFT_BEHIND = 8
"""Threads whose calls were not answered in time, and which still run."""
BUILD = "configuration"
"""As faults call the code of a plugin's configuration and constructor."""

P = TypeVar("P", bound=Plugin[Any])
T = TypeVar("T")


class PluginThreads:
    """All plugin calls of one process that are made in threads."""

    def __init__(self, context: ServiceContext, faults: PluginFaults) -> None:
        self._context, self._faults = context, faults
        self._left_behind: Counter[str] = Counter()
        self._lock = threading.Lock()

    @asynccontextmanager
    async def built(self, key: str, build: Callable[[], P]) -> AsyncIterator["Held[P]"]:
        """A plugin object in a thread of its own, which ends with the block.

        Args:
            key: of the plugin, such as ``destination-files``, or of what uses it, such as the id of a channel.
            build: reads the configuration and makes the object; in that thread, as it is the plugin's code too.

        Raises:
            Busy: so many calls for this key were never answered that no other is made.
            PluginFailed: its code broke the contract.
            CertrailError: what `build` raises.
        """
        # A plugin may take long, and its thread would inherit the session of the call.
        await asyncio.to_thread(end_shared_read)
        thread = self._started(key)
        try:
            plugin = await Held[P](key, "", self._faults, thread).made(
                BUILD, _later(build), ours=(SQLAlchemyError, KeyringError)
            )
            known = key_of(type(plugin))
            version = self._context.plugins.info(*known.split("-", 1)).version
            held = Held[P](known, version, self._faults, thread)
            held.plugin = plugin
            yield held
        finally:
            thread.stop()

    def _started(self, key: str) -> "_Thread":
        with self._lock:
            if self._left_behind[key] >= MOST_LEFT_BEHIND:
                raise Busy(
                    f"{MOST_LEFT_BEHIND} plugin calls for {key} are not answered. Try again later, or restart."
                )
        return _Thread(f"plugin {key}", lambda change: self._count(key, change))

    def _count(self, key: str, change: int) -> None:
        with self._lock:
            self._left_behind[key] += change


class Held(Generic[P]):
    """A plugin object and its thread.

    Attributes:
        plugin: for reading its class and attributes; its coroutines are run by `call`.
    """

    plugin: P

    def __init__(self, key: str, version: str, faults: PluginFaults, thread: "_Thread") -> None:
        self._key, self._version, self._faults, self._thread = key, version, faults, thread
        self._name = f"{key} {version}".rstrip()

    async def call(
        self, verb: str, work: Callable[[], Coroutine[Any, Any, T]], limit: timedelta = LIMIT
    ) -> T:
        """Run one of its verbs, with its secrets masked in what comes back.

        Raises:
            PluginError: as the plugin's contract has it.
            PluginFailed: no answer within the limit, or a bug of the plugin; without any text of the plugin.
        """
        return await self.made(verb, lambda: redacted(self.plugin, work()), limit)

    async def made(
        self,
        verb: str,
        work: Callable[[], Coroutine[Any, Any, T]],
        limit: timedelta = LIMIT,
        *,
        ours: tuple[type[Exception], ...] = (),
    ) -> T:
        """As `call`, for what needs no object; errors of `ours` are not the plugin's."""
        answer = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_tame(work), self._thread.loop))
        try:
            done, _ = await asyncio.wait({answer}, timeout=limit.total_seconds())
        finally:
            answer.cancel()
        if not done:
            self._thread.leave_behind()
            await self._report(verb, f"gave no answer within {limit.seconds} s")
            raise PluginFailed(
                f"The plugin {self._name} gave no answer within {limit.seconds} s. See whether the"
                " outside system answers; if it does, report it to its makers."
            )
        try:
            return answer.result()
        except (PluginError, CertrailError):
            raise
        except ours:
            raise
        except _Escaped as escaped:
            await self._report(verb, f"raised {type(escaped.error).__name__}")
            raise self._bug(escaped.error) from None
        except Exception as error:
            raise self._bug(error) from None

    def _bug(self, error: BaseException) -> PluginFailed:
        what = f"{type(error).__name__} at {place(error)}"
        # Its text may hold a secret.
        log.error("the plugin %s has a bug: %s", self._name, what)
        return PluginFailed(f"The plugin {self._name} has a bug: {what}. Report it to its makers.")

    async def _report(self, verb: str, what: str) -> None:
        fault = CallFault(self._key, self._version, verb, what)
        log.error("%s", fault.message)
        try:
            await asyncio.to_thread(self._faults.record, fault)
        except Exception as error:  # the caller hears of it anyway
            log.error("a fault of a plugin is not on record: %s", type(error).__name__)


class _Escaped(Exception):
    """A plugin raised what is no `Exception`, which would end the thread or look like a cancellation."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(type(error).__name__)
        self.error = error


async def _tame(work: Callable[[], Awaitable[T]]) -> T:
    try:
        return await work()
    except Exception:
        raise
    except BaseException as error:
        raise _Escaped(error) from None


def _later(build: Callable[[], T]) -> Callable[[], Coroutine[Any, Any, T]]:
    async def built() -> T:
        return build()

    return built


class _Thread:
    """A thread that runs an event loop until it is stopped. It keeps no process from ending."""

    def __init__(self, name: str, count: Callable[[int], None]) -> None:
        self.loop = asyncio.new_event_loop()
        self._count, self._counted = count, False
        self._lock, self._ended = threading.Lock(), False
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def leave_behind(self) -> None:
        """Count the thread until it ends: its call was not answered in time."""
        with self._lock:
            if not self._ended and not self._counted:
                self._counted = True
                self._count(1)

    def stop(self) -> None:
        """Let the loop end, as soon as nothing holds it."""
        with suppress(RuntimeError):  # it has ended
            self.loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.call_soon(self.loop.stop)

    def _run(self) -> None:
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()
            with self._lock:
                self._ended = True
                if self._counted:
                    self._count(-1)
