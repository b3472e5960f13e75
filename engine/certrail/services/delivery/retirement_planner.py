"""What is to leave a destination, and when: planned when it arrives, and anew with everything that changes that."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, Delivery, FormerPlace, Retirement, Sync
from certrail.services.core.unit_of_work import Change
from certrail.services.delivery.desired_state import REMOVED, drop, enqueue_delivery
from certrail.services.integrations.plugin_config import SYNC_PURPOSE, destination_class, masked
from certrail.services.inventory.selectors import carries

WAITING, DUE, FAILED, KEPT = "waiting", "due", "failed", "kept"
PLANNED = (WAITING, DUE, FAILED)


class Why(StrEnum):
    """Why an object is not wanted any more."""

    SUPERSEDED = "superseded"
    """Another object took its place."""
    REVOKED = "revoked"
    ENDED = "ended"
    """Its certificate ended, and none took its place."""
    UNSELECTED = "unselected"
    """The sync does not carry it any more."""
    CLEANUP = "cleanup"
    """The sync is being deleted."""


def retire(change: Change, delivery: Delivery, why: Why, at: datetime) -> Retirement | None:
    """Plan that what a delivery's receipt names leaves; an earlier plan for the same object is replaced."""
    if delivery.receipt is None:
        return None
    certificate = delivery.delivered_certificate_id or delivery.desired_certificate_id
    reference = delivery.receipt["reference"]
    query = select(Retirement).where(
        Retirement.delivery_id == delivery.id,
        Retirement.reference == reference,
        col(Retirement.status).in_(PLANNED),
    )
    row = change.session.exec(locked(query)).first()
    if row is None:
        row = Retirement(
            id=change.new_id(),
            created_at=change.now,
            delivery_id=delivery.id,
            reference=reference,
            certificate_id=certificate,
            why=str(why),
            remove_at=at,
        )
    row.certificate_id, row.receipt, row.place_id = certificate, delivery.receipt, delivery.place_id
    row.why, row.remove_at, row.status, row.last_error = str(why), at, WAITING, None
    change.session.add(row)
    return row


def delivered(change: Change, sync: Sync, delivery: Delivery, certificate: Certificate) -> None:
    """Plan the end of what was just delivered, right then: it leaves when its certificate has ended, at the latest."""
    if sync.leaving:
        if row := retire(change, delivery, Why.CLEANUP, change.now):
            release(change, row)
    elif not sync.remove:
        return
    elif certificate.status == "revoked":
        retire(change, delivery, Why.REVOKED, change.now)
    elif not carries(sync.selection, certificate):
        retire(change, delivery, Why.UNSELECTED, change.now + grace_of(sync))
    else:
        retire(change, delivery, Why.ENDED, certificate.not_after + grace_of(sync))


def dropped(change: Change, sync: Sync, delivery: Delivery) -> None:
    """Want nothing there any more; what stands there since before has no successor to wait for."""
    drop(change, delivery)
    if delivery.delivered_certificate_id and not sync.leaving:
        delivered(
            change, sync, delivery, change.session.get_one(Certificate, delivery.delivered_certificate_id)
        )


def superseded(change: Change, sync: Sync, delivery: Delivery) -> None:
    """Plan that the object which the receipt names leaves, because another one takes its place."""
    if not sync.remove:
        return
    certificate = change.session.get(Certificate, delivery.delivered_certificate_id)
    if certificate is not None and certificate.status == "revoked":
        retire(change, delivery, Why.REVOKED, change.now)
    else:
        retire(change, delivery, Why.SUPERSEDED, change.now + grace_of(sync))


def place_of(change: Change, sync: Sync) -> FormerPlace:
    """Where a sync points now, to be remembered if it is pointed elsewhere."""
    return FormerPlace(
        id=change.new_id(),
        created_at=change.now,
        sync_id=sync.id,
        connection_id=sync.connection_id,
        config_sealed=sync.config_sealed,
        config_revision=sync.config_revision,
    )


def arrived(change: Change, sync: Sync, delivery: Delivery, place: FormerPlace) -> None:
    """What set out before the sync was pointed elsewhere is where that pointed then."""
    if points_at(change, place) == points_at(change, sync):
        delivery.place_id = None
    else:
        change.session.add(place)
        delivery.place_id = place.id


def points_at(change: Change, row: Sync | FormerPlace) -> tuple[Any, ...]:
    """Where things are put; credentials do not count: they may be new ones for the same place."""
    stored = change.kernel.keyring.open_json(row.config_sealed, SYNC_PURPOSE)
    sync = row if isinstance(row, Sync) else change.session.get_one(Sync, row.sync_id)
    return masked(destination_class(change.kernel, sync.destination), stored), row.connection_id


def moved(change: Change, sync: Sync, place: FormerPlace) -> None:
    """Remember where the objects of a sync are, if it points elsewhere from now on."""
    if points_at(change, place) == points_at(change, sync):
        return
    deliveries = _deliveries_of(change, sync)
    there: list[Delivery | Retirement] = [d for d in deliveries if d.receipt and d.place_id is None]
    of_sync = col(Retirement.delivery_id).in_(select(Delivery.id).where(Delivery.sync_id == sync.id))
    planned = select(Retirement).where(
        of_sync, col(Retirement.status).in_(PLANNED), col(Retirement.place_id).is_(None)
    )
    there += change.session.exec(locked(planned)).all()
    if there:
        change.session.add(place)
    for row in there:
        row.place_id = place.id
        change.session.add(row)


def revoked(change: Change, certificate: Certificate) -> None:
    """Take a revoked certificate away at once from where it is removed at all, also where another took its place.

    What is just arriving is waited for, so that it is not missed.
    """
    removing = select(Sync.id).where(col(Sync.remove).is_(True))
    query = select(Delivery).where(
        Delivery.lineage_id == certificate.lineage_id, col(Delivery.sync_id).in_(removing)
    )
    for delivery in change.session.exec(locked(query.order_by(col(Delivery.id)))).all():
        if delivery.delivered_certificate_id == certificate.id:
            retire(change, delivery, Why.REVOKED, change.now)
        planned = select(Retirement).where(
            Retirement.delivery_id == delivery.id,
            Retirement.certificate_id == certificate.id,
            col(Retirement.status).in_(PLANNED),
        )
        for row in change.session.exec(locked(planned)).all():
            row.why, row.remove_at, row.last_error = str(Why.REVOKED), change.now, None
            release(change, row)


def replan(change: Change, sync: Sync) -> None:
    """Plan anew for everything that a sync has delivered, because the sync was changed."""
    for delivery in _deliveries_of(change, sync):
        if not sync.remove:
            _forget(change, delivery)
        if not sync.remove or delivery.delivered_certificate_id is None:
            continue
        delivered(
            change, sync, delivery, change.session.get_one(Certificate, delivery.delivered_certificate_id)
        )


def clean_up(change: Change, sync: Sync) -> None:
    """Take away all that a sync has delivered; it is deleted when the last object is gone."""
    sync.leaving, sync.auto = True, False
    change.session.add(sync)
    for delivery in _deliveries_of(change, sync):
        if row := retire(change, delivery, Why.CLEANUP, change.now):
            release(change, row)
    finish(change, sync)


def finish(change: Change, sync: Sync) -> None:
    """Delete a sync that is leaving, once nothing of it is left at the destination, or on its way there."""
    deliveries = _deliveries_of(change, sync)
    if any(delivery.intent_at and delivery.status not in (FAILED, REMOVED) for delivery in deliveries):
        return
    idents = [delivery.id for delivery in deliveries]
    rows = change.session.exec(select(Retirement).where(col(Retirement.delivery_id).in_(idents))).all()
    if any(row.status in PLANNED for row in rows):
        return
    discard(change, sync)


def discard(change: Change, sync: Sync) -> None:
    """Delete a sync with all that is known of its deliveries."""
    deliveries = _deliveries_of(change, sync)
    left = [delivery.object_name for delivery in deliveries if delivery.receipt or delivery.intent_at]
    idents = [delivery.id for delivery in deliveries]
    rows = change.session.exec(select(Retirement).where(col(Retirement.delivery_id).in_(idents))).all()
    for delivery in deliveries:
        if delivery.last_error:
            drop(change, delivery)
    places = change.session.exec(select(FormerPlace).where(FormerPlace.sync_id == sync.id)).all()
    for row in (*rows, *deliveries, *places, sync):
        change.session.delete(row)
    change.event("sync.deleted", "sync", sync.id, sync.application_id, slug=sync.slug, left_behind=left)


def hold_sync_of(session: Session, delivery_id: str) -> None:
    """Who may find that nothing of a sync is left looks one at a time; the sync is held before its deliveries."""
    named = select(Delivery.sync_id).where(Delivery.id == delivery_id)
    session.exec(locked(select(Sync).where(col(Sync.id).in_(named)), may_be_named=True)).first()


def _deliveries_of(change: Change, sync: Sync) -> Sequence[Delivery]:
    """All of a sync that the caller holds, none of which sets out or arrives meanwhile."""
    query = select(Delivery).where(Delivery.sync_id == sync.id).order_by(col(Delivery.id))
    return change.session.exec(locked(query)).all()


def grace_of(sync: Sync) -> timedelta:
    """How long an object that is not wanted any more stays."""
    return timedelta(seconds=sync.grace_seconds)


def has_due(session: Session, delivery_id: str, reference: str | None = None) -> bool:
    """Whether the workflow of a delivery has something to take away, or just this object."""
    query = select(Retirement.id).where(Retirement.delivery_id == delivery_id, Retirement.status == DUE)
    if reference is not None:
        query = query.where(Retirement.reference == reference)
    return session.exec(query).first() is not None


def release(change: Change, row: Retirement) -> None:
    """Hand over to the workflow of its delivery what is to leave now."""
    row.status = DUE
    change.session.add(row)
    delivery = change.session.get_one(Delivery, row.delivery_id)
    sync = change.session.get_one(Sync, delivery.sync_id)
    enqueue_delivery(change, sync, delivery, f"retirement-{row.id}-{change.new_id()}")


def _forget(change: Change, delivery: Delivery) -> None:
    query = select(Retirement).where(Retirement.delivery_id == delivery.id, Retirement.status == WAITING)
    for row in change.session.exec(query).all():
        change.session.delete(row)
