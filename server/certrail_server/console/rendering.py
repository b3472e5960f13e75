"""Templates, and how values read on a page."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from certrail.domain.durations import format_duration
from certrail_server.console.static_files import static_url

TONES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "active",
            "issued",
            "approved",
            "delivered",
            "served",
            "ready",
            "sent",
            "published",
            "resolved",
            "approve",
            "ok",
        ),
        "ok",
    ),
    **dict.fromkeys(
        ("pending_approval", "retrying", "held", "expiring", "acknowledged", "waiting", "due", "warning"),
        "warn",
    ),
    **dict.fromkeys(
        ("failed", "revoked", "rejected", "expired", "reject", "critical", "incident", "disabled", "refused"),
        "bad",
    ),
    **dict.fromkeys(
        ("older", "other", "chain_broken", "unreachable"),
        "bad",
    ),
    **dict.fromkeys(("open", "issuing", "delivering", "pending", "info"), "info"),
}
"""How a state looks; one that is not here is calm."""
_UNITS = ((31_536_000, "year"), (86400, "day"), (3600, "hour"), (60, "minute"))
LARGE = 2
"""Of a unit: from so many of them on, the unit is used."""


@cache
def environment() -> Environment:
    """Everything is escaped, and a name that a page was not given fails."""
    found = Environment(
        loader=PackageLoader("certrail_server.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters.update(
        {
            "utc": utc,
            "relative": relative,
            "words": words,
            "tone": tone,
            "pairs_of_hex": pairs_of_hex,
            "pair": lambda fact: (fact.label, fact.value),
            "duration": format_duration,
            "must_act": must_act,
            "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False, default=str),
            "segment": lambda text: quote(str(text), safe=""),
        }
    )
    found.globals.update({"static": static_url, "query": query, "choices": choices})
    # A global, and not imported by each page: a block that is rendered alone sees no imports of its template.
    found.globals["ui"] = found.get_template("parts/ui.html").module
    return found


def utc(instant: datetime) -> str:
    """``2026-11-27 09:05 UTC``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def relative(instant: datetime, now: datetime) -> str:
    """``in 12 days``, ``3 hours ago``."""
    passed = now - instant
    length = abs(passed)
    if length < timedelta(minutes=1):
        return "just now" if passed >= timedelta(0) else "in less than a minute"
    seconds = int(length.total_seconds())
    size, unit = next(
        ((size, unit) for size, unit in _UNITS if seconds >= LARGE * size), (_UNITS[-1][0], _UNITS[-1][1])
    )
    count = seconds // size
    text = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{text} ago" if passed > timedelta(0) else f"in {text}"


MUST_ACT: Mapping[str, str] = {
    "Unauthorized": "a Product Admin, who keeps the credentials of the connection",
    "Misconfigured": "an Admin of the Application, in the settings of the sync",
    "QuotaExceeded": "whoever owns the account at the destination",
}
"""By the kind of a failure that does not end by itself."""


def must_act(failure: Any) -> str:
    """Who has to do something about a failed delivery."""
    if not failure.permanent:
        return "nobody yet, it is tried again by itself"
    return MUST_ACT.get(failure.kind, "an Operator, who delivers again when the cause is gone")


def words(name: object) -> str:
    """A name of the API as it reads in a sentence: ``pending_approval`` becomes ``pending approval``."""
    return str(name).replace("_", " ").replace("-", " ")


def tone(state: object) -> str:
    """How a state looks: `ok`, `warn`, `bad`, `info` or `calm`."""
    return TONES.get(str(state), "calm")


def pairs_of_hex(digits: str) -> Markup:
    """Hex digits in pairs that a line may be broken after."""
    parts = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    return Markup(":<wbr>").join(parts)


def query(path: str, **given: Any) -> str:
    """An address with a query of those values that are not empty."""
    parts = {name: value for name, value in given.items() if value not in (None, "", [])}
    return f"{path}?{urlencode(parts, doseq=True)}" if parts else path


def choices(values: Iterable[object], none: str = "", *, as_is: bool = False) -> list[tuple[str, str]]:
    """Options of a field, from names of the API.

    Args:
        none: what the choice of none of them is called; empty: there is no such choice.
        as_is: whether they read as they are, and not in words.
    """
    found = [("", none)] if none else []
    return found + [(str(each), str(each) if as_is else words(each).capitalize()) for each in values]
