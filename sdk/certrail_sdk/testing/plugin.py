"""Rules that hold for plugins of every kind."""

import inspect
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from certrail_sdk import Misconfigured, Plugin, RateLimited, Retryable, Unauthorized
from certrail_sdk.testing.canary import (
    SHORTEST_SECRET,
    LogWatch,
    can_be_found,
    config_secrets,
    refuse_secrets,
    reported,
)
from certrail_sdk.testing.provided import NOTHING, Stored, given, read_with
from certrail_sdk.testing.watch import prompt, unblocked

CREDENTIAL = re.compile(r"(^|_)(password|passphrase|secret|token|(api|private|routing|signing)_key)$")
"""Names of fields that hold what nobody may read."""


class PluginConformance:
    """Fixtures a subclass provides:

    - ``build``: a callable that returns a new plugin object, ready to work;
    - ``broken``: a plugin object whose credentials or configuration the other side refuses.

    Two objects that one ``build`` made speak to the same outside system.

    Fixtures that it may provide, for the rules above silver; each is a plugin object or a callable as said there:
    ``stored``, ``busy``, ``unreachable``, and more in the classes for destinations and notifiers.
    """

    kind: ClassVar[str]
    """Key of the rules in `rules.BY_KIND`."""
    without: ClassVar[Mapping[str, str]] = NOTHING
    """Fixtures that make no sense for this plugin, each with the reason, such as ``busy`` for a folder."""

    @pytest.fixture
    def build(self) -> Callable[[], Plugin[Any]]:
        """Return a callable that makes a working plugin object."""
        raise NotImplementedError("the conformance class needs a `build` fixture")

    @pytest.fixture
    def broken(self) -> Plugin[Any]:
        """Return a plugin object that cannot work."""
        raise NotImplementedError("the conformance class needs a `broken` fixture")

    @pytest.fixture
    def stored(self) -> Stored | None:
        """A callable that reads the other side past the plugin: each object there by any name, and its whole text."""
        return None

    @pytest.fixture
    def busy(self) -> Plugin[Any] | None:
        """A plugin object to which the other side answers that it demands a pause, as with 429."""
        return None

    @pytest.fixture
    def unreachable(self) -> Plugin[Any] | None:
        """A plugin object whose other side refuses connections, such as a port that nobody listens on."""
        return None

    def verbs(self, plugin: Any, request: pytest.FixtureRequest) -> Iterator[Awaitable[object]]:  # noqa: ARG002
        """A call of each verb that reaches the other side."""
        yield plugin.check()

    def test_says_what_it_is(self, build: Callable[[], Plugin[Any]]) -> None:
        """A plugin has a name, a title and a docstring."""
        plugin = type(build())
        assert plugin.name, "give the class a name"
        assert plugin.name == plugin.name.lower(), "names are lower-case"
        assert plugin.title, "give the class a title"
        assert inspect.getdoc(plugin), "give the class a docstring: it is the help text"

    def test_every_field_is_described(self, build: Callable[[], Plugin[Any]]) -> None:
        """Every configuration field has a title and a description: they are the form."""
        for name, field in type(build()).config_type.model_fields.items():
            assert field.title, f"{name} has no title"
            assert field.description, f"{name} has no description"

    def test_configuration_survives_storage(self, build: Callable[[], Plugin[Any]]) -> None:
        """What is stored as JSON is read back as the same configuration."""
        config = build().config
        stored = json.dumps(config.reveal(), default=str)
        assert type(config).parse(json.loads(stored)) == config

    def test_unknown_fields_are_refused(self, build: Callable[[], Plugin[Any]]) -> None:
        """A misspelt field is an error, not a silence."""
        config = build().config
        with pytest.raises(ValidationError):
            type(config).parse({**config.reveal(), "no_such_field": 1})

    def test_secrets_are_masked(self, build: Callable[[], Plugin[Any]]) -> None:
        """No repr and no dump shows a secret."""
        plugin = build()
        shown = f"{plugin!r} {plugin} {plugin.config!r} {plugin.config} {plugin.config.model_dump_json()}"
        refuse_secrets(shown, config_secrets(plugin), "a repr or a dump")
        for name in type(plugin).config_type.model_fields:
            bare = isinstance(getattr(plugin.config, name), str) and CREDENTIAL.search(name)
            assert not bare, f"{name} is called like a credential and is shown in clear; make it a Secret"

    def test_secrets_can_be_found(self, build: Callable[[], Plugin[Any]], broken: Plugin[Any]) -> None:
        """The secrets of the configurations here are long enough to be looked for."""
        short = [
            secret
            for plugin in (build(), broken)
            for secret in config_secrets(plugin)
            if not can_be_found(secret)
        ]
        assert not short, f"give the fixtures secrets of at least {SHORTEST_SECRET} characters"

    async def test_check_passes(self, build: Callable[[], Plugin[Any]]) -> None:
        """`check` accepts a configuration that works."""
        await unblocked(build().check())

    async def test_check_refuses_what_cannot_work(
        self, broken: Plugin[Any], everything_logged: LogWatch
    ) -> None:
        """`check` names what is wrong, and no secret with it."""
        with pytest.raises((Misconfigured, Unauthorized)) as raised:
            await unblocked(broken.check())
        spoken = reported(raised.value) + everything_logged.text()
        refuse_secrets(spoken, config_secrets(broken), "an error or a log")

    async def test_check_changes_nothing(
        self, build: Callable[[], Plugin[Any]], stored: Stored | None
    ) -> None:
        """`check` leaves the other side as it was."""
        before = await read_with(stored)
        await unblocked(build().check())
        assert await read_with(stored) == before, "check writes to the other side"

    async def test_waits_for_nothing_itself(
        self, busy: Plugin[Any] | None, request: pytest.FixtureRequest
    ) -> None:
        """A demand for a pause becomes `RateLimited` at once."""
        for verb in self.verbs(given(busy, "busy", self.without), request):
            with pytest.raises(RateLimited):
                await prompt(verb)

    async def test_unreachable_is_tried_again(
        self, unreachable: Plugin[Any] | None, request: pytest.FixtureRequest
    ) -> None:
        """Nobody is there: `Retryable`, soon, and no error of the vendor's."""
        for verb in self.verbs(given(unreachable, "unreachable", self.without), request):
            with pytest.raises(Retryable):
                await prompt(verb)
