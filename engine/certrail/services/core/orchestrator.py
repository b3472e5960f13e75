"""The port to whatever runs workflows."""

from dataclasses import dataclass
from typing import Protocol


class OrchestratorUnavailable(Exception):
    """The orchestrator cannot be reached; the message stays in the outbox."""


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One row of the outbox.

    Attributes:
        flow: what kind of workflow, such as ``issuance`` or ``delivery``.
        workflow_id: deterministic, so that a message sent twice lands on the same workflow.
        plugin: which plugin's task queue serves it, such as ``destination-files``.
        signal: reference of the change to signal; ``None`` only starts the workflow.
        application: slug of the Application that it belongs to, or its id where it was deleted meanwhile.
        lineage_id: the lineage that it works on.
        summary: what it does, in one line for a person; public facts only.
    """

    seq: int
    flow: str
    workflow_id: str
    subject_id: str
    plugin: str | None = None
    signal: str | None = None
    application: str | None = None
    lineage_id: str | None = None
    summary: str = ""


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
