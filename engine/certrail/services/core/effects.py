"""One effect: a plugin call with a committed intent before it and a receipt after it (a write-ahead intent log).

The engine cannot commit together with a destination or a chat server. So each call is three steps:

1. `begin`: one transaction records the intent and hands out the call. A crash from here on leaves ``intent_at``
   set, and the next attempt tells the plugin with ``may_exist`` that it may find its own object.
2. The verb of the plugin, outside of any transaction.
3. `complete` or `fail`: one transaction records the receipt or the failure, with its event.

Every step may run twice: the row's lock and the generation decide what still counts.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel
from typing_extensions import override

from certrail.checkpoints import checkpoint
from certrail.domain.rate_limits import RateSlot
from certrail.domain.states import EffectStatus
from certrail.persistence.database import session_cache
from certrail.persistence.tables.effects import EffectColumns
from certrail.plugins.redaction import redacted
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import Failure
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

A = TypeVar("A")


@dataclass(frozen=True, kw_only=True)
class PluginCall(ABC, Generic[A]):
    """One attempt, ready to be made without the database.

    Attributes:
        subject_id: id of the effect's row.
        plugin: name and version, as a failure names it.
        generation: of the desired state that this attempt brings about; ``None`` where there is only one.
    """

    subject_id: str
    plugin: str
    generation: int | None = None

    @abstractmethod
    async def perform(self) -> A:
        """Call the plugin's verb and return its answer."""

    async def answer(self) -> A:
        """`perform`, with whatever secret was handed out for the call masked in what comes back."""
        return await redacted(self, self.perform())


class PluginStep(ABC):
    """What the activity runner needs of a plugin verb. One that changes something outside is an `Effect`."""

    verb: ClassVar[str]
    """Name of the activity."""

    @abstractmethod
    def begin(
        self, subject_id: str, attempt: int, tried: Collection[str] = ()
    ) -> PluginCall[Any] | RateSlot | None:
        """The next call; ``None`` when there is nothing to do.

        Args:
            attempt: counted from 1.
            tried: rows that this attempt has called the plugin for already, where a subject has several.
        """

    def read_back(self, call: Any, answer: Any) -> PluginCall[Any] | None:  # noqa: ARG002 - only some verbs have one
        """A call that only reads, made with this answer before it is recorded; ``None`` where there is none.

        Where it succeeds its answer is the `seen` of the call that `complete` is given. Where it fails nothing is said:
        what was not seen is looked at by a step of its own.
        """
        return None

    @abstractmethod
    def complete(self, call: Any, answer: Any) -> Any:
        """Record the plugin's answer. Returns what the workflow is answered."""

    @abstractmethod
    def fail(self, subject_id: str, failure: Failure, generation: int | None = None) -> None:
        """Record a failed attempt; without a `generation` it is the present one that failed."""

    def fail_to_begin(self, subject_id: str, failure: Failure) -> None:
        """Record that no call could be made, or that the time for it ran out."""
        self.fail(subject_id, failure)

    def result(self, subject_id: str) -> Any:  # noqa: ARG002 - only some verbs answer their workflow
        """What the workflow is answered when there was nothing to do."""
        return None


R = TypeVar("R", bound=EffectColumns)
C = TypeVar("C", bound=PluginCall[Any])
M = TypeVar("M", bound=BaseModel)


class Effect(PluginStep, Generic[R, C, M]):
    """The state machine of a row with `EffectColumns`. A kind of effect says what its row, call and events are.

    ``R`` is the row, ``C`` the call, ``M`` the plugin's answer.
    """

    noun: ClassVar[str]
    """Of what `verb` works on; names the checkpoints ``<noun>.intended``, ``.answered`` and ``.recorded``."""
    retrying: ClassVar[str] = EffectStatus.RETRYING
    """Status between two attempts after a failure."""

    def __init__(self, context: ServiceContext) -> None:
        self.context = context

    @override
    def begin(self, subject_id: str, attempt: int, tried: Collection[str] = ()) -> C | RateSlot | None:
        """Record the intent, then hand out the call; ``None`` when there is nothing to do."""
        with self.context.unit_of_work(SYSTEM) as uow, session_cache(uow.session):
            prepared = self.prepare(uow, subject_id, tried)
            if prepared is None or isinstance(prepared, RateSlot):
                return prepared
            row, call = prepared
            # Committed before the plugin is called: whoever finds an intent without a receipt knows that the
            # object may exist. An earlier intent is kept, as its attempt may have succeeded unseen.
            row.intent_at = row.intent_at or uow.now
            row.attempts, row.next_try_at = attempt, None
            uow.session.add(row)
        checkpoint(f"{self.noun}.intended")
        return call

    @override
    def complete(self, call: C, answer: M) -> Any:
        """Record the receipt; one that does not count any more is ignored. Returns what the workflow is answered."""
        checkpoint(f"{self.noun}.answered")
        with self.context.unit_of_work(SYSTEM) as uow, session_cache(uow.session):
            if (row := self.lock_to_complete(uow, call.subject_id)) is not None:
                self.record_receipt(uow, row, call, answer)
            outcome = self.outcome(uow, row, call)
        checkpoint(f"{self.noun}.recorded")
        return outcome

    def record_receipt(self, uow: UnitOfWork, row: R, call: C, answer: M) -> None:
        """Record the receipt in a row that is locked, if it still counts."""
        if not self.awaits(row, call):
            return
        recovered = row.last_error is not None
        self.before_receipt(uow, row, call, answer)
        row.receipt = answer.model_dump(mode="json")
        row.intent_at = row.last_error = row.next_try_at = None
        uow.session.add(row)
        self.received(uow, row, call, answer, recovered=recovered)

    @override
    def fail(self, subject_id: str, failure: Failure, generation: int | None = None) -> None:
        """Record a failed attempt; the first one of a series and the last one become events."""
        with self.context.unit_of_work(SYSTEM) as uow, session_cache(uow.session):
            if (row := self.lock_to_fail(uow, subject_id, failure)) is not None:
                self.record_failure(uow, row, failure, generation)

    def record_failure(self, uow: UnitOfWork, row: R, failure: Failure, generation: int | None) -> None:
        """Record the failure in a row that is locked, if it still counts."""
        if not self.may_fail(row, generation):
            return
        if row.status == EffectStatus.FAILED and failure.permanent:
            return  # a step that runs twice gives up once
        first = row.last_error is None
        row.status = EffectStatus.FAILED if failure.permanent else self.retrying
        row.last_error, row.next_try_at = failure.stored(uow.now), failure.next_try_at
        uow.session.add(row)
        self.failed(uow, row, failure, first=first)

    def outcome(self, uow: UnitOfWork, row: R | None, call: C) -> Any:  # noqa: ARG002 - only some verbs answer
        """What the workflow is answered after this call, of which the row is as it is committed."""
        return None

    @abstractmethod
    def prepare(
        self, uow: UnitOfWork, subject_id: str, tried: Collection[str]
    ) -> tuple[R, C] | RateSlot | None:
        """Lock the row and compose its call; ``None`` when there is nothing to do.

        The call has ``may_exist`` where ``intent_at`` is set already.
        """

    @abstractmethod
    def lock(self, uow: UnitOfWork, subject_id: str) -> R | None:
        """The row under ``FOR NO KEY UPDATE``; ``None`` when it was deleted."""

    def lock_to_complete(self, uow: UnitOfWork, subject_id: str) -> R | None:
        """Where more rows than this one are locked, they come first, in the room's order."""
        return self.lock(uow, subject_id)

    def lock_to_fail(
        self,
        uow: UnitOfWork,
        subject_id: str,
        failure: Failure,  # noqa: ARG002 - see `DeployEffect`
    ) -> R | None:
        """The same for a failure."""
        return self.lock(uow, subject_id)

    @abstractmethod
    def awaits(self, row: R, call: C) -> bool:
        """Whether this receipt still counts: the same one is recorded once, and a newer one wins."""

    @abstractmethod
    def may_fail(self, row: R, generation: int | None) -> bool:
        """Whether a failure still counts: what is delivered already has not failed."""

    def before_receipt(self, uow: UnitOfWork, row: R, call: C, answer: M) -> None:
        """While the row holds the previous receipt."""

    @abstractmethod
    def received(self, uow: UnitOfWork, row: R, call: C, answer: M, *, recovered: bool) -> None:
        """The row's new state and its event; `recovered` if the attempt before failed."""

    @abstractmethod
    def failed(self, uow: UnitOfWork, row: R, failure: Failure, *, first: bool) -> None:
        """What follows from a failure: an event for the `first` of a series and for a permanent one."""


def checked(answer: object, kind: type[A]) -> A:
    """A plugin's answer, if it is what its contract says. Raises TypeError, which is the plugin's bug."""
    if not isinstance(answer, kind):
        raise TypeError(kind.__name__)
    return answer
