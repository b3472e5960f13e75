"""The few calls of certrail's HTTP API that an agent makes.

Not by `certrail-client`: that needs pydantic, and an agent is to bring little onto a host.
"""

import json
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from certrail_agent.config import is_loopback
from certrail_agent.errors import Refused, Unreachable

LARGEST_ANSWER = 1 << 20
SECONDS = 30.0
KIND_PREFIX = "urn:certrail:problem:"
LATER = (408, 425, 429, 500, 502, 503, 504)
"""Answers after which the same call is sent again."""


class Api:
    """Calls one server as one caller; used by one thread.

    Raises:
        Unreachable: no call was answered, or the server cannot answer now.
        Refused: it refused one.
    """

    def __init__(self, url: str, token: str | None = None, ca_file: Path | None = None) -> None:
        headers = {"accept": "application/json", "user-agent": "certrail-agent"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        loopback = is_loopback(urlsplit(url).hostname or "")
        self._url = url
        self._client = httpx2.Client(
            base_url=f"{url}/api/v1/",
            headers=headers,
            verify=_trust(ca_file) if url.startswith("https:") else False,
            timeout=SECONDS,
            trust_env=not loopback,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def me(self) -> dict[str, Any]:
        """Who calls, and what the caller may do."""
        return self._json("GET", "me")

    def create_request(self, application: str, body: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Request a certificate under an idempotency key."""
        return self._json("POST", f"applications/{_part(application)}/certificate-requests", body, key=key)

    def renew(self, certificate_id: str, csr: str, key: str) -> dict[str, Any]:
        """Request the next certificate of a lineage under an idempotency key."""
        return self._json("POST", f"certificates/{_part(certificate_id)}/renew", {"csr": csr}, key=key)

    def request(self, request_id: str, wait: float = 0.0) -> dict[str, Any]:
        """A certificate request, once it is decided or after so many seconds."""
        path = f"certificate-requests/{_part(request_id)}"
        return self._json("GET", f"{path}?wait={wait:g}" if wait else path, extra=wait)

    def certificate(self, certificate_id: str) -> dict[str, Any]:
        """A certificate with its chain."""
        return self._json("GET", f"certificates/{_part(certificate_id)}")

    def renewal(self, certificate_id: str) -> dict[str, Any]:
        """When a certificate should be renewed, and whether another one has superseded it."""
        return self._json("GET", f"certificates/{_part(certificate_id)}/renewal")

    def report_served(self, certificate_id: str, body: Mapping[str, Any]) -> None:
        """Say what the service that uses a certificate presents."""
        self._send("POST", f"certificates/{_part(certificate_id)}/served", body)

    def pkcs12(self, certificate_id: str, password: str) -> bytes:
        """A certificate with its managed key; unlike the key alone, it may be read again after a crash."""
        body = {"format": "pkcs12", "password": password}
        return self._send("POST", f"certificates/{_part(certificate_id)}/export", body)

    def enroll(self, token: str, secret_hash: str) -> dict[str, Any]:
        """Use a one-time token; repeated with the same hash, it is answered the same."""
        return self._json("POST", f"{self._url}/agents/enroll", {"token": token, "secret_hash": secret_hash})

    def _json(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, extra: float = 0.0
    ) -> dict[str, Any]:
        content = self._send(method, path, body, key=key, extra=extra)
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unreachable(
                f"{self._url} answers no JSON object: it is another server, or a proxy in front of it"
            )
        return found

    def _send(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, extra: float = 0.0
    ) -> bytes:
        headers = {"idempotency-key": key} if key else {}
        content = json.dumps(body).encode() if body is not None else None
        if content is not None:
            headers["content-type"] = "application/json"
        timeout = httpx2.Timeout(SECONDS, read=SECONDS + extra)
        try:
            with self._client.stream(
                method, path, content=content, headers=headers, timeout=timeout
            ) as answer:
                read = b""
                for part in answer.iter_bytes():
                    read += part
                    if len(read) > LARGEST_ANSWER:
                        raise Unreachable(f"{self._url} answered with more than a mebibyte")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as problem:
            said = str(problem) or type(problem).__name__
            raise Unreachable(f"{self._url} cannot be reached: {said}") from None
        if answer.is_success:
            return read
        raise _error_of(answer, read, self._url)


def _error_of(answer: httpx2.Response, content: bytes, url: str) -> Exception:
    if answer.status_code in LATER:
        return Unreachable(f"{url} answered {answer.status_code}", _retry_after(answer))
    try:
        problem = json.loads(content)
        kind, detail = str(problem["type"]).removeprefix(KIND_PREFIX), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        # Not certrail's: a proxy in front of it, which may be without it for a while.
        return Unreachable(f"{url} answered {answer.status_code} without a problem document")
    listed = problem.get("violations") or ()
    said = "; ".join(str(each["message"]) for each in listed if isinstance(each, dict) and "message" in each)
    request = problem.get("request")
    return Refused(
        answer.status_code, kind, f"{detail} {said}".strip(), request if isinstance(request, str) else None
    )


def _retry_after(answer: httpx2.Response) -> float:
    text = answer.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        then, now = parsedate_to_datetime(text), parsedate_to_datetime(answer.headers["date"])
    except (ValueError, KeyError):
        return 0.0
    return max(0.0, (then - now).total_seconds())


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise Unreachable(f"the CA file {ca_file} cannot be read: {error}") from None


def _part(text: str) -> str:
    return quote(text, safe="")
