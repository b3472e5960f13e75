"""Base64url without padding (RFC 7515 section 2)."""

import base64
import binascii
import re

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


def encode(data: bytes) -> str:
    """Octets as text."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Text as octets. Raises ValueError for padding, other characters, and bits that are not zero at the end."""
    if not _ALPHABET.fullmatch(text):
        raise ValueError("this is not base64url without padding")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("this is not base64url without padding") from None
    if encode(data) != text:
        raise ValueError("this is not the only base64url of its octets")
    return data
