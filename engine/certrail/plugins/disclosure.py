"""Secrets that a plugin is handed for a call, searched for in what comes back of it, and masked.

A plugin has them rightly; what it returns is stored, shown, alerted on and kept in Temporal, where they must not be. A
vendor's client that repeats its request in an error is the usual way in which they come back.
"""

import base64
import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, SecretStr

from certrail_sdk import Plugin, PluginError

MASK = "**********"
SHORTEST = 8
"""Characters of a secret that is searched for: a shorter one would be found in words that are none."""
_LINE = 32
"""Characters of a line of a PEM key that is searched for by itself."""

A = TypeVar("A")


class Secrets:
    """What was handed out with some objects, in the forms in which it may come back.

    Args:
        handed: plugins, dataclasses, models, mappings and lists that may hold secrets.
    """

    def __init__(self, *handed: object) -> None:
        forms = {form for one in handed for secret in _secrets(one) for form in _forms(secret)}
        # The longest first, so that a form that is part of another leaves no rest of it.
        self._forms = sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)

    def __repr__(self) -> str:
        return "<Secrets>"

    def masked(self, value: A) -> A:
        """A text, or a model, mapping or list of texts, with every secret masked; all else as it is."""
        return self._masked(value) if self._forms else value

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            for form in self._forms:
                value = value.replace(form, MASK)
            return value
        if isinstance(value, BaseModel):
            fields = {name: self._masked(getattr(value, name)) for name in type(value).model_fields}
            changed = {name: item for name, item in fields.items() if item != getattr(value, name)}
            return value.model_copy(update=changed) if changed else value
        if isinstance(value, Mapping):
            return {self._masked(name): self._masked(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(self._masked, value))
        return value

    def mask_error(self, error: PluginError) -> None:
        """Mask the message and the action of an error of the plugin's, which are shown."""
        error.args = self.masked(error.args)
        error.action = self.masked(error.action)


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, Plugin):
        yield from _secrets(value.config)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _secrets(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets(item)


def _forms(secret: str) -> Iterator[str]:
    """As it is, and encoded as in a URL, in JSON and in base64; of PEM also each line, and all of them as one."""
    stripped = secret.strip()
    for text in {secret, stripped}:
        yield text
        yield quote(text, safe="")
        yield json.dumps(text)[1:-1]
        yield base64.b64encode(text.encode()).decode().rstrip("=")
        yield base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    if stripped.startswith("-----BEGIN "):
        lines = [line for line in stripped.splitlines() if not line.startswith("-----")]
        yield from (line for line in lines if len(line) >= _LINE)
        yield "".join(lines)
        yield repr(secret)[1:-1]
