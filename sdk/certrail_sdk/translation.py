"""Errors of a vendor's SDK as errors of this one: each says what the engine does next."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from certrail_sdk.errors import PluginError

Errors = Mapping[type[BaseException], type[PluginError] | Callable[[Any], PluginError]]
"""By the vendor's class: the class of ours, or a function that makes one of the vendor's error."""

LONGEST_MESSAGE = 500
_LONG_RUN = re.compile(r"[A-Za-z0-9+/=\\_-]{40,}")
_PEM = re.compile(r"-----BEGIN.*?(-----END[^-]*-----|$)", re.DOTALL)
_SPACES = re.compile(r"\s+")


def scrubbed(text: str) -> str:
    """A text of the other side without anything that may be key material or a token, on one readable line."""
    plain = _LONG_RUN.sub("[removed]", _PEM.sub("[removed]", text))
    printable = "".join(character if character.isprintable() else " " for character in plain)
    return _SPACES.sub(" ", printable).strip()[:LONGEST_MESSAGE]


@contextmanager
def translated(errors: Errors, action: str = "") -> Iterator[None]:
    """Raise one of our errors for one of the vendor's.

    The class nearest to that of the error decides. Errors of this SDK pass, and so does what is not listed: it is then
    taken for a bug of the plugin. The vendor's error is not chained: what it quotes may hold the private key.

    Args:
        errors: see `Errors`.
        action: what was tried, such as ``create secret``: begins the message.
    """
    try:
        yield
    except PluginError:
        raise
    except Exception as error:
        kind = next((errors[cls] for cls in type(error).__mro__ if cls in errors), None)
        if kind is None:
            raise
        failure = _made(kind, error, action)
    else:
        return
    raise failure from None


def _made(
    kind: type[PluginError] | Callable[[Any], PluginError], error: Exception, action: str
) -> PluginError:
    text = f"{type(error).__name__}: {scrubbed(str(error))}".removesuffix(": ")
    if isinstance(kind, type):
        return cast(type[PluginError], kind)(f"{action}: {text}" if action else text)
    return kind(error)
