"""A destination and a notifier that live in memory: the shortest plugins that keep every rule.

The outside system is a ``Shelf`` or a ``Board``, found by name, because a plugin object keeps nothing
between calls.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeVar

from certrail_sdk import (
    Bundle,
    CallbackRequest,
    CallbackResponse,
    Config,
    Deployment,
    Destination,
    Forged,
    Interaction,
    Malformed,
    Misconfigured,
    Notification,
    Notifier,
    Observation,
    Outcome,
    Permanent,
    Publication,
    Question,
    Receipt,
    Removal,
    Secret,
    Sent,
    Target,
    Unauthorized,
    connection_field,
)

T = TypeVar("T")
PASSWORD = "in-memory-password"
"""What every shelf and board asks for."""


@dataclass
class Storage:
    """Objects by reference; each is a delivery's bundles, newest last. Public files by name."""

    objects: dict[str, list[Bundle]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Board:
    """Messages and questions by reference."""

    messages: dict[str, Notification] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)
    acknowledged: list[tuple[str, Outcome]] = field(default_factory=list)

    def click(self, reference: str, answer: str, sender: str = "person-1") -> CallbackRequest:
        """The signed callback of a person who took an answer."""
        choices = self.questions[reference].choices
        token = next(each.token for each in choices if each.answer == answer).get_secret_value()
        body = json.dumps({"sender": sender, "token": token, "message": reference}).encode()
        return CallbackRequest(
            body=body, headers={"x-signature": _signature(body)}, received_at=datetime.now(UTC)
        )


storages: dict[str, Storage] = {}
boards: dict[str, Board] = {}


class MemoryConfig(Config):
    """Which shelf or board, and the password for it."""

    place: str = connection_field(title="Place", description="Name of the shelf or board.")
    password: Secret = connection_field(title="Password", description="The password that it asks for.")


class InMemoryDestination(Destination[MemoryConfig]):
    """Keeps certificates on a shelf in memory."""

    name = "memory"
    title = "In memory"
    connection_type = "memory"

    async def check(self) -> None:
        """The shelf exists and the password opens it."""
        self._storage()

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Put the bundle on top of the object's earlier ones."""
        storage = self._storage()
        owner = storage.owners.setdefault(deployment.name, deployment.delivery)
        if owner != deployment.delivery:
            raise Permanent(f"{deployment.name} belongs to another delivery.")
        versions = storage.objects.setdefault(deployment.name, [])
        changed = not versions or versions[-1].fingerprint != deployment.bundle.fingerprint
        if changed:
            versions.append(deployment.bundle)
        return _receipt(deployment.name, deployment.bundle, changed)

    async def observe(self, target: Target) -> Observation:
        """The newest bundle of the object."""
        storage = self._storage()
        versions = storage.objects.get(target.name)
        if not versions or storage.owners.get(target.name) != target.delivery:
            return Observation(present=False)
        return Observation(
            present=True,
            fingerprint=versions[-1].fingerprint,
            reference=target.name,
        )

    async def remove(self, target: Target) -> Removal:
        """Take the object off the shelf."""
        storage = self._storage()
        if storage.owners.get(target.name, target.delivery) != target.delivery:
            raise Permanent(f"{target.name} belongs to another delivery.")
        storage.owners.pop(target.name, None)
        return Removal(changed=storage.objects.pop(target.name, None) is not None)

    async def publish(self, publication: Publication) -> Receipt:
        """Put the file in the place of its earlier one."""
        storage, name = self._storage(), publication.name
        if storage.owners.setdefault(name, publication.delivery) != publication.delivery:
            raise Permanent(f"{name} belongs to another delivery.")
        changed = storage.files.get(name) != publication.content
        storage.files[name] = publication.content
        return Receipt(reference=name, fingerprint=sha256(publication.content).hexdigest(), changed=changed)

    def _storage(self) -> Storage:
        return _opened(storages, self.config)


class InMemoryNotifier(Notifier[MemoryConfig]):
    """Pins messages and questions to a board in memory."""

    name = "memory"
    title = "In memory"
    connection_type = "memory"

    async def check(self) -> None:
        """The board exists and the password opens it."""
        self._board()

    async def send(self, notification: Notification) -> Sent:
        """Pin the message; its id is its place."""
        reference = f"message-{notification.id}"
        self._board().messages[reference] = notification
        return Sent(reference=reference)

    async def ask(self, question: Question) -> Sent:
        """Pin the question; its id is its place."""
        reference = f"question-{question.id}"
        await self.update(reference, question)
        return Sent(reference=reference)

    async def update(self, reference: str, question: Question) -> None:
        """Pin the current state over the earlier one."""
        self._board().questions[reference] = question

    async def receive(self, request: CallbackRequest) -> Interaction | CallbackResponse:
        """Verify the signature of the whole body, then read it."""
        signature = request.headers.get("x-signature", "")
        if not hmac.compare_digest(signature.encode(), _signature(request.body).encode()):
            raise Forged("The signature does not fit the body.")
        return Interaction(workspace="memory", replay_key=signature, **_parts(request.body))

    async def acknowledge(self, interaction: Interaction, outcome: Outcome) -> CallbackResponse:
        """Keep the outcome on the board."""
        self._board().acknowledged.append((interaction.message, outcome))
        return CallbackResponse(body=outcome.message.encode())

    async def email_of(self, interaction: Interaction) -> str | None:
        """Everybody on the board has an address."""
        return f"{interaction.sender}@memory.example"

    def _board(self) -> Board:
        return _opened(boards, self.config)


def _opened(places: Mapping[str, T], config: MemoryConfig) -> T:
    if config.place not in places:
        raise Misconfigured("place", f"there is no {config.place!r}")
    if config.password.get_secret_value() != PASSWORD:
        raise Unauthorized("The password is refused.")
    return places[config.place]


def _receipt(reference: str, bundle: Bundle, changed: bool) -> Receipt:
    return Receipt(
        reference=reference, version=bundle.fingerprint, fingerprint=bundle.fingerprint, changed=changed
    )


def _signature(body: bytes) -> str:
    return hmac.new(PASSWORD.encode(), body, sha256).hexdigest()


def _parts(body: bytes) -> dict[str, Any]:
    try:
        parts = json.loads(body)
        return {name: parts[name] for name in ("sender", "token", "message")}
    except (ValueError, KeyError, TypeError):
        raise Malformed("The callback is not what a board sends.") from None
