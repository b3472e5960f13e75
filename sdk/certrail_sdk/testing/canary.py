"""Finding secrets where none may stand: in logs, errors, receipts and reprs."""

import logging
import traceback
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from certrail_sdk import Plugin

SHORTEST_SECRET = 6
"""Characters below which a value is too common to look for."""


def config_secrets(plugin: Plugin[Any]) -> list[str]:
    """Every secret value in a plugin's configuration, however deep it lies."""
    return list(secrets_in(plugin.config))


def secrets_in(value: object) -> Iterator[str]:
    """The clear text of every secret inside a model, a mapping or a sequence."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode(errors="replace")
    elif isinstance(value, BaseModel):
        yield from secrets_in(dict(value))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from secrets_in(part)
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from secrets_in(part)


def can_be_found(secret: str) -> bool:
    """Whether a secret is long enough to be looked for."""
    return next(_forms(secret), None) is not None


def refuse_secrets(text: str, secrets: Iterable[str], where: str) -> None:
    """Fail if a secret stands in a text, plain or encoded. The message does not repeat it."""
    if any(form in text for secret in secrets for form in _forms(secret)):
        pytest.fail(f"a secret stands in {where}")


def reported(error: BaseException) -> str:
    """Everything an error tells: its text, repr, advice, and the errors it was raised from."""
    chain = "".join(traceback.format_exception(error))
    return f"{error} {error!r} {error.args!r} {getattr(error, 'action', '')} {chain}"


class LogWatch:
    """What was logged while it watched."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog  # not its records: pytest begins a new list when the test begins

    def text(self) -> str:
        """Every message with its exception and stack."""
        plain = logging.Formatter("%(message)s")
        return "\n".join(plain.format(record) for record in self._caplog.records)


@contextmanager
def every_logger_open() -> Iterator[None]:
    """Let all loggers speak at DEBUG and pass their words on, whatever was set before."""
    known = logging.Logger.manager.loggerDict.values()
    before = [(each, dict(each.__dict__)) for each in known if isinstance(each, logging.Logger)]
    for logger, _ in before:
        logger.setLevel(logging.NOTSET)
        logger.propagate, logger.disabled = True, False
    try:
        yield
    finally:
        for logger, settings in before:
            logger.setLevel(settings["level"])
            logger.propagate, logger.disabled = settings["propagate"], settings["disabled"]


def _forms(secret: str) -> Iterator[str]:
    lines = [line for line in secret.splitlines() if not line.startswith("-----")]
    for line in lines:
        if len(line) >= SHORTEST_SECRET:
            yield line
            yield quote(line, safe="")
    if len(secret) >= SHORTEST_SECRET:
        yield b64encode(secret.encode()).decode().rstrip("=")
