"""Retirement planner: which object is removed from its destination and when, planned with each receipt and change."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select

from certrail.domain.events.delivery import DeliveryRevoked, SyncDeleted
from certrail.domain.states import RETIREMENT_PLANNED, CertificateStatus, DeliveryStatus, RetirementStatus
from certrail.domain.timestamps import later
from certrail.persistence.database import cached, locked
from certrail.persistence.tables import Certificate, Delivery, PreviousTarget, Retirement, Sync
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.delivery.desired_state import (
    cancel_delivery,
    enqueue_delivery,
    facts_of,
    with_its_names,
)
from certrail.services.delivery.probes.schedule import end_probes
from certrail.services.integrations.plugin_config import installed
from certrail.services.integrations.stored_config import shown
from certrail.services.inventory.selectors import selects

PLANNED = "planned removals"
"""Kind of the keys by which `retire` remembers them within a transaction."""


class RetirementReason(StrEnum):
    """Why an object is not desired any more."""

    SUPERSEDED = "superseded"
    """Another object replaced it."""
    REVOKED = "revoked"
    ENDED = "ended"
    """Its certificate expired without a successor."""
    UNSELECTED = "unselected"
    """The sync does not select it any more."""
    CLEANUP = "cleanup"
    """The sync is being deleted."""


def retire(uow: UnitOfWork, delivery: Delivery, why: RetirementReason, at: datetime) -> Retirement | None:
    """Plan the removal of the object in a delivery's receipt; an earlier plan for the same object is replaced."""
    if delivery.receipt is None:
        return None
    certificate = delivery.delivered_certificate_id or delivery.desired_certificate_id
    reference = delivery.receipt["reference"]
    planned = cached(
        uow.session, (PLANNED, delivery.id), lambda: _planned(uow.session, [delivery.id])[delivery.id]
    )
    row = planned.get(reference)
    if row is None or row.status not in RETIREMENT_PLANNED:
        row = planned[reference] = Retirement(
            id=uow.new_id(),
            created_at=uow.now,
            delivery_id=delivery.id,
            reference=reference,
            certificate_id=certificate,
            reason=str(why),
            remove_at=at,
        )
    row.certificate_id, row.object_receipt, row.previous_target_id = (
        certificate,
        delivery.receipt,
        delivery.previous_target_id,
    )
    row.reason, row.remove_at, row.status, row.last_error = str(why), at, RetirementStatus.WAITING, None
    uow.session.add(row)
    return row


def remember_planned(session: Session, delivery_ids: Collection[str]) -> None:
    """For many deliveries: within `session_cache`, `retire` queries nothing for each of them."""
    for ident, planned in _planned(session, delivery_ids).items():
        cached(session, (PLANNED, ident), partial(dict, planned))


def _planned(session: Session, delivery_ids: Collection[str]) -> dict[str, dict[str, Retirement]]:
    """By delivery and reference: the removals that are planned, locked in the order of their ids."""
    query = select(Retirement).where(
        col(Retirement.delivery_id).in_(delivery_ids), col(Retirement.status).in_(RETIREMENT_PLANNED)
    )
    found: dict[str, dict[str, Retirement]] = {ident: {} for ident in delivery_ids}
    for row in session.exec(locked(query.order_by(col(Retirement.id)))).all():
        found[row.delivery_id][row.reference] = row
    return found


def delivered(uow: UnitOfWork, sync: Sync, delivery: Delivery, certificate: Certificate) -> None:
    """Plan the removal of an object with its receipt: at the latest, its grace after the certificate has expired."""
    if sync.deletion_requested:
        if row := retire(uow, delivery, RetirementReason.CLEANUP, uow.now):
            mark_due(uow, row)
    elif not sync.prune:
        return
    elif certificate.status == CertificateStatus.REVOKED:
        retire(uow, delivery, RetirementReason.REVOKED, uow.now)
    elif not selects(sync.selection, certificate):
        retire(uow, delivery, RetirementReason.UNSELECTED, later(uow.now, grace_of(sync)))
    else:
        retire(uow, delivery, RetirementReason.ENDED, later(certificate.not_after, grace_of(sync)))


def cancel_and_retire(uow: UnitOfWork, sync: Sync, delivery: Delivery) -> None:
    """Cancel a delivery, and plan the removal of the object that was delivered before it."""
    cancel_delivery(uow, delivery)
    if delivery.delivered_certificate_id and not sync.deletion_requested:
        delivered(uow, sync, delivery, uow.session.get_one(Certificate, delivery.delivered_certificate_id))


def superseded(uow: UnitOfWork, sync: Sync, delivery: Delivery) -> None:
    """Plan the removal of the object in the receipt, because another object replaces it."""
    if not sync.prune:
        return
    certificate = uow.session.get(Certificate, delivery.delivered_certificate_id)
    if certificate is not None and certificate.status == CertificateStatus.REVOKED:
        retire(uow, delivery, RetirementReason.REVOKED, uow.now)
    else:
        retire(uow, delivery, RetirementReason.SUPERSEDED, later(uow.now, grace_of(sync)))


def target_snapshot(uow: UnitOfWork, sync: Sync) -> PreviousTarget:
    """The present target of a sync, to be stored if the sync is retargeted."""
    return PreviousTarget(
        id=uow.new_id(),
        created_at=uow.now,
        sync_id=sync.id,
        connection_id=sync.connection_id,
        config_sealed=sync.config_sealed,
        config_revision=sync.config_revision,
    )


def record_target(uow: UnitOfWork, sync: Sync, delivery: Delivery, place: PreviousTarget) -> None:
    """If the sync was retargeted while a deploy ran, remember that the object is at the old target."""
    if is_target(uow, sync, place):
        delivery.previous_target_id = None
    else:
        uow.session.add(place)
        delivery.previous_target_id = place.id


def is_target(uow: UnitOfWork, sync: Sync, place: PreviousTarget) -> bool:
    """Whether a sync still has a target that it had; the same envelope, as nearly always, need not be opened."""
    stored = place.config_sealed, place.config_revision, place.connection_id
    return stored == (sync.config_sealed, sync.config_revision, sync.connection_id) or target_of(
        uow, place
    ) == target_of(uow, sync)


def target_of(uow: UnitOfWork, row: Sync | PreviousTarget) -> tuple[Any, ...]:
    """Identity of a target: its masked configuration and its connection, which new credentials do not change."""
    sync = row if isinstance(row, Sync) else uow.session.get_one(Sync, row.sync_id)
    plugin = installed(uow.context.plugins.destination, sync.destination)
    return shown(uow.context, row, plugin), row.connection_id


def retarget(uow: UnitOfWork, sync: Sync, place: PreviousTarget) -> None:
    """Store the previous target with the objects that are there, if a sync has another target now."""
    if is_target(uow, sync, place):
        return
    deliveries = _deliveries_of(uow, sync)
    there: list[Delivery | Retirement] = [d for d in deliveries if d.receipt and d.previous_target_id is None]
    of_sync = col(Retirement.delivery_id).in_(select(Delivery.id).where(Delivery.sync_id == sync.id))
    planned = select(Retirement).where(
        of_sync, col(Retirement.status).in_(RETIREMENT_PLANNED), col(Retirement.previous_target_id).is_(None)
    )
    there += uow.session.exec(locked(planned)).all()
    if there:
        uow.session.add(place)
    for row in there:
        row.previous_target_id = place.id
        uow.session.add(row)


def revoked(uow: UnitOfWork, certificate: Certificate) -> None:
    """Remove a revoked certificate at once from every sync that prunes, also where a successor was delivered.

    Another lineage may have taken over the delivery, whose object still holds it. Where it stays, as its sync removes
    nothing, an event says so. The deliveries are locked (``FOR NO KEY UPDATE``), so that a deploy that completes at the
    same time is not missed.
    """
    of_lineage = col(Delivery.lineage_id) == certificate.lineage_id
    query = select(Delivery).where(or_(of_lineage, *with_its_names(uow.context, uow.session, certificate)))
    for delivery in uow.session.exec(locked(query.order_by(col(Delivery.id)))).all():
        sync = uow.session.get_one(Sync, delivery.sync_id)
        if not sync.prune:
            if delivery.delivered_certificate_id == certificate.id and not sync.deletion_requested:
                uow.record(DeliveryRevoked(**facts_of(uow, delivery), certificate_id=certificate.id))
            continue
        if delivery.delivered_certificate_id == certificate.id:
            retire(uow, delivery, RetirementReason.REVOKED, uow.now)
        planned = select(Retirement).where(
            Retirement.delivery_id == delivery.id,
            Retirement.certificate_id == certificate.id,
            col(Retirement.status).in_(RETIREMENT_PLANNED),
        )
        for row in uow.session.exec(locked(planned)).all():
            row.reason, row.remove_at, row.last_error = str(RetirementReason.REVOKED), uow.now, None
            mark_due(uow, row)


def replan(uow: UnitOfWork, sync: Sync) -> None:
    """Plan again for everything that a sync has delivered, because the sync was changed."""
    for delivery in _deliveries_of(uow, sync):
        if not sync.prune:
            _forget(uow, delivery)
        if not sync.prune or delivery.delivered_certificate_id is None:
            continue
        delivered(uow, sync, delivery, uow.session.get_one(Certificate, delivery.delivered_certificate_id))


def clean_up(uow: UnitOfWork, sync: Sync) -> None:
    """Remove all that a sync has delivered; the sync is deleted with the last object."""
    sync.deletion_requested, sync.auto = True, False
    uow.session.add(sync)
    for delivery in _deliveries_of(uow, sync):
        if row := retire(uow, delivery, RetirementReason.CLEANUP, uow.now):
            mark_due(uow, row)
    delete_if_drained(uow, sync)


def delete_if_drained(uow: UnitOfWork, sync: Sync) -> None:
    """Delete a sync with `deletion_requested` once no object of it is left and no deploy is running."""
    deliveries = _deliveries_of(uow, sync)
    if any(
        delivery.intent_at and delivery.status not in (DeliveryStatus.FAILED, DeliveryStatus.REMOVED)
        for delivery in deliveries
    ):
        return
    idents = [delivery.id for delivery in deliveries]
    rows = uow.session.exec(select(Retirement).where(col(Retirement.delivery_id).in_(idents))).all()
    if any(row.status in RETIREMENT_PLANNED for row in rows):
        return
    discard(uow, sync)


def discard(uow: UnitOfWork, sync: Sync) -> None:
    """Delete a sync with its deliveries, retirements and previous targets; objects stay where they are."""
    deliveries = _deliveries_of(uow, sync)
    left = [delivery.object_name for delivery in deliveries if delivery.receipt or delivery.intent_at]
    idents = [delivery.id for delivery in deliveries]
    rows = uow.session.exec(select(Retirement).where(col(Retirement.delivery_id).in_(idents))).all()
    for delivery in deliveries:
        if delivery.last_error:
            cancel_delivery(uow, delivery)
    end_probes(uow, sync, idents)
    places = uow.session.exec(select(PreviousTarget).where(PreviousTarget.sync_id == sync.id)).all()
    for row in (*rows, *deliveries, *places, sync):
        uow.session.delete(row)
    uow.record(SyncDeleted(sync.id, sync.application_id, slug=sync.slug, left_behind=left))


def lock_sync_of(session: Session, delivery_id: str) -> None:
    """Lock a sync (``FOR NO KEY UPDATE``) before its deliveries: only one transaction may find that it is drained."""
    named = select(Delivery.sync_id).where(Delivery.id == delivery_id)
    session.exec(locked(select(Sync).where(col(Sync.id).in_(named)))).first()


def _deliveries_of(uow: UnitOfWork, sync: Sync) -> Sequence[Delivery]:
    """All deliveries of a sync, locked in the order of their ids; the caller holds the sync."""
    query = select(Delivery).where(Delivery.sync_id == sync.id).order_by(col(Delivery.id))
    return uow.session.exec(locked(query)).all()


def grace_of(sync: Sync) -> timedelta:
    """How long an object that is not desired any more stays."""
    return timedelta(seconds=sync.prune_grace_seconds)


def any_due() -> ColumnElement[bool]:
    """Whether a removal is due at a delivery, as a column of a query of deliveries."""
    due = select(Retirement.id).where(
        Retirement.delivery_id == Delivery.id, Retirement.status == RetirementStatus.DUE
    )
    return due.exists()


def mark_due(uow: UnitOfWork, row: Retirement) -> None:
    """Make a removal due now, and signal the workflow of its delivery."""
    row.status = RetirementStatus.DUE
    uow.session.add(row)
    delivery = uow.session.get_one(Delivery, row.delivery_id)
    sync = uow.session.get_one(Sync, delivery.sync_id)
    enqueue_delivery(uow, sync, delivery, f"retirement-{row.id}-{uow.new_id()}")


def _forget(uow: UnitOfWork, delivery: Delivery) -> None:
    query = select(Retirement).where(
        Retirement.delivery_id == delivery.id, Retirement.status == RetirementStatus.WAITING
    )
    for row in uow.session.exec(query).all():
        uow.session.delete(row)
