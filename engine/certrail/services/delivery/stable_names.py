"""Stable object names: by a name schema without an id a re-issue has the name of what it replaces.

At one sync an object name belongs to one profile and one set of names. Another lineage with the same ones takes it
over, with its delivery; one with others has to wait until it is free, and its delivery fails with the reason.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from certrail.domain.errors import BadInput, Conflict
from certrail.domain.object_names import ObjectNameSchema
from certrail.domain.states import CertificateStatus, DeliveryStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, Delivery, Sync
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.inventory.selectors import names_of

ADVICE = "Add {{profile}} or {{short_certificate_id}} to the name schema, or select one of them only."


def is_stable(name_schema: str) -> bool:
    """Whether the objects of a sync are named by their certificates alone."""
    return ObjectNameSchema.parse(name_schema).is_stable


def holder_of(certificate: Certificate) -> tuple[str | None, frozenset[str]]:
    """To whom an object name belongs: a profile and a set of names, whatever their case (RFC 4343)."""
    return certificate.profile_id, frozenset(name.casefold() for name in names_of(certificate))


def is_free(held: Delivery, holder: Certificate, certificate: Certificate, now: datetime) -> bool:
    """Whether a certificate may have the object name of another lineage."""
    left = held.status == DeliveryStatus.REMOVED or has_ended(holder, now)
    return left or holder_of(holder) == holder_of(certificate)


def has_ended(holder: Certificate, now: datetime) -> bool:
    """Whether a certificate is of no use any more."""
    return holder.status == CertificateStatus.REVOKED or holder.not_after <= now


def newest_of_each(named: Sequence[tuple[Certificate, str]]) -> Sequence[Certificate]:
    """Of certificates and the names of their objects: the newest one of each name.

    Raises:
        BadInput: certificates with other names or profiles would have the same object name.
    """
    by_name = defaultdict[str, list[Certificate]](list)
    for certificate, name in named:
        by_name[name].append(certificate)
    for name, sharing in by_name.items():
        first, *others = {holder_of(one): one for one in sharing}.values()
        if others:
            both = " and ".join(f"{_shown(one)} ({one.id})" for one in (first, others[0]))
            raise BadInput(f"{both} would both be called {name!r}. {ADVICE}", "name_schema")
    return [max(sharing, key=lambda one: (one.not_before, one.id)) for sharing in by_name.values()]


def claim(uow: UnitOfWork, sync: Sync, delivery: Delivery, certificate: Certificate, name: str) -> None:
    """Give a delivery the object name that it found taken, if that is free by now.

    Raises:
        Conflict: it belongs to a certificate with other names.
    """
    held = _delivery_with(uow.session, sync, name)
    if held is not None and held.id != delivery.id:
        holder = uow.session.get_one(Certificate, held.desired_certificate_id)
        if not is_free(held, holder, certificate, uow.now):
            raise Conflict(
                f"{name!r} at sync {sync.slug} belongs to {_shown(holder)} ({holder.id}). {ADVICE}"
            )
        held.name_taken = True
        uow.session.add(held)
        # The index allows one holder: the former one has to let go first.
        uow.session.flush()
    delivery.object_name, delivery.name_taken = name, False
    uow.session.add(delivery)


def _delivery_with(session: Session, sync: Sync, name: str) -> Delivery | None:
    """The delivery to which an object name belongs, locked."""
    query = select(Delivery).where(
        Delivery.sync_id == sync.id, Delivery.object_name == name, col(Delivery.name_taken).is_(False)
    )
    return session.exec(locked(query)).first()


def _shown(certificate: Certificate) -> str:
    return next(iter(names_of(certificate)), "a certificate without a name")
