"""What ends in the next weeks, as a chart; what happened, as a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from certrail.domain.events import EVENTS
from certrail.services.access.reach import Scopes
from certrail.services.facade import Services
from certrail.services.inventory.search import Named
from certrail_sdk import Severity
from certrail_server.console.rendering import query

WEEKS = 13
MOST_COUNTED = 5000
"""Certificates that a chart reads; with more of them it says that it is cut."""
TONES = {Severity.CRITICAL: "bad", Severity.WARNING: "warn"}
GOOD = frozenset(
    {
        "certificate.issued",
        "certificate.renewed",
        "delivery.delivered",
        "delivery.verified",
        "probe.served",
        "approval.approved",
        "request.approved",
    }
)
PAGES = {
    "certificate": "/console/certificates/",
    "approval": "/console/approvals/",
    "request": "/console/requests/",
}
"""Where an object of an event is shown, by its kind."""


@dataclass(frozen=True)
class Week:
    """What ends in seven days.

    Attributes:
        planned: certificates whose renewal is planned before they end; `open`: the others.
        link: the list of them.
    """

    begins: datetime
    ends: datetime
    planned: int
    open: int
    link: str

    @property
    def count(self) -> int:
        """All of them."""
        return self.planned + self.open


@dataclass(frozen=True)
class ExpiryChart:
    """The next 13 weeks."""

    weeks: Sequence[Week]
    cut: bool

    @property
    def count(self) -> int:
        """Certificates that end in these weeks."""
        return sum(week.count for week in self.weeks)

    @property
    def open(self) -> int:
        """Those of them for which no renewal is planned."""
        return sum(week.open for week in self.weeks)

    @property
    def highest(self) -> int:
        """The largest count of a week, at least 1."""
        return max(1, *(week.count for week in self.weeks))


def expiry_chart(services: Services, scopes: Scopes, now: datetime, path: str | None) -> ExpiryChart:
    """Present certificates by the week in which they end; one statement.

    Args:
        path: of the list that a week leads to; `None`: the reader can open none.
    """
    until = now + timedelta(weeks=WEEKS)
    rows = services.inventory.ending_in(scopes, until, MOST_COUNTED + 1)
    planned, unplanned = [0] * WEEKS, [0] * WEEKS
    for row in rows[:MOST_COUNTED]:
        week = (row.not_after - now) // timedelta(weeks=1)
        kind = planned if row.renew_at is not None and row.renew_at < row.not_after else unplanned
        kind[week] += 1
    weeks = []
    for number in range(WEEKS):
        begins, ends = now + timedelta(weeks=number), now + timedelta(weeks=number + 1)
        link = query(path, expires_after=_text(begins), expires_before=_text(ends)) if path else ""
        weeks.append(Week(begins, ends, planned[number], unplanned[number], link))
    return ExpiryChart(weeks, len(rows) > MOST_COUNTED)


@dataclass(frozen=True)
class Happened:
    """An event as a line of a timeline.

    Attributes:
        about: name of the certificate that it is about, where its title does not say so.
    """

    at: datetime
    what: str
    tone: str
    who: str
    details: Sequence[str]
    link: str
    about: str = ""


def happened(services: Services, rows: Sequence[Any]) -> Sequence[Happened]:
    """Events as they read to a person, with the certificates that they are about; one statement."""
    lineages = {str(row.data["lineage_id"]) for row in rows if row.data.get("lineage_id")}
    certificates = services.inventory.current_of(lineages)
    return [_line(row, certificates.get(row.data.get("lineage_id") or "")) for row in rows]


def _line(row: Any, certificate: Named | None) -> Happened:
    event, data = EVENTS.get(row.type), row.data
    title = event.title if event else row.type
    name = _name(data) or (certificate.name if certificate else row.subject_id[:12])
    what = title.replace("{name}", name)
    severity = event.severity if event else Severity.INFO
    tone = TONES.get(severity, "ok" if row.type in GOOD else "")
    said = [str(data[key]) for key in ("message", "action", "reason", "comment") if data.get(key)]
    page = PAGES.get(row.subject_type)
    link = f"{page}{row.subject_id}" if page else ""
    about = ""
    if certificate is not None and not page:
        link = f"{PAGES['certificate']}{certificate.id}"
        about = "" if certificate.name in what else certificate.name
    return Happened(row.created_at, what, tone, row.actor_name, said, link, about)


def _name(data: dict[str, Any]) -> str:
    for key in ("common_name", "name", "sync", "slug", "title", "key"):
        if data.get(key):
            return str(data[key])
    names = data.get("dns_names") or []
    return str(names[0]) if names else ""


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
