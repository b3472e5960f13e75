"""A distribution of plugins that each break the contract in their own way, installed into a folder as pip would."""

from pathlib import Path

VERSION = "6.6.6"
DISTRIBUTION = "certrail-destination-culprits"

SOURCE = '''
"""Plugins that misbehave; see tests/support/culprits.py."""

import asyncio
import ctypes
import os
import signal
import sys
import threading
import time

from certrail_sdk import (
    Config,
    Deployment,
    Destination,
    Notification,
    Notifier,
    Observation,
    Receipt,
    Sent,
    Target,
    hookimpl,
)

LONG = 600


class Other(BaseException):
    pass


def sleep():
    time.sleep(LONG)


def loop():
    while True:
        pass


def gil():
    ctypes.PyDLL(None).sleep(LONG)


def exits():
    sys.exit(3)


def interrupts():
    raise KeyboardInterrupt


def generator_exit():
    raise GeneratorExit


def base_exception():
    raise Other


def exception_group():
    raise BaseExceptionGroup("both", [SystemExit(1), ValueError()])


def cancels():
    raise asyncio.CancelledError


def hard_exit():
    os._exit(7)


def segfault():
    ctypes.string_at(0)


def kills_itself():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(LONG)


def memory():
    held = []
    while len(held) < 64:
        held.append(bytearray(os.urandom(1024)) * (64 * 1024))


def recursion():
    return recursion()


def callback():
    asyncio.get_running_loop().call_soon(time.sleep, LONG)


def stray_thread():
    threading.Thread(target=os._exit, args=(9,)).start()
    time.sleep(1)


async def silent():
    await asyncio.Event().wait()


async def stubborn():
    while True:
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            pass


async def thread():
    await asyncio.to_thread(threading.Event().wait)


async def task_exits():
    async def inner():
        await asyncio.sleep(0.1)
        sys.exit(4)

    await asyncio.gather(asyncio.create_task(inner()))


class Culprit(Destination[Config]):
    """Breaks the contract."""

    deed = None

    async def check(self):
        pass

    async def deploy(self, deployment: Deployment) -> Receipt:
        done = type(self).deed()
        if asyncio.iscoroutine(done):
            await done
        return Receipt(reference="x", fingerprint=deployment.bundle.fingerprint, changed=True)


class BadObserve(Culprit):
    """Holds the event loop when it is read back."""

    name, title = "bad-observe", "bad"
    deed = staticmethod(lambda: None)

    async def observe(self, target: Target) -> Observation:
        time.sleep(LONG)


class BadCheck(Culprit):
    """Holds its event loop when its configuration is checked."""

    name, title = "bad-check", "bad"
    deed = staticmethod(lambda: None)

    async def check(self):
        time.sleep(LONG)


class BadListener(Notifier[Config]):
    """Holds the event loop when it listens for answers."""

    name, title = "bad-listen", "bad"

    async def check(self):
        pass

    async def send(self, notification: Notification) -> Sent:
        return Sent(reference="x")

    def wants_listener(self):
        return True

    async def listen(self, answer):
        time.sleep(LONG)


class BadNotifier(Notifier[Config]):
    """Holds the event loop when it sends."""

    name, title = "bad-send", "bad"

    async def check(self):
        pass

    async def send(self, notification: Notification) -> Sent:
        time.sleep(LONG)


DEEDS = [
    sleep, loop, gil, exits, interrupts, generator_exit, base_exception, exception_group, cancels, hard_exit,
    segfault, kills_itself, memory, recursion, callback, stray_thread, silent, stubborn, thread, task_exits,
]


def _destination(deed):
    name = "bad-" + deed.__name__.replace("_", "-")
    return type(name, (Culprit,), {"name": name, "title": name, "deed": staticmethod(deed), "__doc__": name})


@hookimpl
def certrail_destinations():
    return [_destination(deed) for deed in DEEDS] + [BadObserve, BadCheck]


@hookimpl
def certrail_notifiers():
    return [BadNotifier, BadListener]
'''
OBSERVER = '''
"""Observes events, and misbehaves at some."""

import os
import time

from certrail_sdk import hookimpl

LONG = 600


def raises():
    raise SystemExit(3)


DEEDS = {
    "bad-event-raises": raises,
    "bad-event-sleep": lambda: time.sleep(LONG),
    "bad-event-hard-exit": lambda: os._exit(7),
}


@hookimpl
def certrail_event(event):
    if event["type"] == "application.created":
        DEEDS.get(event["data"]["slug"], lambda: None)()
'''


def install(folder: Path) -> None:
    """Put the distribution into a folder that is to be on the path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "certrail_culprits.py").write_text(SOURCE)
    (folder / "certrail_culprit_observer.py").write_text(OBSERVER)
    info = folder / f"certrail_destination_culprits-{VERSION}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: certrail-destination-culprits\nVersion: {VERSION}\n"
    )
    (info / "entry_points.txt").write_text(
        "[certrail]\nculprits = certrail_culprits\nobserver = certrail_culprit_observer\n"
    )
