"""Channels and alerts of the Application `app`, events that just happen, and what became of the messages."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import select
from tests.integration.conftest import Team
from tests.support.sample_events import sample_event

from certrail.persistence.tables import NotificationRow, OutboxRow
from certrail.services.alerting.notify import NotifyCall
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import Failure
from certrail_sdk import Sent

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LINEAGE = "lineage-1"
REFUSED = Failure("Permanent", "550 no such user", "Look", "email 1", None, permanent=True)


def connect(team: Team) -> None:
    """A mail server and a pager."""
    mail = {"host": "mail.example.com", "port": 587}
    pager = {"routing_key": "0123456789abcdef0123456789abcdef"}
    team.services.connections.create(team.admin, slug="smtp", name="SMTP", type_="smtp", config=mail)
    team.services.connections.create(team.admin, slug="pager", name="Pager", type_="pagerduty", config=pager)


def channel(team: Team, slug: str, **preferences: Any) -> None:
    team.services.channels.create(
        team.admin,
        team.application,
        slug=slug,
        name=slug.title(),
        notifier="email",
        connection="smtp",
        config={"sender": "certrail@example.com", "recipients": ["ops@example.com"]},
        **preferences,
    )


def pager(team: Team, **preferences: Any) -> None:
    team.services.channels.create(
        team.admin,
        team.application,
        slug="pager",
        name="Pager",
        notifier="pagerduty",
        connection="pager",
        config={},
        **preferences,
    )


def alert(team: Team, *events: str, channels: Sequence[str] = ("mail",), **more: Any) -> None:
    team.services.alerts.create_alert(
        team.admin,
        team.application,
        slug="told",
        name="Told",
        events=events,
        channels=channels,
        **more,
    )


def happens(team: Team, event: str, **data: Any) -> None:
    facts = {"lineage_id": LINEAGE, "common_name": "api.example.com", **data}
    with team.services.context.unit_of_work(SYSTEM) as uow:
        uow.record(sample_event(event, "certificate-1", team.application, **facts))


def log(team: Team, slug: str = "") -> list[tuple[str, str]]:
    """Status and title of every message, oldest first."""
    wanted = {c.id for c in team.services.channels.list(team.application) if slug in ("", c.slug)}
    rows = sorted(team.services.alerts.notifications(team.application), key=lambda row: row.created_at)
    return [(row.status, row.content["title"]) for row in rows if row.channel_id in wanted]


def sent_now(team: Team) -> int:
    """How many messages were handed to Temporal."""
    with team.services.context.db.read() as session:
        rows = session.exec(select(OutboxRow)).all()
    return sum(row.flow == "notification" for row in rows)


def only(team: Team, status: str) -> NotificationRow:
    (row,) = team.services.alerts.notifications(team.application, status)
    return row


def sent(team: Team, row: NotificationRow, answer: Sent) -> NotificationRow:
    """Have the outside system accept a message."""
    call = team.services.effects.notify.begin(row.id, 1)
    assert isinstance(call, NotifyCall)
    team.services.effects.notify.complete(call, answer)
    return team.services.alerts.notification(row.id)


def the_alert(team: Team) -> str:
    return team.services.alerts.list(team.application)[0][0].id


def slug_of(team: Team, row: NotificationRow) -> str:
    return next(c.slug for c in team.services.channels.list(team.application) if c.id == row.channel_id)


def sync_and_alert(team: Team, folder: Path) -> None:
    """A sync of everything, and a mail for each certificate."""
    services = team.services
    services.connections.create(
        team.admin, slug="disk", name="Disk", type_="folder", config={"root": str(folder)}
    )
    services.syncs.create(
        team.admin,
        team.application,
        slug="disk",
        name="Disk",
        destination="files",
        config={},
        connection="disk",
    )
    connect(team)
    channel(team, "mail")
    alert(team, "certificate.issued")
