"""The rules of a notifier, and of one that can post a question."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from certrail_sdk import CallbackRequest, Forged, Interactive, Malformed, Notifier, Permanent
from certrail_sdk.testing.callbacks import CallbackRules
from certrail_sdk.testing.canary import LogWatch, config_secrets, refuse_secrets, reported, secrets_in
from certrail_sdk.testing.material import make_notification, make_question
from certrail_sdk.testing.plugin import PluginConformance
from certrail_sdk.testing.state import kept_by
from certrail_sdk.testing.watch import unblocked

Build = Callable[[], Notifier[Any]]
CountAnswers = Callable[[str], int]


class NotifierConformance(PluginConformance):
    """Subclass it and provide the fixtures of PluginConformance."""

    kind = "notifier"

    def verbs(
        self,
        plugin: Any,
        request: pytest.FixtureRequest,  # noqa: ARG002  as of the base
    ) -> Iterator[Awaitable[object]]:
        """A call of each verb that reaches the other side."""
        yield plugin.check()
        yield plugin.send(make_notification())

    async def test_sends(self, build: Build) -> None:
        """A message is handed over, and somebody accepted it."""
        sent = await unblocked(build().send(make_notification()))
        assert sent.reference
        assert not sent.recipients or any(recipient.accepted for recipient in sent.recipients)

    async def test_repeats_under_the_same_reference(self, build: Build) -> None:
        """A message that may have been sent before is recognisable as the same one."""
        notification = make_notification()
        first = await build().send(notification)
        again = await unblocked(build().send(notification.model_copy(update={"may_exist": True})))
        assert again.reference == first.reference

    async def test_messages_are_distinct(self, build: Build) -> None:
        """Another message has another reference, also where an earlier one may exist."""
        first = await build().send(make_notification())
        other = make_notification().model_copy(update={"may_exist": True})
        second = await unblocked(build().send(other))
        assert second.reference != first.reference, "two messages have one reference"

    async def test_refused_messages_are_permanent(
        self, broken: Notifier[Any], everything_logged: LogWatch
    ) -> None:
        """With a configuration that cannot work, `send` asks for a person, not for a retry."""
        with pytest.raises(Permanent) as raised:
            await unblocked(broken.send(make_notification()))
        spoken = reported(raised.value) + everything_logged.text()
        refuse_secrets(spoken, config_secrets(broken), "an error or a log")

    async def test_keeps_nothing_between_calls(self, build: Build, broken: Notifier[Any]) -> None:
        """Neither the object nor its module keeps anything, so another configuration gets nothing of it."""
        await build().send(make_notification())
        notifier = build()
        before = kept_by(notifier)
        await notifier.send(make_notification())
        assert kept_by(notifier) == before, "the object or its module keeps something of a call"
        with pytest.raises(Permanent):
            await broken.send(make_notification())

    async def test_keeps_secrets(
        self, build: Build, everything_logged: LogWatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """No credential reaches a log, the standard output or a receipt."""
        notifier = build()
        sent = await notifier.send(make_notification())
        spoken = f"{sent!r} {sent.model_dump_json()} {everything_logged.text()}"
        refuse_secrets(spoken, config_secrets(notifier), "a receipt or a log")
        refuse_secrets("".join(capfd.readouterr()), config_secrets(notifier), "the standard output")


class InteractiveConformance(CallbackRules, NotifierConformance):
    """For notifiers that can post a question.

    For all rules provide also ``answers_at``, and of `CallbackRules` ``genuine``, ``people``, ``unverified``, ``said``.
    """

    kind = "interactive"

    @pytest.fixture
    def answers_at(self) -> CountAnswers | None:
        """How many answers the message at a reference offers now; override it where the test can look."""
        return None

    def verbs(self, plugin: Any, request: pytest.FixtureRequest) -> Iterator[Awaitable[object]]:
        """A call of each verb that reaches the other side."""
        yield from super().verbs(plugin, request)
        yield plugin.ask(make_question())

    async def test_asks_once(self, build: Build) -> None:
        """A question whose posting was lost is adopted, not posted again."""
        question = make_question()
        first = await unblocked(_interactive(build).ask(question))
        assert first.reference
        again = await unblocked(_interactive(build).ask(question.model_copy(update={"may_exist": True})))
        assert again.reference == first.reference

    async def test_questions_are_distinct(self, build: Build) -> None:
        """Another question is not taken for an earlier one."""
        first = await _interactive(build).ask(make_question())
        other = await _interactive(build).ask(make_question().model_copy(update={"may_exist": True}))
        assert other.reference != first.reference

    async def test_closes(self, build: Build, answers_at: CountAnswers | None) -> None:
        """A closed question replaces the open one, loses its answers, and may be shown twice."""
        question = make_question()
        posted = await _interactive(build).ask(question)
        if answers_at:
            assert answers_at(posted.reference) == len(question.choices)
        closed = question.model_copy(update={"choices": (), "status": "Approved by A"})
        for _ in range(2):
            await unblocked(_interactive(build).update(posted.reference, closed))
        if answers_at:
            assert answers_at(posted.reference) == 0

    async def test_refuses_unsigned_callbacks(self, build: Build) -> None:
        """A callback that nobody signed is refused."""
        request = CallbackRequest(body=b"payload=%7B%7D", headers={}, received_at=datetime.now(UTC))
        with pytest.raises((Forged, Malformed)):
            await unblocked(_interactive(build).receive(request))

    async def test_keeps_answer_tokens(self, build: Build, everything_logged: LogWatch) -> None:
        """The tokens of the answers reach no log and no receipt: who has one can answer."""
        question = make_question()
        posted = await _interactive(build).ask(question)
        await _interactive(build).update(posted.reference, question)
        refuse_secrets(f"{posted!r} {everything_logged.text()}", secrets_in(question), "a receipt or a log")


def _interactive(build: Build) -> Interactive:
    notifier = build()
    assert isinstance(notifier, Interactive), "the notifier lacks a verb of Interactive"
    return notifier
