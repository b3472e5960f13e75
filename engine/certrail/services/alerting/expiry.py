"""Expiry alerts: notified on time to the minute, at a cost that follows what is due.

Each alert has a cursor per threshold, which moves along the index of `not_after`; every certificate that it passes
is recorded as `certificate.expiring` in the transaction that moves it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select, tuple_
from sqlmodel.sql.expression import SelectOfScalar

from certrail.domain.events.inventory import CertificateExpiring
from certrail.domain.states import CertificateStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import Alert, AlertCursor, Certificate, CertificateProfile
from certrail.services.core.actor import SYSTEM
from certrail.services.core.sweeps import SweepItems
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

EXPIRING = "certificate.expiring"
PAGE = 200
LOOK_EVERY = timedelta(seconds=30)
CURSORS = 100
AFTER_LAST_ID = "z"
"""Sorts after every id: certificates that expire exactly at the watermark have been passed."""
DAY = 86400
Which = tuple[str, int]
"""A cursor: the alert, and the threshold in seconds."""


class ExpirySweep:
    """Any number may run at once: a cursor is moved under its row lock."""

    def __init__(self, context: ServiceContext) -> None:
        self._context, self._items = context, SweepItems(context, "expiry")

    def run(self) -> int:
        """Move every cursor that has certificates to pass; returns how many events it recorded, more if some are left.

        Most runs find none, and write nothing.
        """
        with self._context.db.read() as session:
            cursors = list(islice(_due(session, self._context.clock()), CURSORS))
        notified = self._items.run_each(cursors, self._move)
        return notified + (len(cursors) == CURSORS)

    def _move(self, cursor: Which) -> int:
        """Pass one page of certificates. A cursor that cannot be moved is not due again before `LOOK_EVERY`."""
        try:
            return self._pass(*cursor)
        except Exception:
            with self._context.unit_of_work(SYSTEM) as uow:
                if row := uow.session.get(AlertCursor, cursor):
                    row.next_scan_at = uow.now + LOOK_EVERY
                    uow.session.add(row)
            raise

    def _pass(self, alert_id: str, threshold: int) -> int:
        with self._context.unit_of_work(SYSTEM) as uow:
            query = select(AlertCursor).where(
                AlertCursor.alert_id == alert_id, AlertCursor.threshold == threshold
            )
            cursor = uow.session.exec(locked(query, skip_locked=True)).first()
            if cursor is None or cursor.next_scan_at > uow.now:
                return 0
            alert = uow.session.get_one(Alert, alert_id)
            until = uow.now + timedelta(seconds=threshold)
            rows = _passed(uow.session, alert, cursor, until)
            notified = sum(_record(uow, alert, threshold, row) for row in rows)
            if len(rows) < PAGE:
                cursor.watermark, cursor.watermark_id = max(until, cursor.watermark), AFTER_LAST_ID
                cursor.next_scan_at = uow.now + LOOK_EVERY
            else:
                cursor.watermark, cursor.watermark_id = rows[-1].not_after, rows[-1].id
            uow.session.add(cursor)
            return notified + (len(rows) == PAGE)


def set_cursors(uow: UnitOfWork, alert: Alert, *, anew: bool = False) -> None:
    """Create and delete cursors until an alert has one per threshold; a new one starts at the present time.

    Args:
        anew: restart all of them, because the alert's channels or its selector changed. What was notified already is
            not notified again: the deduplication key is the same.
    """
    session = uow.session
    query = select(AlertCursor).where(AlertCursor.alert_id == alert.id).order_by(col(AlertCursor.threshold))
    present = {row.threshold: row for row in session.exec(locked(query)).all()}
    wanted = set(effective(alert)) if EXPIRING in alert.events and alert.enabled else set[int]()
    for threshold in present.keys() - wanted:
        session.delete(present[threshold])
    for threshold in wanted if anew else wanted - present.keys():
        cursor = present.get(threshold) or AlertCursor(
            alert_id=alert.id, threshold=threshold, watermark=uow.now, next_scan_at=uow.now
        )
        cursor.watermark, cursor.watermark_id, cursor.next_scan_at = uow.now, "", uow.now
        session.add(cursor)


def effective(alert: Alert) -> list[int]:
    """Seconds before the end, the longest first: the thresholds, and the days of a daily reminder below them."""
    thresholds = set(alert.thresholds)
    if alert.daily_reminder and thresholds:
        thresholds |= set(range(DAY, max(thresholds), DAY))
    return sorted(thresholds, reverse=True)


def catch_up(uow: UnitOfWork, certificate: Certificate) -> None:
    """Record a certificate that appears behind the watermarks, as an import may: for its shortest passed threshold.

    The cursors are locked (``FOR NO KEY UPDATE``): else one could pass the certificate, unseen, before this commits.
    """
    session = uow.session
    notified = select(Alert).where(alerts_of(certificate.application_id), col(Alert.enabled).is_(True))
    alerts = [alert for alert in session.exec(notified).all() if EXPIRING in alert.events]
    if not alerts:
        return
    held = select(AlertCursor).where(col(AlertCursor.alert_id).in_([alert.id for alert in alerts]))
    in_order = held.order_by(col(AlertCursor.alert_id), col(AlertCursor.threshold))
    reached = {(row.alert_id, row.threshold): row.watermark for row in session.exec(locked(in_order)).all()}
    for alert in alerts:
        for threshold in reversed(effective(alert)):
            there = reached.get((alert.id, threshold))
            if there is not None and certificate.not_after <= there:
                _record(uow, alert, threshold, certificate)
                break


def alerts_of(application_id: str | None) -> ColumnElement[bool]:
    """The alerts that an event of an Application, or of none, may match."""
    return or_(col(Alert.application_id) == application_id, col(Alert.product_wide).is_(True))


def _due(session: Session, now: datetime) -> Iterator[Which]:
    query = select(AlertCursor, Alert).join(Alert, col(Alert.id) == col(AlertCursor.alert_id))
    query = query.where(col(AlertCursor.next_scan_at) <= now).order_by(col(AlertCursor.next_scan_at))
    for cursor, alert in session.exec(query).all():
        until = now + timedelta(seconds=cursor.threshold)
        if session.exec(_expiring(col(Certificate.id), alert, cursor, until).limit(1)).first():
            yield cursor.alert_id, cursor.threshold


def _passed(session: Session, alert: Alert, cursor: AlertCursor, until: datetime) -> Sequence[Certificate]:
    return session.exec(_expiring(Certificate, alert, cursor, until).limit(PAGE)).all()


def _expiring(what: Any, alert: Alert, cursor: AlertCursor, until: datetime) -> SelectOfScalar[Any]:
    """Certificates that expire after a cursor's watermark, and not after `until`, in the order of the index."""
    ends = tuple_(col(Certificate.not_after), col(Certificate.id))
    query: SelectOfScalar[Any] = select(what).where(
        ends > (cursor.watermark, cursor.watermark_id), col(Certificate.not_after) <= until
    )
    if not alert.product_wide:
        query = query.where(Certificate.application_id == alert.application_id)
    return query.order_by(col(Certificate.not_after), col(Certificate.id))


def _record(uow: UnitOfWork, alert: Alert, threshold: int, certificate: Certificate) -> bool:
    """Record it, unless it is not active, its whole life is shorter, or a shorter threshold has passed as well."""
    left = certificate.not_after - uow.now
    lifetime = certificate.not_after - certificate.not_before
    shorter = [other for other in effective(alert) if other < threshold]
    if (
        certificate.status != CertificateStatus.ACTIVE
        or lifetime <= timedelta(seconds=threshold)
        or left <= timedelta(seconds=shorter[0] if shorter else 0)
    ):
        return False
    profile = uow.session.get(CertificateProfile, certificate.profile_id) if certificate.profile_id else None
    uow.record(
        CertificateExpiring(
            certificate.id,
            certificate.application_id,
            alert_id=alert.id,
            alert=alert.slug,
            threshold_seconds=threshold,
            common_name=certificate.common_name,
            dns_names=certificate.names.get("dns", []),
            serial=certificate.serial,
            not_after=certificate.not_after,
            remaining=in_words(left),
            profile=profile.slug if profile else None,
            lineage_id=certificate.lineage_id,
        )
    )
    return True


def in_words(left: timedelta) -> str:
    """A duration for people."""
    hours = round(left / timedelta(hours=1))
    if hours < 2:
        return f"{left // timedelta(minutes=1)} minutes"
    return f"{round(hours / 24)} days" if hours >= 72 else f"{hours} hours"
