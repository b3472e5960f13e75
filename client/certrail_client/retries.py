"""When a call is sent again. Only calls that change nothing twice are: reads, and creates under an Idempotency-Key."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx2

RETRIED_STATUS = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    Attributes:
        attempts: how often a call is sent at most; 1 sends it once.
        first_seconds: upper bound of the first pause; every further bound is twice the one before.
        longest_seconds: no pause is longer; a longer Retry-After ends the attempts.
        jitter: a number from 0 to 1, drawn for each pause.
    """

    attempts: int = 4
    first_seconds: float = 0.2
    longest_seconds: float = 30.0
    jitter: Callable[[], float] = random.random

    def pause(self, attempt: int, retry_after: float | None = None) -> float | None:
        """Seconds to wait after the attempt of this number, from 1; ``None`` when it was the last."""
        if attempt >= self.attempts:
            return None
        if retry_after is not None:
            return retry_after if retry_after <= self.longest_seconds else None
        bound = min(self.longest_seconds, self.first_seconds * 2 ** (attempt - 1))
        return float(bound * self.jitter())


def retry_after(answer: httpx2.Response, now: datetime | None = None) -> float | None:
    """Seconds that the answer asks to wait: delta-seconds or an HTTP-date (RFC 9110 section 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isdigit():
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())
