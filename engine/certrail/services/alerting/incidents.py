"""Incidents: escalated to more channels step by step, until one is acknowledged or resolved."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, or_, select

from certrail.domain.errors import Conflict, NotFound
from certrail.domain.events import Event
from certrail.domain.events.alerting import IncidentAcknowledged, IncidentEscalated
from certrail.domain.states import NotificationStatus
from certrail.persistence.database import cached, forget, locked
from certrail.persistence.tables import Alert, Channel, Incident, NotificationRow
from certrail.plugins.registry import UnknownPlugin
from certrail.services.access.reach import Scopes, in_scopes
from certrail.services.alerting.posting import INCIDENTS, UNSENT, post, withdraw
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.paging import PAGE, Position, newest_first
from certrail.services.core.sweeps import SweepItems
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail_sdk import Notification, Severity, Stage

CHUNK = 100


class Incidents:
    """Reading, acknowledging and escalating incidents."""

    def __init__(self, context: ServiceContext) -> None:
        self._context, self._items = context, SweepItems(context, "incidents")

    def list(
        self,
        application_id: str | None,
        *,
        closed: bool = False,
        after: Position | None = None,
        limit: int = PAGE,
    ) -> Sequence[Incident]:
        """One page of the open incidents of an Application, or of the closed ones; newest first."""
        with self._context.db.read() as session:
            query = select(Incident).where(Incident.application_id == application_id)
            query = query.where(
                col(Incident.closed_at).is_not(None) if closed else col(Incident.closed_at).is_(None)
            )
            return session.exec(newest_first(query, Incident, after, limit)).all()

    def open_in(self, scopes: Scopes, limit: int = PAGE) -> Sequence[Incident]:
        """The newest open incidents of several Applications."""
        with self._context.db.read() as session:
            query = select(Incident).where(
                in_scopes(col(Incident.application_id), scopes), col(Incident.closed_at).is_(None)
            )
            return session.exec(newest_first(query, Incident, None, limit)).all()

    def get(self, incident_id: str) -> Incident:
        """One incident. Raises NotFound."""
        with self._context.db.read() as session:
            if (row := session.get(Incident, incident_id)) is None:
                raise NotFound("incident")
            return row

    def acknowledge(self, actor: Actor, incident_id: str, comment: str = "") -> Incident:
        """Acknowledge an incident: it is not escalated any more.

        Raises:
            NotFound: there is none.
            Conflict: it is acknowledged or closed already.
        """
        with self._context.unit_of_work(actor) as uow:
            row = uow.session.exec(locked(select(Incident).where(Incident.id == incident_id))).first()
            if row is None:
                raise NotFound("incident")
            if row.acknowledged_at or row.closed_at:
                state = "seen to already" if row.acknowledged_at else "over"
                raise Conflict(f"The incident is {state}.", kind="incident-decided")
            row.acknowledged_at, row.acknowledged_by, row.comment = uow.now, actor.principal_id, comment
            row.next_at = None
            uow.session.add(row)
            uow.record(
                IncidentAcknowledged(
                    row.id, row.application_id, key=row.key, common_name=row.content["title"], comment=comment
                )
            )
            return row

    def escalate(self) -> int:
        """Take the due escalation steps of unacknowledged incidents; returns how many."""
        with self._context.db.read() as session:
            due = select(Incident.id).where(col(Incident.next_at) <= self._context.clock())
            found = session.exec(due.order_by(col(Incident.next_at)).limit(CHUNK)).all()
        return self._items.run_each(found, self._step)

    def _step(self, incident_id: str) -> int:
        with self._context.unit_of_work(SYSTEM) as uow:
            query = select(Incident).where(Incident.id == incident_id)
            row = uow.session.exec(locked(query, skip_locked=True)).first()
            if row is None or row.next_at is None or row.next_at > uow.now:
                return 0
            alert = uow.session.get_one(Alert, row.alert_id)
            if not alert.enabled or row.level >= len(alert.escalation):
                row.next_at = None
                uow.session.add(row)
                return 0
            step = alert.escalation[row.level]
            for channel_id in step["channels"]:
                channel = uow.session.get_one(Channel, channel_id)
                post(uow, channel, _louder(row, uow.new_id()), f"incident-{row.id}-{row.level}")
            row.level += 1
            left = alert.escalation[row.level :]
            row.next_at = row.created_at + timedelta(seconds=left[0]["after_seconds"]) if left else None
            uow.session.add(row)
            uow.record(IncidentEscalated(row.id, row.application_id, key=row.key, level=row.level))
            return 1


def _louder(row: Incident, ident: str) -> Notification:
    message = Notification.model_validate(row.content)
    title = f"Nobody sees to it: {message.title}"
    return message.model_copy(update={"id": ident, "title": title, "severity": Severity.CRITICAL})


def open_incident(uow: UnitOfWork, alert: Alert, notification: Notification) -> None:
    """Open an incident that this alert escalates, or update the open one."""
    key = notification.incident or notification.id
    query = select(Incident).where(
        Incident.key == key, Incident.alert_id == alert.id, col(Incident.closed_at).is_(None)
    )
    if uow.session.exec(query).first() is None:
        # The partial unique index decides between two that open it at once: the loser updates the winner's row below.
        with suppress(IntegrityError), uow.attempt():
            uow.session.add(
                Incident(
                    id=uow.new_id(),
                    created_at=uow.now,
                    application_id=alert.application_id,
                    alert_id=alert.id,
                    key=key,
                    content={},
                    next_at=uow.now + timedelta(seconds=alert.escalation[0]["after_seconds"]),
                )
            )
            forget(uow.session, INCIDENTS)
    if (row := uow.session.exec(query).first()) is not None:
        row.content = notification.model_dump(mode="json", exclude={"may_exist"})
        uow.session.add(row)


def resolve_incidents(uow: UnitOfWork, event: Event, key: str) -> Sequence[Channel]:
    """Close the incident of a key; returns the channels whose outside system keeps it open.

    An acknowledgement closes nothing but is passed on to them.
    """
    session = uow.session
    scope = event.application_id
    if not cached(session, (INCIDENTS, scope), lambda: session.exec(select(any_incident(scope))).one()):
        return []
    if event.stage is Stage.CLOSED:
        _close(uow, key)
    rows = session.exec(select(NotificationRow).where(NotificationRow.incident == key)).all()
    if event.stage is Stage.CLOSED and any(row.status in UNSENT for row in rows):
        _let_go(uow, key)
    # A message that was withdrawn after an attempt may have been sent: its intent has no receipt.
    last = {
        row.channel_id: row.content.get("stage")
        for row in sorted(rows, key=_when)
        if row.status != NotificationStatus.WITHDRAWN or row.intent_at
    }
    channels = {channel_id for channel_id, stage in last.items() if stage != Stage.CLOSED}
    return [channel for channel in _channels(session, channels) if keeps_incidents(uow.context, channel)]


def _let_go(uow: UnitOfWork, key: str) -> None:
    """Withdraw the unsent messages of a resolved incident, held ones and those whose attempts failed.

    Messages that close an incident are always sent. A message that is locked (``SKIP LOCKED``) is left to the attempt
    that is recording its result.
    """
    unsent = select(NotificationRow).where(
        NotificationRow.incident == key, col(NotificationRow.status).in_(UNSENT)
    )
    for row in uow.session.exec(locked(unsent, skip_locked=True)).all():
        if row.content.get("stage") != Stage.CLOSED and (
            row.status == NotificationStatus.HELD or row.intent_at
        ):
            withdraw(uow, row)


def is_late(uow: UnitOfWork, channel: Channel, row: NotificationRow) -> bool:
    """Whether a message would open an incident in the outside system after its close was posted: it would stay open."""
    if (
        not row.incident
        or row.content.get("stage") == Stage.CLOSED
        or not keeps_incidents(uow.context, channel)
    ):
        return False
    later = select(NotificationRow).where(
        NotificationRow.channel_id == channel.id,
        NotificationRow.incident == row.incident,
        col(NotificationRow.created_at) > row.created_at,
    )
    return any(one.content.get("stage") == Stage.CLOSED for one in uow.session.exec(later).all())


def _when(row: NotificationRow) -> tuple[datetime, str]:
    return row.created_at, row.id


def any_incident(application_id: str | None) -> ColumnElement[bool]:
    """Whether an Application has an incident, or a message of one, as a column."""
    notified = select(NotificationRow.id).where(col(NotificationRow.incident).is_not(None))
    opened = select(Incident.id).where(col(Incident.closed_at).is_(None))
    if application_id is not None:
        notified = notified.where(_of(col(NotificationRow.application_id), application_id))
        opened = opened.where(_of(col(Incident.application_id), application_id))
    return or_(notified.exists(), opened.exists())


def _of(scope: Mapped[str | None], application_id: str) -> ColumnElement[bool]:
    return or_(scope == application_id, scope.is_(None))


def _close(uow: UnitOfWork, key: str) -> None:
    query = select(Incident).where(Incident.key == key, col(Incident.closed_at).is_(None))
    for incident in uow.session.exec(locked(query)).all():
        incident.closed_at, incident.next_at = uow.now, None
        uow.session.add(incident)


def _channels(session: Session, idents: set[str]) -> Sequence[Channel]:
    """By id; without deleted ones."""
    return session.exec(select(Channel).where(col(Channel.id).in_(idents)).order_by(Channel.id)).all()


def keeps_incidents(context: ServiceContext, channel: Channel) -> bool:
    """Whether the outside system keeps an incident open until a message closes it."""
    try:
        return context.plugins.notifier(channel.notifier).keeps_incidents
    except UnknownPlugin:
        return False
