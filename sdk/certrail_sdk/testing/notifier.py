"""The rules of a notifier, and of one that can carry a question."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from certrail_sdk import CallbackRequest, Forged, Interactive, Malformed, Notifier
from certrail_sdk.testing.material import make_notification, make_question
from certrail_sdk.testing.rules import PluginConformance, config_secrets, logged, refuse_secrets, unblocked

Build = Callable[[], Notifier[Any]]


class NotifierConformance(PluginConformance):
    """Subclass it and provide the fixtures of PluginConformance."""

    async def test_sends(self, build: Build) -> None:
        """A message is handed over, and somebody accepted it."""
        sent = await unblocked(build().send(make_notification()))
        assert sent.reference
        assert not sent.recipients or any(recipient.accepted for recipient in sent.recipients)

    async def test_repeats_under_the_same_reference(self, build: Build) -> None:
        """A message that may have been sent before is recognisable as the same one."""
        notification = make_notification()
        first = await build().send(notification)
        again = await build().send(notification.model_copy(update={"may_exist": True}))
        assert again.reference == first.reference

    async def test_keeps_secrets(self, build: Build, caplog: pytest.LogCaptureFixture) -> None:
        """No credential reaches a log or a receipt."""
        caplog.set_level(logging.DEBUG)
        notifier = build()
        sent = await notifier.send(make_notification())
        secrets = config_secrets(notifier)
        refuse_secrets(f"{sent!r} {logged(caplog)}", secrets, "a receipt or a log")


class InteractiveConformance(NotifierConformance):
    """For notifiers that can carry a question."""

    async def test_asks_once(self, build: Build) -> None:
        """A question whose posting was lost is adopted, not posted again."""
        notifier = build()
        assert isinstance(notifier, Interactive)
        question = make_question()
        first = await unblocked(notifier.ask(question))
        again = await unblocked(notifier.ask(question.model_copy(update={"may_exist": True})))
        assert again.reference == first.reference

    async def test_closes(self, build: Build) -> None:
        """A closed question can be shown in place of the open one."""
        notifier = build()
        assert isinstance(notifier, Interactive)
        question = make_question()
        posted = await notifier.ask(question)
        closed = question.model_copy(update={"choices": (), "status": "Approved by A"})
        await unblocked(notifier.update(posted.reference, closed))

    async def test_refuses_unsigned_callbacks(self, build: Build) -> None:
        """A callback that nobody signed is forged."""
        notifier = build()
        assert isinstance(notifier, Interactive)
        request = CallbackRequest(
            body=b"payload=%7B%7D", headers={}, received_at=make_notification().occurred_at
        )
        with pytest.raises((Forged, Malformed)):
            await notifier.receive(request)
