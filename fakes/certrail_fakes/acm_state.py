"""What tests and the demo may set on the ACM stand-in, and what it remembers of the calls it got."""

import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from types import UnionType
from typing import Any, get_origin

from certrail_fakes.acm_rules import Refusal

ACCESS_KEY_ID = "AKIDCERTRAILSTANDIN"
SECRET_ACCESS_KEY = "not-a-secret-of-any-real-account"
DOCUMENTED_QUOTA = 2500
HOLD_BEFORE, HOLD_AFTER = "before", "after"


@dataclass
class Settings:
    """The knobs. A counter (``throttle_next``, ``fail_next``, ``lose_answers``) counts down to zero.

    Attributes:
        quota: imported certificates per region before LimitExceededException.
        iam_quota, listener_quota, secret_quota: of server certificates in IAM, of certificates in the lists of a
            load balancer, of secrets.
        imports_per_second: ``1`` is what AWS grants; ``None`` lets everything through.
        throttle_next: how many of the next calls answer ThrottlingException.
        throttle_every: every so many calls, one answers ThrottlingException; 0 throttles none.
        retry_after: seconds told in the Retry-After header of a throttled call.
        fail_next: how many of the next calls answer 500.
        lose_answers: how many of the next imports, and of writes to other services, are carried out, then cut
            without an answer.
        hold: ``after`` keeps back the answer of an import that is stored already, ``before`` keeps back
            the import itself (dropped if the caller is gone at release); empty lets imports through.
        in_use: ARN to the ARNs of what uses it.
        denied_actions: such as ``ImportCertificate``; they answer AccessDeniedException.
        expired_keys: access key ids that answer ExpiredTokenException.
        credentials: access key id to secret access key.
        same_algorithm: whether the leaf's algorithm must be its CA's, as the API reference says.
    """

    quota: int = DOCUMENTED_QUOTA
    iam_quota: int = 20
    listener_quota: int = 25
    secret_quota: int = 500_000
    imports_per_second: int | float | None = None
    throttle_next: int = 0
    throttle_every: int = 0
    retry_after: int | None = None
    fail_next: int = 0
    lose_answers: int = 0
    hold: str = ""
    page_size: int = 100
    in_use: dict[str, list[str]] = field(default_factory=dict)
    denied_actions: list[str] = field(default_factory=list)
    expired_keys: list[str] = field(default_factory=list)
    credentials: dict[str, str] = field(default_factory=lambda: {ACCESS_KEY_ID: SECRET_ACCESS_KEY})
    same_algorithm: bool = True

    def update(self, values: Mapping[str, Any]) -> None:
        """Set several knobs by name.

        Raises:
            ValueError: naming an unknown knob or a value of the wrong kind.
        """
        known = {f.name: f.type for f in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown setting {name!r}")
            kind = get_origin(known[name])
            accepted: Any = kind if isinstance(kind, type) and kind is not UnionType else known[name]
            if not isinstance(value, accepted):
                raise ValueError(f"setting {name!r} must be of type {known[name]}")
            setattr(self, name, value)


@dataclass(frozen=True)
class Call:
    """One call: what was asked, ``ok``, ``lost`` or the error code that was answered, and when (Unix time)."""

    action: str
    outcome: str
    arn: str | None
    access_key_id: str
    at: float = field(default_factory=time.time, compare=False)


class State:
    """Settings, log and the gate that holds imports; shared by the threads of one server."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.calls: list[Call] = []
        self.held = 0
        self._admitted = 0
        self._last_import = float("-inf")
        self._changed = threading.Condition()

    def reset(self) -> None:
        """Back to defaults with an empty log; what is held goes on."""
        with self._changed:
            self.settings = Settings()
            self.calls.clear()
            self._last_import = float("-inf")
            self._changed.notify_all()

    def configure(self, values: Mapping[str, Any]) -> None:
        """Set knobs by name, waking what they release."""
        with self._changed:
            self.settings.update(values)
            self._changed.notify_all()

    def record(self, call: Call) -> None:
        """Remember one call."""
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()

    def count(self, action: str, outcome: str | None = None) -> int:
        """How many calls of this action there were, of this outcome if given."""
        with self._changed:
            return sum(c.action == action and outcome in (None, c.outcome) for c in self.calls)

    def wait_for_call(self, action: str, outcome: str, timeout: float) -> bool:
        """Wait until a call of this action ended with this outcome."""

        def happened() -> bool:
            return any((c.action, c.outcome) == (action, outcome) for c in self.calls)

        with self._changed:
            return self._changed.wait_for(happened, timeout)

    def take(self, counter: str) -> bool:
        """Use up one of a counter's remaining faults."""
        with self._changed:
            left = int(getattr(self.settings, counter))
            setattr(self.settings, counter, max(0, left - 1))
            return left > 0

    def is_throttled(self) -> bool:
        """Whether this call is refused: one of the next ones, or one of so many."""
        if self.take("throttle_next"):
            return True
        with self._changed:
            every = self.settings.throttle_every
            self._admitted = self._admitted + 1 if every else 0
            return bool(every) and self._admitted % every == 0

    def pass_rate_limit(self) -> None:
        """Let one import through, or refuse it because the last one was too short ago."""
        with self._changed:
            rate = self.settings.imports_per_second
            now = time.monotonic()
            if rate and now - self._last_import < 1 / rate:
                raise Refusal("ThrottlingException", "Rate exceeded")
            self._last_import = now

    def wait_at_gate(self, where: str) -> bool:
        """Block while imports are held at this place; say whether that happened."""
        with self._changed:
            if self.settings.hold != where:
                return False
            self.held += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.settings.hold != where)
            self.held -= 1
            return True

    def wait_until_held(self, timeout: float) -> bool:
        """Wait until an import stands at the gate."""
        with self._changed:
            return self._changed.wait_for(lambda: self.held > 0, timeout)

    def snapshot(self) -> dict[str, Any]:
        """Everything but credentials, as JSON values."""
        with self._changed:
            settings = asdict(self.settings)
            settings["credentials"] = sorted(settings["credentials"])
            return {"settings": settings, "held": self.held, "calls": [asdict(c) for c in self.calls]}
