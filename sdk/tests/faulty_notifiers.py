"""Notifiers that each break the contract in one way, and the rules that must notice.

The tests run this file through pytest and compare what failed with ``breaks``.
"""

import logging
import uuid
from collections.abc import Callable
from typing import ClassVar

import pytest

from certrail_sdk import (
    CallbackRequest,
    CallbackResponse,
    Interaction,
    Notification,
    PluginError,
    Question,
    Recipient,
    Sent,
)
from certrail_sdk.testing import InteractiveConformance
from certrail_sdk.testing.memory import (
    PASSWORD,
    Board,
    InMemoryNotifier,
    MemoryConfig,
    Storage,
    boards,
    storages,
)

log = logging.getLogger("faulty")


@pytest.fixture
def place() -> str:
    name = uuid.uuid4().hex
    storages[name] = Storage()
    boards[name] = Board()
    return name


class FaultyNotifier(InteractiveConformance):
    plugin: ClassVar[type[InMemoryNotifier]]

    @pytest.fixture
    def build(self, place: str) -> Callable[[], InMemoryNotifier]:
        return lambda: self.plugin(MemoryConfig.parse({"place": place, "password": PASSWORD}))

    @pytest.fixture
    def broken(self, place: str) -> InMemoryNotifier:
        return self.plugin(MemoryConfig.parse({"place": place, "password": "not-the-password"}))

    @pytest.fixture
    def answers_at(self, place: str) -> Callable[[str], int]:
        return lambda reference: len(boards[place].questions[reference].choices)


class TestNobodyAccepted(FaultyNotifier):
    breaks = frozenset({"test_sends"})

    class plugin(InMemoryNotifier):
        """Calls it sent when nobody took it."""

        async def send(self, notification: Notification) -> Sent:
            sent = await super().send(notification)
            return sent.model_copy(update={"recipients": (Recipient(address="a@b.example", accepted=False),)})


class TestAnotherMessage(FaultyNotifier):
    breaks = frozenset({"test_repeats_under_the_same_reference"})

    class plugin(InMemoryNotifier):
        """Sends a second message after a try whose end was not seen."""

        async def send(self, notification: Notification) -> Sent:
            return await super().send(notification.model_copy(update={"id": uuid.uuid4().hex}))


class TestMessagesToNowhere(FaultyNotifier):
    breaks = frozenset({"test_keeps_nothing_between_calls", "test_refused_messages_are_permanent"})

    class plugin(InMemoryNotifier):
        """Swallows the refusal."""

        async def send(self, notification: Notification) -> Sent:
            try:
                return await super().send(notification)
            except PluginError:
                return Sent(reference="lost")


class TestLogsThePassword(FaultyNotifier):
    breaks = frozenset({"test_keeps_secrets"})

    class plugin(InMemoryNotifier):
        """Logs what it signs in with."""

        async def send(self, notification: Notification) -> Sent:
            sent = await super().send(notification)
            log.info("signed in with %s", self.config.password.get_secret_value())
            return sent


class TestAsksTwice(FaultyNotifier):
    breaks = frozenset({"test_asks_once"})

    class plugin(InMemoryNotifier):
        """Posts the question again."""

        async def ask(self, question: Question) -> Sent:
            return await super().ask(question.model_copy(update={"id": uuid.uuid4().hex}))


class TestOneQuestionForAll(FaultyNotifier):
    breaks = frozenset({"test_questions_are_distinct"})

    class plugin(InMemoryNotifier):
        """Takes any earlier question for the same one."""

        async def ask(self, question: Question) -> Sent:
            earlier = next(iter(self._board().questions), None)
            return Sent(reference=earlier) if earlier and question.may_exist else await super().ask(question)


class TestNeverCloses(FaultyNotifier):
    breaks = frozenset({"test_closes"})

    class plugin(InMemoryNotifier):
        """Leaves the buttons on a closed question."""

        async def update(self, reference: str, question: Question) -> None:
            if question.choices:
                await super().update(reference, question)


class TestBelievesEverybody(FaultyNotifier):
    breaks = frozenset({"test_refuses_unsigned_callbacks"})

    class plugin(InMemoryNotifier):
        """Looks at no signature."""

        async def receive(self, request: CallbackRequest) -> Interaction | CallbackResponse:
            return CallbackResponse()


class TestLogsTheTokens(FaultyNotifier):
    breaks = frozenset({"test_keeps_answer_tokens"})

    class plugin(InMemoryNotifier):
        """Logs the answers with their tokens."""

        async def ask(self, question: Question) -> Sent:
            log.debug("answers: %s", [choice.token.get_secret_value() for choice in question.choices])
            return await super().ask(question)
