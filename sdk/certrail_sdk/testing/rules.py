"""Rules that hold for plugins of every kind."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from certrail_sdk import Misconfigured, Plugin, Unauthorized
from certrail_sdk.testing.canary import LogWatch, config_secrets, refuse_secrets, reported
from certrail_sdk.testing.watch import unblocked


class PluginConformance:
    """Fixtures a subclass provides:

    - ``build``: a callable that returns a new plugin object, ready to work;
    - ``broken``: a plugin object whose credentials or configuration the other side refuses.

    Two objects that one ``build`` made speak to the same outside system.
    """

    @pytest.fixture
    def build(self) -> Callable[[], Plugin[Any]]:
        """Return a callable that makes a working plugin object."""
        raise NotImplementedError("the conformance class needs a `build` fixture")

    @pytest.fixture
    def broken(self) -> Plugin[Any]:
        """Return a plugin object that cannot work."""
        raise NotImplementedError("the conformance class needs a `broken` fixture")

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
