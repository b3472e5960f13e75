"""The port to whatever runs workflows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


class OrchestratorUnavailable(Exception):
    """The orchestrator cannot be reached; the message stays in the outbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowStart:
    """A workflow that an object needs.

    Attributes:
        flow: what kind of workflow, such as ``issuance`` or ``delivery``.
        workflow_id: made of the ids of its subject, so that two starts reach one workflow.
        subject_id: id of the object, or of the lineage.
        summary: one line in words for whoever reads Temporal's UI; public facts only. The Application's slug is added
            when the row is dispatched.
        plugin: which plugin's task queue serves it, such as ``destination-files``.
        batch_key: it has nothing to wait for, so one workflow may do it for all that have the same key
            (`Orchestrator.dispatch_together`): they have one flow, Application and plugin.
    """

    flow: str
    workflow_id: str
    subject_id: str
    summary: str
    plugin: str | None = None
    application_id: str | None = None
    lineage_id: str | None = None
    batch_key: str | None = None


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One row of the outbox.

    Attributes:
        flow: what kind of workflow, such as ``issuance`` or ``delivery``.
        workflow_id: deterministic, so that a message sent twice lands on the same workflow.
        plugin: which plugin's task queue serves it, such as ``destination-files``.
        signal: reference of the change to signal; ``None`` only starts the workflow.
        rerun: start it also where a run of the same id has succeeded.
        application: slug of the Application that it belongs to, or its id where it was deleted meanwhile.
        lineage_id: the lineage that it works on.
        summary: what it does, in one line for a person; public facts only.
        batch_key: may share one workflow with others that have the same key; the signal is left out then.
    """

    seq: int
    flow: str
    workflow_id: str
    subject_id: str
    plugin: str | None = None
    signal: str | None = None
    rerun: bool = False
    application: str | None = None
    lineage_id: str | None = None
    summary: str = ""
    batch_key: str | None = None


class Orchestrator(Protocol):
    """Starts and signals workflows."""

    async def dispatch(self, message: OutboxMessage) -> None:
        """Start or signal. Sending the same message twice is harmless.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        ...

    async def dispatch_together(self, messages: Sequence[OutboxMessage]) -> None:
        """Start one workflow for several messages with the same `batch_key`.

        Sending the same messages twice is harmless, also among others: the state of each subject decides.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        ...

    async def health(self) -> bool:
        """Whether workflows can be started now."""
        ...

    async def identity(self) -> str | None:
        """Id of what stores the workflows; another one means that none of the earlier workflows is there.

        ``None`` until `ensure` has made it.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        ...

    async def ensure(self) -> Collection[str]:
        """Make what is missing, leave the rest as it is, and return the schedules that were missing.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        ...

    async def lost(self, starts: Sequence[WorkflowStart]) -> Collection[str]:
        """Ids of those of these workflows that do not run and may be started again.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        ...
