"""The port to whatever runs workflows."""

from dataclasses import dataclass
from typing import Protocol


class OrchestratorUnavailable(Exception):
    """The orchestrator cannot be reached; the message stays in the outbox."""


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One row of the outbox.

    Attributes:
        flow: ``issuance``, ``delivery``, ``notification`` or ``question``.
        workflow_id: deterministic, so that a message sent twice lands on the same workflow.
        plugin: which plugin's task queue serves it, such as ``destination-files``.
        signal: reference of the change that the workflow shall hear of; ``None`` only starts it.
    """

    seq: int
    flow: str
    workflow_id: str
    subject_id: str
    plugin: str | None = None
    signal: str | None = None


class Orchestrator(Protocol):
    """Starts and signals workflows."""

    async def dispatch(self, message: OutboxMessage) -> None:
        """Start or signal. Sending the same message twice is harmless.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        ...

    async def health(self) -> bool:
        """Whether workflows can be started now."""
        ...
