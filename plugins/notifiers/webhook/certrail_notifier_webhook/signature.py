"""The signature that tells the receiver who sent an event, and when."""

import hashlib
import hmac

HEADER = "X-Certrail-Signature"


def sign(secret: str, body: bytes, timestamp: int) -> str:
    """The header value: ``t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">``."""
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"
