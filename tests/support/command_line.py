"""Commands of `certrail`, run in the test's process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from unittest import mock

import typer.main
from typer import testing

from certrail_server.cli import app


@cache
def _command(app: typer.Typer) -> object:
    """All commands, made once: a runner would make three hundred anew for each that it runs."""
    return typer.main.get_command(app)


def run(*words: str, typed: str | None = None) -> testing.Result:
    """What a command printed, and how it ended.

    Args:
        typed: what it reads from its input.
    """
    with mock.patch.object(testing, "_get_command", _command), _log_handlers():
        return testing.CliRunner().invoke(app, list(words), input=typed)


@contextmanager
def _log_handlers() -> Iterator[None]:
    """Put back afterwards: a command logs to its own standard error, which is closed when it has ended."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
