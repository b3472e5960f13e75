"""When a certificate is renewed: a rule, a spread, and times in which nothing is renewed."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from certrail.domain import timestamps
from certrail.domain.durations import Duration
from certrail.domain.windows import Rules, Window

LATEST_FRACTION = 5 / 6
"""Whatever a rule says, so much of a lifetime has passed at the latest: the rest is for trying again."""
EARLIEST_FRACTION = 1 / 3
"""Nor earlier: a rule that is longer than the lifetime would renew for ever."""
SPREAD = 1 / 6
"""Of the lifetime, before the moment of the rule, for a certificate that came at a moment of its own."""
FIRST_SPREAD = 3 / 4
"""Of the time until the moment of the rule, for any other: it may be one of a fleet that was issued at once, and only
a spread as wide as this keeps the busiest hour of such a fleet at about twice the mean."""
SAFE_FRACTION = (LATEST_FRACTION + 1) / 2
"""Before so much of a lifetime has passed there is room for another try; later is chosen when there is no earlier."""
LOOK_BACK = timedelta(days=14)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=1)
LAST_CHANCE = timedelta(minutes=1)
"""What fails is tried once more so long before the end, whatever the wait would be."""
ROOM_AT_THE_END = timedelta(minutes=5)
"""Nothing is placed so close before the end of an open time, or it would come too late for a look, time after time."""
PERSISTENCE = timedelta(days=30)
"""For so long after the end it is tried on: its service waits for it, and an authority may be away for days."""


class Freeze(Rules):
    """A time in which nothing is renewed."""

    begins: timestamps.Timestamp = Field(description="First time, included.")
    ends: timestamps.Timestamp = Field(description="Last time, excluded.")
    reason: Annotated[str, StringConstraints(max_length=200)] = Field(default="", description="For people.")

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.begins >= self.ends:
            raise ValueError("a freeze begins before it ends")
        return self


class RenewalOverride(Rules):
    """When a certificate is renewed: of a rule at the latest, of one certificate then."""

    fraction: float | None = Field(
        default=None, gt=0, lt=1, description="The part of the lifetime that has passed by then."
    )
    before: Duration | None = Field(default=None, description="Or how long before the end.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.fraction is not None and self.before is not None:
            raise ValueError("give a fraction or a time before the end, not both")
        return self


class RenewalRule(RenewalOverride):
    """How certificates are renewed automatically."""

    enabled: bool = Field(default=True, description="Whether they are.")
    windows: Annotated[tuple[Window, ...], Field(max_length=20)] = Field(
        default=(), description="Renewals happen inside one of them; without any, at all times."
    )
    freezes: Annotated[tuple[Freeze, ...], Field(max_length=50)] = Field(
        default=(), description="And in none of these."
    )

    def open_at(self, instant: datetime) -> bool:
        """Whether renewals may happen then."""
        if any(freeze.begins <= instant < freeze.ends for freeze in self.freezes):
            return False
        return not self.windows or any(window.holds(instant) for window in self.windows)

    def opens(self, instant: datetime, until: datetime) -> datetime | None:
        """The first moment from this one on at which renewals may happen."""
        while instant < until:
            if self.open_at(instant):
                return instant
            frozen = [freeze.ends for freeze in self.freezes if freeze.begins <= instant < freeze.ends]
            instant = max(frozen) if frozen else min(window.begin_after(instant) for window in self.windows)
        return None

    def closes(self, instant: datetime, until: datetime) -> datetime:
        """Until when renewals may happen without a break, where they may at this moment."""
        until = min([until, *(freeze.begins for freeze in self.freezes if freeze.begins > instant)])
        while self.windows and instant < until and self.open_at(instant):
            ends = max(window.end_after(instant) for window in self.windows if window.holds(instant))
            if ends <= instant:  # in an hour that a clock shows twice
                return instant
            instant = ends
        return min(instant, until) if self.windows else until


DEFAULT_FRACTION = 2 / 3


class Advice(Rules):
    """In which window an authority wants certificates replaced, and why (RFC 9773 section 4.2)."""

    begins: timestamps.Timestamp = Field(description="Start of the window.")
    ends: timestamps.Timestamp = Field(description="End of the window.")
    explanation: Annotated[str, StringConstraints(max_length=500)] = Field(
        default="", description="Why, for people."
    )

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.begins >= self.ends:
            raise ValueError("a window begins before it ends")
        return self


@dataclass(frozen=True)
class ValidityPeriod:
    """Of one certificate; the same `seed` gives the same place in every spread."""

    not_before: datetime
    not_after: datetime
    seed: str

    @property
    def length(self) -> timedelta:
        """From the beginning to the end."""
        return self.not_after - self.not_before

    @property
    def jitter(self) -> float:
        """Between 0 and 1, evenly spread over seeds."""
        return int.from_bytes(hashlib.sha256(self.seed.encode()).digest()[:8]) / 2**64

    @property
    def safe(self) -> datetime:
        """After this there is little room for another try."""
        return self.not_before + self.length * SAFE_FRACTION

    @property
    def last(self) -> datetime:
        """After this nobody tries any more."""
        return timestamps.later(self.not_after, PERSISTENCE)


@dataclass(frozen=True)
class Plan:
    """The chosen moment, and what led to it, in words for a person.

    Attributes:
        at: empty when renewals may not happen at any moment that would be of use.
        late: there is none before the end.
    """

    at: datetime | None
    inputs: tuple[str, ...]
    late: bool = False


class RenewalWait(StrEnum):
    """What the workflow of a renewal round waits for."""

    APPROVAL = "approval"
    AUTHORITY = "authority"
    RATE = "rate"
    RETRY = "retry"
    WINDOW = "window"


BY_REQUEST = frozenset({RenewalWait.APPROVAL, RenewalWait.AUTHORITY})
"""Waits that end with a request: people decide about it, or a remote signer."""


class RenewalState(BaseModel):
    """Why a lineage is renewed when it is, or why not, and what failed last.

    Attributes:
        inputs: what led to the planned time, in words.
        off: why there is no automatic renewal.
        failures: in a row.
        error: the last of them.
        planned: the time of the plan; a certificate that came near it was not issued together with a fleet.
        staggered: whether this one came near the plan of the one before it.
        no_window_reported: whether the event about a missing window before the expiry is on record.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[str, ...] = ()
    off: str | None = None
    failures: int = 0
    error: str | None = None
    failed_at: datetime | None = None
    planned: datetime | None = None
    staggered: bool = False
    no_window_reported: bool = False

    @classmethod
    def of(cls, stored: dict[str, Any] | None) -> Self:
        """As it was stored."""
        return cls.model_validate(stored or {})

    def stored(self) -> dict[str, Any] | None:
        """As JSON; nothing when there is nothing to say."""
        return self.model_dump(mode="json", exclude_defaults=True) or None

    def but(self, **changes: Any) -> Self:
        """A copy with other values."""
        return self.model_copy(update=changes)

    def kept(self) -> Self:
        """What outlives another plan for the same certificate."""
        return self.but(inputs=(), off=None, planned=None)

    def explained(self) -> dict[str, Any]:
        """What a person is shown."""
        internal = {"planned", "staggered", "no_window_reported"}
        late = {"late": True} if self.no_window_reported else {}
        return {**self.model_dump(exclude_defaults=True, exclude=internal), **late}


def plan_renewal(
    rule: RenewalRule,
    life: ValidityPeriod,
    *,
    now: datetime | None = None,
    override: RenewalOverride | None = None,
    advice: Advice | None = None,
    in_step: bool = False,
) -> Plan:
    """Choose the moment: the earliest of rule and advice, spread, and moved into the open times.

    Args:
        now: what lies before it was missed; left out, nothing was.
        override: what was said for this certificate alone, in place of that of the rule; it is not spread.
        advice: what the authority suggests.
        in_step: the certificate came at a moment of its own, so its neighbours came at others.
    """
    now = now or life.not_before
    inputs = [f"valid from {_shown(life.not_before)} to {_shown(life.not_after)}"]
    latest, said = _latest(override or rule, life)
    inputs.append(f"{said}, as was said for this certificate" if override else said)
    at = latest
    if override is None:
        # A rule is for a fleet, and says the latest time. What is said for one certificate is its time.
        spread = life.length * SPREAD if in_step else (latest - life.not_before) * FIRST_SPREAD
        at = latest - spread * life.jitter
        inputs.append(f"spread over {_hours(spread)} before it: {_shown(at)}")
    if advice is not None and (advised := advice.begins + (advice.ends - advice.begins) * life.jitter) < at:
        at = advised
        why = f", because of {advice.explanation}" if advice.explanation else ""
        window = f"{_shown(advice.begins)} to {_shown(advice.ends)}"
        inputs.append(f"the authority advises {window}{why}: {_shown(at)}")
    opened = _opened(rule, at, life, now)
    if opened is None:
        inputs.append("no open time before the end, nor in the month after it: change the windows or freezes")
        return Plan(None, tuple(inputs), late=True)
    late = opened >= life.not_after > now
    if late:
        inputs.append(f"no open time before the end, so as soon as there is one: {_shown(opened)}")
    elif opened != at:
        inputs.append(f"moved out of a closed time: {_shown(opened)}")
    return Plan(opened.replace(microsecond=0), tuple(inputs), late)


def next_open(rule: RenewalRule, at: datetime, life: ValidityPeriod) -> datetime | None:
    """This moment, or one in the next open time; spread over it, so that it does not begin with a herd."""
    opening = rule.opens(at, life.last)
    if opening is None or opening == at:
        return opening
    return _within(rule, opening, life)


def next_try(rule: RenewalRule, life: ValidityPeriod, now: datetime, failures: int) -> datetime | None:
    """When to try again after so many failures in a row: more often before the end than a wait would allow."""
    again, last = now + wait_after(failures), life.not_after - LAST_CHANCE
    return next_open(rule, min(again, last) if now < last else again, life)


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: doubling, up to an hour."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(max(failures, 1) - 1, 10)))


def _latest(said: RenewalOverride, life: ValidityPeriod) -> tuple[datetime, str]:
    if said.before is not None:
        passed, words = 1 - said.before / life.length, f"{_hours(said.before)} before the end"
    else:
        passed = said.fraction or DEFAULT_FRACTION
        words = f"after {passed:.0%} of the lifetime"
    clamped = min(max(passed, EARLIEST_FRACTION), LATEST_FRACTION)
    if clamped != passed:
        words += f", clamped to {clamped:.0%} of the lifetime"
    instant = life.not_before + life.length * clamped
    return instant, f"{words}: {_shown(instant)}"


def _opened(rule: RenewalRule, at: datetime, life: ValidityPeriod, now: datetime) -> datetime | None:
    """The moment itself or the next open one; one before it, if the next is unsafely late; never a closed one."""
    opened = next_open(rule, at, life)
    if opened is None or opened > life.safe:
        opened = _before(rule, max(at - LOOK_BACK, life.not_before, now), at, life) or opened
    if opened is not None and opened < now:  # it was missed
        opened = now if rule.open_at(now) else next_open(rule, now, life)
    return opened


def _before(rule: RenewalRule, start: datetime, at: datetime, life: ValidityPeriod) -> datetime | None:
    """A moment of the last open time that begins before `at`."""
    found, opening = None, rule.opens(start, at)
    while opening is not None:
        found = opening
        opening = rule.opens(rule.closes(opening, at) + timedelta(seconds=1), at)
    return _within(rule, found, life, at) if found else None


def _within(
    rule: RenewalRule, opening: datetime, life: ValidityPeriod, until: datetime | None = None
) -> datetime:
    """A moment of the open time that begins then, spread so that most of them are safe."""
    safe = (
        life.safe
        if opening < life.safe
        else timestamps.later(opening, max(life.not_after - opening, LONGEST_WAIT) / 2)
    )
    closing = rule.closes(opening, min(safe, timestamps.later(opening, life.length * SPREAD), until or safe))
    length = closing - opening
    chosen = opening + (length - min(ROOM_AT_THE_END, length / 2)) * life.jitter
    return chosen if rule.open_at(chosen) else opening


def _shown(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")


def _hours(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours / 24:.1f} days" if hours >= 72 else f"{hours:.1f} hours"
