"""How the Slack stand-in hands a payload to an app: signed, over HTTP."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.message import Message
from typing import Self

from slack_sdk.signature import SignatureVerifier

from certrail_fakes.slack_state import Json

PATIENCE_SECONDS = 3.0
"""After this, Slack shows the person a warning."""


@dataclass(frozen=True, slots=True)
class Signed:
    """One signed request: send it again for a replay."""

    body: bytes
    headers: Mapping[str, str]

    def tampered(self, old: bytes, new: bytes) -> Self:
        """The same signature over another body."""
        return replace(self, body=self.body.replace(old, new))


@dataclass(frozen=True, slots=True)
class Reply:
    """What the app answered, and what the person saw of it."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    seconds: float
    request: Signed

    @property
    def in_time(self) -> bool:
        return self.seconds <= PATIENCE_SECONDS

    def json(self) -> Json:
        parsed = json.loads(self.body) if self.body else {}
        return parsed if isinstance(parsed, dict) else {}


def sign(payload: Json, secret: str, timestamp: int) -> Signed:
    """The request that Slack makes of an interaction payload."""
    body = f"payload={urllib.parse.quote_plus(json.dumps(payload))}"
    signature = SignatureVerifier(secret).generate_signature(timestamp=str(timestamp), body=body)
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "x-slack-request-timestamp": str(timestamp),
        "x-slack-signature": str(signature),
    }
    return Signed(body.encode(), headers)


def post(signed: Signed, url: str) -> Reply:
    """Send it and wait for the answer, whatever its status."""
    # Loopback only: a proxy from the environment must not see it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data=signed.body, headers=dict(signed.headers), method="POST")
    started = time.monotonic()
    try:
        with opener.open(request, timeout=30) as answer:
            status, body, headers = answer.status, answer.read(), _lower(answer.headers)
    except urllib.error.HTTPError as error:
        status, body, headers = error.code, error.read(), _lower(error.headers)
    return Reply(status, body, headers, time.monotonic() - started, signed)


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
