"""When a certificate is renewed: a rule, a spread, and times in which nothing is renewed."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from certrail.domain.windows import Rules, Window

LATEST_FRACTION = 5 / 6
"""Whatever a rule says, so much of a lifetime has passed at the latest: the rest is for trying again."""
EARLIEST_FRACTION = 1 / 3
"""Nor earlier: a rule that is longer than the lifetime would renew for ever."""
SPREAD = 1 / 6
"""Of the lifetime, before the moment of the rule: so a fleet that was issued at once is not renewed at once."""
LOOK_AHEAD = timedelta(days=14)
STEP = timedelta(minutes=5)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=1)


class Freeze(Rules):
    """A time in which nothing is renewed."""

    begins: AwareDatetime
    ends: AwareDatetime
    reason: Annotated[str, StringConstraints(max_length=200)] = ""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.begins >= self.ends:
            raise ValueError("a freeze begins before it ends")
        return self


class RenewalRule(Rules):
    """How certificates are renewed by themselves.

    Attributes:
        fraction: of the lifetime that has passed at the latest moment.
        before_seconds: or this long before the end.
        windows: renewals happen inside one of them; without any, at all times.
        freezes: and in none of these.
    """

    enabled: bool = True
    fraction: float | None = Field(default=None, gt=0, lt=1)
    before_seconds: int | None = Field(default=None, gt=0)
    windows: Annotated[tuple[Window, ...], Field(max_length=20)] = ()
    freezes: Annotated[tuple[Freeze, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.fraction is not None and self.before_seconds is not None:
            raise ValueError("give a fraction or a time before the end, not both")
        return self

    def open_at(self, moment: datetime) -> bool:
        """Whether renewals may happen then."""
        if any(freeze.begins <= moment < freeze.ends for freeze in self.freezes):
            return False
        return not self.windows or any(window.holds(moment) for window in self.windows)


DEFAULT_FRACTION = 2 / 3


@dataclass(frozen=True)
class Plan:
    """The chosen moment, and what led to it, in words for a person."""

    at: datetime
    inputs: tuple[str, ...]


def plan_renewal(
    rule: RenewalRule,
    not_before: datetime,
    not_after: datetime,
    seed: str,
    advice: tuple[datetime, datetime] | None = None,
) -> Plan:
    """Choose the moment: the earliest of rule and advice, spread, and moved into the open times.

    Args:
        seed: of the spread; the same seed gives the same moment.
        advice: the window that the authority suggests (RFC 9773 section 4.2).
    """
    lifetime = not_after - not_before
    inputs = [f"valid from {_shown(not_before)} to {_shown(not_after)}"]
    latest, said = _latest(rule, not_before, lifetime)
    inputs.append(said)
    share = _share(seed)
    at = latest - lifetime * SPREAD * share
    inputs.append(f"spread over {_hours(lifetime * SPREAD)} before it: {_shown(at)}")
    if advice is not None and (advised := advice[0] + (advice[1] - advice[0]) * share) < at:
        at = advised
        inputs.append(f"the authority advises {_shown(advice[0])} to {_shown(advice[1])}: {_shown(at)}")
    opened = _opened(rule, at, not_after - lifetime * (1 - LATEST_FRACTION) / 2)
    if opened != at:
        inputs.append(f"moved out of a closed time: {_shown(opened)}")
    return Plan(opened.replace(microsecond=0), tuple(inputs))


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: doubling, up to an hour."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(max(failures, 1) - 1, 10)))


def _latest(rule: RenewalRule, not_before: datetime, lifetime: timedelta) -> tuple[datetime, str]:
    if rule.before_seconds is not None:
        before = timedelta(seconds=rule.before_seconds)
        passed, said = 1 - before / lifetime, f"{_hours(before)} before the end"
    else:
        passed = rule.fraction or DEFAULT_FRACTION
        said = f"after {passed:.0%} of the lifetime"
    clamped = min(max(passed, EARLIEST_FRACTION), LATEST_FRACTION)
    if clamped != passed:
        said += f", clamped to {clamped:.0%} of the lifetime"
    moment = not_before + lifetime * clamped
    return moment, f"{said}: {_shown(moment)}"


def _share(seed: str) -> float:
    """Between 0 and 1, evenly spread over seeds."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) / 2**64


def _opened(rule: RenewalRule, at: datetime, last: datetime) -> datetime:
    """The next open moment, or when there is none in time the last one before; never outside when there is any."""
    if rule.open_at(at):
        return at
    forwards = at
    while (forwards := forwards + STEP) <= min(last, at + LOOK_AHEAD):
        if rule.open_at(forwards):
            return forwards
    backwards = at
    while (backwards := backwards - STEP) >= at - LOOK_AHEAD:
        if rule.open_at(backwards):
            return backwards
    return at


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")


def _hours(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours / 24:.1f} days" if hours >= 72 else f"{hours:.1f} hours"
