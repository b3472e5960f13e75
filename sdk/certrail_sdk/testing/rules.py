"""Rules that hold for plugins of every kind, and the tools to check them."""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

from certrail_sdk import Misconfigured, Plugin, PluginError, Unauthorized, secret_fields

T = TypeVar("T")
LONGEST_BLOCK = 0.1
"""Seconds that a verb may keep the event loop from running."""


class PluginConformance:
    """Fixtures a subclass provides:

    - ``build``: a callable that returns a new plugin object, ready to work;
    - ``broken``: a plugin object whose credentials or configuration the other side refuses.
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
        """What is stored is read back as the same configuration."""
        config = build().config
        assert type(config).parse(config.reveal()) == config

    def test_unknown_fields_are_refused(self, build: Callable[[], Plugin[Any]]) -> None:
        """A misspelt field is an error, not a silence."""
        config = build().config
        with pytest.raises(ValidationError):
            type(config).parse({**config.reveal(), "no_such_field": 1})

    def test_secrets_are_masked(self, build: Callable[[], Plugin[Any]]) -> None:
        """No repr and no dump shows a secret."""
        plugin = build()
        shown = f"{plugin!r} {plugin.config!r} {plugin.config} {plugin.config.model_dump_json()}"
        refuse_secrets(shown, config_secrets(plugin), "a repr or a dump")

    async def test_check_passes(self, build: Callable[[], Plugin[Any]]) -> None:
        """`check` accepts a configuration that works."""
        await unblocked(build().check())

    async def test_check_refuses_what_cannot_work(
        self, broken: Plugin[Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        """`check` names what is wrong, and no secret with it."""
        caplog.set_level(logging.DEBUG)
        with pytest.raises((Misconfigured, Unauthorized)) as raised:
            await broken.check()
        told = f"{raised.value} {raised.value!r} {raised.value.action} {logged(caplog)}"
        refuse_secrets(told, config_secrets(broken), "an error or a log")


async def unblocked(verb: Awaitable[T]) -> T:
    """Run a verb and fail if it blocks the event loop, or lets out anything but a PluginError."""
    async with _watched_loop():
        try:
            return await verb
        except (PluginError, asyncio.CancelledError):
            raise
        except Exception as err:
            raise AssertionError(
                f"only PluginErrors may come out of a verb, not {type(err).__name__}"
            ) from err


@asynccontextmanager
async def _watched_loop() -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    pauses = [0.0]

    async def beat() -> None:
        last = loop.time()
        while True:
            await asyncio.sleep(0)
            now = loop.time()
            pauses.append(now - last)
            last = now
            await asyncio.sleep(0.005)
            last = loop.time()

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
    # The median of the worst three: one hiccup of a busy machine is not the plugin's doing.
    worst = sorted(pauses)[-2:][0]
    assert worst < LONGEST_BLOCK, f"the event loop was blocked for {worst:.2f} s; use asyncio.to_thread"


def config_secrets(plugin: Plugin[Any]) -> list[str]:
    """The secret values in a plugin's configuration."""
    revealed = plugin.config.reveal()
    return [str(revealed[name]) for name in secret_fields(type(plugin.config)) if revealed.get(name)]


def refuse_secrets(text: str, secrets: Iterable[str], where: str) -> None:
    """Fail if a secret, or the body of a PEM, stands in a text. The message does not repeat it."""
    for secret in secrets:
        lines = [line for line in secret.splitlines() if line and not line.startswith("-----")]
        for line in lines[:3]:
            if len(line) >= 6 and line in text:
                pytest.fail(f"a secret stands in {where}")


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Everything that was logged, with its arguments and exceptions."""
    return " ".join(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records)
