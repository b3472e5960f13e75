"""Hours of the week, as people in one place count them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Sequence[Weekday] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = len(WEEKDAYS)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("name a time zone of the IANA database, such as Europe/Berlin") from None
    return name


def _clock(shown: time) -> time:
    if shown.tzinfo is not None:
        raise ValueError("give the hour as a clock shows it, such as 22:00; the zone is a field of its own")
    return shown


def _shown(clock: time) -> str:
    return clock.isoformat("auto" if clock.second or clock.microsecond else "minutes")


ClockTime = Annotated[
    time,
    AfterValidator(_clock),
    PlainSerializer(_shown, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d{2}:\d{2}(:\d{2}(\.\d+)?)?$", "examples": ["22:00"]}),
]


class Rules(BaseModel):
    """What a person wrote down: frozen, and without unknown words."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(Rules):
    """Hours of some days; a window that ends before it begins ends on the next day."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = Field(
        default=tuple(WEEKDAYS), description="Days of the week on which it begins."
    )
    begins: ClockTime = Field(description="By a clock in that zone, such as 22:00.")
    ends: ClockTime = Field(description="The same; before `begins` it is on the next day.")
    zone: Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)] = Field(
        default="UTC", description="Time zone of the IANA database, such as Europe/Berlin."
    )

    def holds(self, instant: datetime) -> bool:
        """Whether a moment is inside."""
        local = instant.astimezone(ZoneInfo(self.zone))
        today, now = WEEKDAYS[local.weekday()], local.time()
        if self.begins < self.ends:
            return today in self.days and self.begins <= now < self.ends
        yesterday = WEEKDAYS[local.weekday() - 1]
        return (today in self.days and now >= self.begins) or (yesterday in self.days and now < self.ends)

    def begin_after(self, instant: datetime) -> datetime:
        """When the window begins next."""
        zone = ZoneInfo(self.zone)
        today = instant.astimezone(zone).date()
        days = (today + timedelta(days=ahead) for ahead in range(WEEK + 1))
        begins = (
            datetime.combine(day, self.begins.replace(fold=fold), zone).astimezone(UTC)
            for day in days
            if WEEKDAYS[day.weekday()] in self.days
            for fold in (0, 1)  # an hour that a clock shows twice begins twice
        )
        return min(begin for begin in begins if begin > instant)

    def end_after(self, instant: datetime) -> datetime:
        """When the window that holds this moment ends."""
        local = instant.astimezone(ZoneInfo(self.zone))
        days = 0 if local.time() < self.ends else 1
        end = datetime.combine(local.date() + timedelta(days=days), self.ends, ZoneInfo(self.zone))
        return end.astimezone(UTC)


def quiet_until(windows: Iterable[Window], instant: datetime) -> datetime | None:
    """When the last of the windows that hold this moment ends; ``None`` when none does."""
    return max((window.end_after(instant) for window in windows if window.holds(instant)), default=None)


def never_end(windows: Sequence[Window], instant: datetime) -> bool:
    """Whether from this moment on one window follows another for a whole week, so that something always holds."""
    week_later = instant + timedelta(days=WEEK)
    while instant < week_later:
        if (end := quiet_until(windows, instant)) is None:
            return False
        # In an hour that a clock shows twice the end may be over already.
        instant = max(end, instant + timedelta(minutes=1))
    return True
