"""Enough of DER (X.690) to look at what a parser refuses, or must not be given unseen.

Nothing is decrypted or verified here. Indefinite lengths (BER) are not read.
"""

from collections.abc import Iterator
from dataclasses import dataclass

SEQUENCE, SET, OCTETS, OID, INTEGER = 0x30, 0x31, 0x04, 0x06, 0x02
_LONG_TAG, _LONG_LENGTH, _MOST_LENGTH_BYTES = 0x1F, 0x80, 4


class NotDer(ValueError):
    """The bytes are no DER."""


@dataclass(frozen=True)
class Element:
    """One element.

    Attributes:
        tag: identifier octet.
        content: without tag and length.
        raw: with both.
    """

    tag: int
    content: bytes
    raw: bytes

    def children(self) -> list["Element"]:
        """The elements in it. Raises NotDer."""
        return list(elements(self.content))

    def oid(self) -> str:
        """In dotted form. Raises NotDer."""
        if self.tag != OID or not self.content:
            raise NotDer("an object identifier is missing")
        arcs, value = [], 0
        for octet in self.content:
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                arcs.append(value)
                value = 0
        if not arcs:
            raise NotDer("an object identifier is cut off")
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))

    def integer(self) -> int:
        """As a number. Raises NotDer."""
        if self.tag != INTEGER:
            raise NotDer("an integer is missing")
        return int.from_bytes(self.content, "big", signed=True)


def elements(content: bytes) -> Iterator[Element]:
    """Elements side by side. Raises NotDer."""
    start = 0
    while start < len(content):
        element = _element(content, start)
        yield element
        start += len(element.raw)


def one(content: bytes) -> Element:
    """The element that begins the bytes; what follows it is ignored. Raises NotDer."""
    return _element(content, 0)


def _element(content: bytes, start: int) -> Element:
    try:
        tag, length = content[start], content[start + 1]
        body = start + 2
        if tag & _LONG_TAG == _LONG_TAG:
            raise NotDer("a tag of several octets")
        if length >= _LONG_LENGTH:
            count = length - _LONG_LENGTH
            if not 1 <= count <= _MOST_LENGTH_BYTES:
                raise NotDer("a length that is indefinite or too long")
            length = int.from_bytes(content[body : body + count], "big")
            body += count
    except IndexError:
        raise NotDer("cut off") from None
    if body + length > len(content):
        raise NotDer("cut off")
    return Element(tag, content[body : body + length], content[start : body + length])
