"""What a person means by a few characters in a field for searching."""

from typing import Any

FINGERPRINT = 64
SHORTEST_SERIAL = 8
"""Hex digits: fewer are taken for the beginning of a name."""


def terms_of(text: str) -> dict[str, Any]:
    """As a `CertificateFilter` takes them: metadata, a fingerprint, a serial number, the end or beginning of a name."""
    if not text:
        return {}
    if "=" in text:
        return {"metadata": [text]}
    digits = text.replace(":", "").replace(" ", "").lower()
    is_hex = bool(digits) and all(digit in "0123456789abcdef" for digit in digits)
    if is_hex and len(digits) == FINGERPRINT:
        return {"fingerprint": text}
    if is_hex and len(digits) >= SHORTEST_SERIAL:
        return {"serial": text}
    if text.startswith("*"):
        return {"name_ends": text.lstrip("*")}
    return {"name_begins": text.rstrip("*")}
