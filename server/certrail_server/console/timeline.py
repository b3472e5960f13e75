"""What ends in the next weeks, as a chart; what happened, as a list."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from certrail.domain.events import EVENTS
from certrail.services.access.reach import Scopes
from certrail.services.facade import Services
from certrail.services.inventory.search import Ending, Named
from certrail_sdk import Severity
from certrail_server.console.rendering import query

WEEKS = 13
MOST_COUNTED = 5000
"""Certificates that a chart reads; with more of them it says that it is cut."""
MOST_SHARES = 12
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
        renewals: how many renewals are planned for these days, of whatever ends when.
    """

    begins: datetime
    ends: datetime
    planned: int
    open: int
    link: str
    renewals: int = 0

    @property
    def count(self) -> int:
        """All of them."""
        return self.planned + self.open


@dataclass(frozen=True)
class Share:
    """What ends of one Application, or of one authority.

    Attributes:
        link: the list of them; `open`: those without a planned renewal.
    """

    slug: str
    name: str
    count: int
    open: int
    link: str


@dataclass(frozen=True)
class ExpiryChart:
    """The next 13 weeks."""

    weeks: Sequence[Week]
    cut: bool
    applications: Sequence[Share] = ()
    authorities: Sequence[Share] = ()

    @property
    def renewals(self) -> int:
        """Renewals that are planned for these weeks."""
        return sum(week.renewals for week in self.weeks)

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
        return max(1, *(max(week.count, week.renewals) for week in self.weeks))


def expiry_chart(
    services: Services,
    scopes: Scopes,
    now: datetime,
    path: str | None,
    issuer: str = "",
) -> ExpiryChart:
    """Present certificates by the week in which they end, and renewals by the week of their plan; two statements.

    Args:
        path: of the list that a week leads to; `None`: the reader can open none.
        issuer: slug of an authority, where it is about one alone.
    """
    until = now + timedelta(weeks=WEEKS)
    rows = services.inventory.ending_in(scopes, until, MOST_COUNTED + 1, issuer or None)
    renewing = services.inventory.renewing_in(scopes, until, MOST_COUNTED + 1, issuer or None)
    renewals = Counter(max(0, (at - now) // timedelta(weeks=1)) for at in renewing[:MOST_COUNTED])
    planned, unplanned = [0] * WEEKS, [0] * WEEKS
    for row in rows[:MOST_COUNTED]:
        week = (row.not_after - now) // timedelta(weeks=1)
        kind = planned if row.renew_at is not None and row.renew_at < row.not_after else unplanned
        kind[week] += 1
    weeks = []
    for number in range(WEEKS):
        begins, ends = now + timedelta(weeks=number), now + timedelta(weeks=number + 1)
        link = (
            query(path, expires_after=_text(begins), expires_before=_text(ends), issuer=issuer)
            if path
            else ""
        )
        weeks.append(Week(begins, ends, planned[number], unplanned[number], link, renewals[number]))
    window = {"expires_after": _text(now), "expires_before": _text(until), "sort": "expiry"}

    def of_application(slug: str) -> str:
        return query(f"/console/applications/{slug}/certificates", **window, issuer=issuer) if slug else ""

    def of_authority(slug: str) -> str:
        return query(path, **window, issuer=slug) if slug and path else ""

    counted = rows[:MOST_COUNTED]
    return ExpiryChart(
        weeks,
        max(len(rows), len(renewing)) > MOST_COUNTED,
        _shares([(row.application or "", row) for row in counted], "no Application", of_application),
        _shares([(row.authority or "", row) for row in counted], "issued elsewhere", of_authority),
    )


def _shares(rows: Sequence[tuple[str, Ending]], nameless: str, link: Callable[[str], str]) -> Sequence[Share]:
    """The largest first."""
    counts = Counter(name for name, _ in rows)
    open_ = Counter(name for name, row in rows if row.renew_at is None or row.renew_at >= row.not_after)
    return [
        Share(name, name or nameless, count, open_[name], link(name))
        for name, count in counts.most_common(MOST_SHARES)
    ]


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
