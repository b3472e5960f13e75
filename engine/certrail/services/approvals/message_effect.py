"""The plugin step of an approval message: it is posted to a channel, and updated until it is closed."""

from collections.abc import Collection
from dataclasses import dataclass

from typing_extensions import override

from certrail.services.approvals.messages import ApprovalMessages, MessageWork
from certrail.services.core.effects import PluginCall, PluginStep, checked
from certrail.services.core.failure import Failure
from certrail_sdk import Interactive, Misconfigured, Sent


@dataclass(frozen=True, kw_only=True)
class RefreshCall(PluginCall[str]):
    """One attempt to bring a message to its present state."""

    work: MessageWork

    @override
    async def perform(self) -> str:
        """Post the message or update it; returns its reference. Raises Misconfigured where it cannot have buttons."""
        notifier, work = self.work.notifier, self.work
        if not isinstance(notifier, Interactive):
            raise Misconfigured(
                "channel", f"{work.plugin} cannot post approval messages; choose another channel"
            )
        if work.reference is None:
            return checked(await notifier.ask(work.question), Sent).reference
        await notifier.update(work.reference, work.question)
        return work.reference


class RefreshStep(PluginStep):
    """Refreshes one approval message."""

    verb = "refresh_approval_message"

    def __init__(self, messages: ApprovalMessages) -> None:
        self._messages = messages

    @override
    def begin(self, subject_id: str, attempt: int, tried: Collection[str] = ()) -> RefreshCall | None:
        """The call; ``None`` when the message is shown or closed."""
        work = self._messages.begin(subject_id)
        return RefreshCall(subject_id=subject_id, plugin=work.plugin, work=work) if work else None

    @override
    def complete(self, call: RefreshCall, answer: str) -> bool:
        """Record the reference; returns whether the message is closed."""
        self._messages.shown(call.subject_id, call.work.version, answer, call.work.closed)
        return call.work.closed

    @override
    def fail(self, subject_id: str, failure: Failure, generation: int | None = None) -> None:
        """Record a failed attempt."""
        self._messages.failed(subject_id, failure)

    @override
    def result(self, subject_id: str) -> bool:
        """Whether the message is closed."""
        return self._messages.is_closed(subject_id)
