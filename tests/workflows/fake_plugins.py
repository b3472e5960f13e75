"""Plugins that do what a test has written down for each of their calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from temporalio import activity

from certrail_sdk import (
    CallbackRequest,
    CallbackResponse,
    Config,
    Deployment,
    Destination,
    Interaction,
    Notification,
    Notifier,
    Observation,
    Outcome,
    Publication,
    Question,
    Receipt,
    Removal,
    Sent,
    Target,
)

PLUGIN = "fake 1.2.3"
"""Name and version, as failures name them."""
Script = list[Exception | Callable[[], Awaitable[None]] | None]


@dataclass
class Tries:
    """What every call of a plugin does, and when it came (in the environment's time)."""

    script: Script = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def next(self) -> None:
        """Note the call, then do what the script says; an exhausted script succeeds."""
        info = activity.info()
        self.at.append(info.started_time)
        self.attempts.append(info.attempt)
        step = self.script.pop(0) if self.script else None
        async with self.changed:
            self.changed.notify_all()
        if isinstance(step, Exception):
            raise step
        if step is not None:
            await step()

    async def reached(self, count: int) -> None:
        """Wait until there were so many calls."""
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: len(self.at) >= count), 20)

    def gap(self, first: int = 0) -> timedelta:
        """Time between a call and the next."""
        return self.at[first + 1] - self.at[first]


class NoConfig(Config):
    """Nothing to configure."""


class FakeDestination(Destination[NoConfig]):
    name, title = "fake", "Fake"

    def __init__(self, tries: Tries, observed: list[Observation | Exception]) -> None:
        super().__init__(NoConfig())
        self._tries = tries
        self._observed = observed

    async def deploy(self, deployment: Deployment) -> Receipt:
        await self._tries.next()
        return Receipt(reference="here", fingerprint=deployment.bundle.fingerprint, changed=True)

    async def remove(self, target: Target) -> Removal:
        await self._tries.next()
        return Removal(changed=True)

    async def publish(self, publication: Publication) -> Receipt:
        await self._tries.next()
        fingerprint = sha256(publication.content).hexdigest()
        return Receipt(reference="here", fingerprint=fingerprint, changed=True)

    async def observe(self, target: Target) -> Observation:
        found = self._observed.pop(0) if self._observed else Observation(present=True, fingerprint="ab")
        if isinstance(found, Exception):
            raise found
        return found


class FakeNotifier(Notifier[NoConfig]):
    name, title = "fake", "Fake"

    def __init__(self, tries: Tries) -> None:
        super().__init__(NoConfig())
        self._tries = tries
        self.shown: list[tuple[str, str]] = []

    async def send(self, notification: Notification) -> Sent:
        await self._tries.next()
        return Sent(reference="sent")

    async def ask(self, question: Question) -> Sent:
        await self._tries.next()
        self.shown.append(("ask", question.status))
        return Sent(reference="post-1")

    async def update(self, reference: str, question: Question) -> None:
        await self._tries.next()
        self.shown.append((reference, question.status))

    async def receive(self, request: CallbackRequest) -> Interaction | CallbackResponse:
        raise NotImplementedError

    async def acknowledge(self, interaction: Interaction, outcome: Outcome) -> CallbackResponse:
        raise NotImplementedError

    async def email_of(self, interaction: Interaction) -> str | None:
        raise NotImplementedError
