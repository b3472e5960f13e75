"""AWS Signature Version 4, checked as AWS checks it."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.wrappers import Request

from certrail_fakes.acm_rules import Refusal

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+),\s*"
    r"SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Caller:
    """Who signed a request, and for where."""

    access_key_id: str
    region: str
    service: str


def authenticate(request: Request, body: bytes, secrets: Mapping[str, str]) -> Caller:
    """Find out who signed the request.

    Raises:
        Refusal: it is not signed, by an unknown key, or with another secret.
    """
    match = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if match is None:
        raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    scope = match["scope"].split("/")
    if match["key"] not in secrets or len(scope) != 4:
        raise Refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
    expected = _signature(request, body, match["headers"].split(";"), scope, secrets[match["key"]])
    if not hmac.compare_digest(expected, match["signature"]):
        raise Refusal("InvalidSignatureException", "The request signature does not match the one calculated.")
    return Caller(match["key"], scope[1], scope[2])


def _signature(request: Request, body: bytes, signed: list[str], scope: list[str], secret: str) -> str:
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed)
    digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join((request.method, request.path, "", headers, ";".join(signed), digest))
    to_sign = "\n".join(
        (
            "AWS4-HMAC-SHA256",
            request.headers.get("X-Amz-Date", ""),
            "/".join(scope),
            hashlib.sha256(canonical.encode()).hexdigest(),
        )
    )
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
