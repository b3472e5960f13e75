"""BER (X.690) of clients, read leniently: indefinite lengths, constructed strings, SETs that are not sorted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_SHORT_LENGTH = 0x80


class Malformed(ValueError):
    """The bytes cannot be read as the structure that is expected; the text names the part."""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Everything that a parser raises means the same: the part cannot be read.

    asn1crypto parses lazily and raises whatever its own code meets, such as KeyError, AttributeError and
    RecursionError.
    """
    try:
        yield
    except Malformed:
        raise
    except Exception as error:
        raise Malformed(f"{what} cannot be read ({type(error).__name__})") from None


def read(what: str, parse: Callable[[], T]) -> T:
    """The same for one expression. Raises Malformed."""
    with reading(what):
        return parse()


def whole(kind: Any, data: bytes, what: str) -> Any:
    """One structure that is all of the bytes. Raises Malformed."""
    return read(what, lambda: kind.load(data, strict=True))


def tlv(tag: int, content: bytes) -> bytes:
    """An element in DER with a tag of one octet."""
    size = len(content)
    if size < _SHORT_LENGTH:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT_LENGTH | len(length))) + length + content
