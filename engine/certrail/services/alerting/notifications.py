"""Alerts: an event is matched in the transaction that records it, so that no notification is lost or invented."""

from collections.abc import Sequence

from sqlmodel import Session, and_, col, false, select

from certrail.domain.events import Event
from certrail.domain.events.alerting import ChannelFailed
from certrail.domain.events.approvals import ApprovalReminder
from certrail.domain.events.inventory import CertificateExpiring
from certrail.persistence.database import cached
from certrail.persistence.tables import Alert, AlertChannel, Application, Channel, EventRow
from certrail.services.alerting.expiry import alerts_of
from certrail.services.alerting.filters import certificate_of, selectable_of
from certrail.services.alerting.incidents import any_incident, open_incident, resolve_incidents
from certrail.services.alerting.messages import compose
from certrail.services.alerting.posting import INCIDENTS, post_each
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.inventory.selectors import matches
from certrail_sdk import Notification, Stage


def fan_out(uow: UnitOfWork, event: Event, row: EventRow) -> None:
    """Post one notification per channel for every alert that matches the event, and for whom it closes an incident."""
    # A failure to notify of a failing channel is recorded, but notified to nobody: that would never end.
    if not event.alertable or (isinstance(event, ChannelFailed) and event.of_a_failure):
        return
    session, scope = uow.session, event.application_id
    incident = event.incident_key()
    ends = incident is not None and event.stage not in (None, Stage.OPEN)
    pairs = cached(session, ("alerts", scope), lambda: _alerts(session, scope, with_incidents=ends))
    matching = _matching(session, [alert for alert, _ in pairs], event, row)
    wanting = [(alert, channel) for alert, channel in pairs if alert.id in matching]
    ended: Sequence[Channel] = ()
    if incident is None or not ends:
        for alert in {alert.id: alert for alert, _ in wanting if alert.escalation}.values():
            open_incident(uow, alert, _composed(uow, event, row))
    else:
        ended = resolve_incidents(uow, event, incident)
    notified = (*(channel for _, channel in wanting), *ended, *_addressed(session, event))
    # A failing channel must not be notified of its own failure.
    failing = event.subject_id if isinstance(event, ChannelFailed) else None
    channels = {channel.id: channel for channel in notified if channel.id != failing}
    key = _dedupe_key(event, row)
    post_each(uow, channels.values(), lambda: _composed(uow, event, row), key, new=key == row.id)


def _matching(session: Session, alerts: Sequence[Alert], event: Event, row: EventRow) -> set[str]:
    """Ids of the alerts that an event matches. What it is about is read once, and only if an alert selects by it."""
    # The expiry sweep records this event for one alert, whose threshold was passed.
    meant = event.alert_id if isinstance(event, CertificateExpiring) else None
    hearing = {a.id: a for a in alerts if meant in (None, a.id) and row.type in a.events}
    if not any(alert.filters for alert in hearing.values()):
        return set(hearing)
    about = cached(session, ("about", row.id), lambda: selectable_of(session, row))
    # An event that is about no certificate matches whatever the selector says.
    return {ident for ident, alert in hearing.items() if about is None or matches(alert.filters, about)}


def _addressed(session: Session, event: Event) -> Sequence[Channel]:
    """The channels that an event names itself: they are notified whatever alerts there are."""
    if event.product_wide:
        query = select(Channel).where(col(Channel.product_wide).is_(True))
        return session.exec(query.order_by(Channel.id)).all()
    if not isinstance(event, ApprovalReminder) or not event.channels:
        return []
    return session.exec(select(Channel).where(col(Channel.id).in_(event.channels)).order_by(Channel.id)).all()


def _alerts(
    session: Session, application_id: str | None, *, with_incidents: bool
) -> Sequence[tuple[Alert, Channel]]:
    """The enabled alerts of an Application with their channels.

    Args:
        with_incidents: the same statement says whether there are incidents, which is remembered: one row without an
            alert where there is none.
    """
    there = select((any_incident(application_id) if with_incidents else false()).label("any")).subquery()
    query = (
        select(there.c.any, Alert, Channel)
        .select_from(there)
        .join(Alert, and_(alerts_of(application_id), col(Alert.enabled).is_(True)), isouter=True)
        .join(AlertChannel, col(AlertChannel.alert_id) == col(Alert.id), isouter=True)
        .join(Channel, col(Channel.id) == col(AlertChannel.channel_id), isouter=True)
    )
    rows = session.exec(query).all()
    if with_incidents:
        cached(session, (INCIDENTS, application_id), lambda: rows[0][0])
    return [(alert, channel) for _, alert, channel in rows if channel is not None]


def _composed(uow: UnitOfWork, event: Event, row: EventRow) -> Notification:
    owner = uow.session.get(Application, event.application_id) if event.application_id else None
    # One event may be composed for several channels and incidents.
    about = cached(uow.session, ("certificate of", row.id), lambda: certificate_of(uow.session, row))
    return compose(event, row, owner, uow.new_id(), uow.context.public_url, about)


def _dedupe_key(event: Event, row: EventRow) -> str:
    """Once per channel: an event, or a certificate's passing of one threshold of an alert."""
    if isinstance(event, CertificateExpiring):
        return f"{event.alert_id}-{event.threshold_seconds}-{event.subject_id}"
    return row.id
