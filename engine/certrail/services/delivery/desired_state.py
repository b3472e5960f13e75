"""Desired state: which certificate belongs at which destination. Workflows reconcile the observed state with it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, func, or_, select

from certrail.domain.events.delivery import DeliveryCancelled, DeliveryFacts, DeliveryReassigned
from certrail.domain.object_names import ObjectNameSchema
from certrail.domain.states import DeliveryStatus
from certrail.persistence.database import cached, locked, session_cache
from certrail.persistence.tables import Application, Certificate, CertificateProfile, Delivery, Sync
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery import stable_names
from certrail.services.delivery.probes.schedule import end_probes
from certrail.services.integrations.plugin_config import installed
from certrail.services.inventory.selectors import names_of, selects

LEGACY_SCOPE_LOCK = 0x6C656761
"""Key of the advisory lock of what belongs to no Application (PostgreSQL, "Advisory Locks")."""
CHUNK = 500
"""Certificates per statement: databases limit the number of its parameters."""


def fan_out_to_syncs(context: ServiceContext, uow: UnitOfWork, certificate: Certificate) -> None:
    """Make a new certificate desired at every automatic sync of its Application that selects it."""
    session, scope = uow.session, certificate.application_id
    share_scope(session, scope)
    syncs = cached(session, ("syncs", scope), lambda: _automatic(session, scope))
    if not (selecting := [sync for sync in syncs if selects(sync.selection, certificate)]):
        return
    named = {sync.id: name for sync, name in named_at(context, session, selecting, certificate)}
    known: dict[str, _Known] = defaultdict(_Known)
    for row in _present(session, certificate, selecting, named):
        known[row.sync_id].add(row)
    for sync in selecting:
        _set_desired(context, uow, sync, certificate, known[sync.id])


def named_at(
    context: ServiceContext, session: Session, syncs: Sequence[Sync], certificate: Certificate
) -> Sequence[tuple[Sync, str]]:
    """The syncs with stable object names, each with that of the certificate."""
    return [
        (sync, object_name(session, _traits(context, sync), sync.name_schema, certificate))
        for sync in syncs
        if stable_names.is_stable(sync.name_schema)
    ]


def with_its_names(
    context: ServiceContext, session: Session, certificate: Certificate
) -> Sequence[ColumnElement[bool]]:
    """Conditions for the deliveries with a certificate's stable object names, whichever lineage has them now."""
    scope = certificate.application_id
    syncs = cached(
        session,
        ("all syncs", scope),
        lambda: session.exec(select(Sync).where(Sync.application_id == scope)).all(),
    )
    return _at({sync.id: name for sync, name in named_at(context, session, syncs, certificate)})


def _at(named: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [and_(Delivery.sync_id == sync, Delivery.object_name == name) for sync, name in named.items()]


def _present(
    session: Session, certificate: Certificate, syncs: Sequence[Sync], named: Mapping[str, str]
) -> Sequence[Delivery]:
    """The deliveries of its lineage at these syncs, and those with its stable object names, locked.

    Args:
        named: those names by the syncs' ids.
    """
    wanted = _at(named)
    # The first of a lineage is made by this transaction: nobody has delivered it.
    if certificate.lineage_id != certificate.request_id:
        idents = [sync.id for sync in syncs]
        wanted.append(and_(Delivery.lineage_id == certificate.lineage_id, col(Delivery.sync_id).in_(idents)))
    if not wanted:
        return ()
    if named:
        # FOR NO KEY UPDATE on the sync: of a name that nobody has yet there is no row that two lineages could meet at.
        session.exec(locked(select(Sync.id).where(col(Sync.id).in_(named)).order_by(col(Sync.id)))).all()
    return session.exec(locked(select(Delivery).where(or_(*wanted)).order_by(col(Delivery.id)))).all()


def share_scope(session: Session, application_id: str | None) -> None:
    """Lock an Application for an issuance, once a transaction within `session_cache`."""
    cached(session, ("scope", application_id), lambda: lock_scope(session, application_id, read=True))


def lock_scope(session: Session, application_id: str | None, *, read: bool = False) -> None:
    """Lock an Application: issuing takes a shared lock, editing a sync an exclusive one (``FOR NO KEY UPDATE``).

    Without both, a certificate and a sync made concurrently would miss each other. The legacy scope has no row: there
    it is an advisory lock of the transaction. SQLite has one writer at a time, and so nothing to lock.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    if application_id is None:
        take = func.pg_advisory_xact_lock_shared if read else func.pg_advisory_xact_lock
        session.exec(select(take(LEGACY_SCOPE_LOCK)))
        return
    held = select(Application.id).where(Application.id == application_id)
    session.exec(locked(held, read=read)).first()


def _automatic(session: Session, application_id: str | None) -> Sequence[Sync]:
    query = select(Sync).where(Sync.application_id == application_id, col(Sync.auto).is_(True))
    return session.exec(query).all()


def set_desired_each(
    context: ServiceContext, uow: UnitOfWork, sync: Sync, certificates: Sequence[Certificate]
) -> None:
    """Make these certificates desired at a sync; the number of statements does not grow with theirs."""
    for start in range(0, len(certificates), CHUNK):
        _set_desired_chunk(context, uow, sync, certificates[start : start + CHUNK])


def _set_desired_chunk(
    context: ServiceContext, uow: UnitOfWork, sync: Sync, certificates: Sequence[Certificate]
) -> None:
    session = uow.session
    # The cache keeps loaded rows referenced, so that the session answers `get` without a statement.
    with session_cache(session):
        known, present = _Known(), _lock_deliveries(context, session, sync, certificates)
        for row in present:
            known.add(row)
        wanted = [row.desired_certificate_id for row in present]
        if wanted:
            session.exec(select(Certificate).where(col(Certificate.id).in_(wanted))).all()
        # Without a flush between them, all new rows are inserted by one statement per table.
        with session.no_autoflush:
            for certificate in certificates:
                _set_desired(context, uow, sync, certificate, known)


def _lock_deliveries(
    context: ServiceContext, session: Session, sync: Sync, certificates: Sequence[Certificate]
) -> Sequence[Delivery]:
    """The deliveries of these lineages at one sync, and those with their names, in the order in which all lock them."""
    lineages = [certificate.lineage_id for certificate in certificates]
    wanted: ColumnElement[bool] = col(Delivery.lineage_id).in_(lineages)
    if stable_names.is_stable(sync.name_schema):
        traits = _traits(context, sync)
        names = {object_name(session, traits, sync.name_schema, one) for one in certificates}
        wanted = or_(wanted, col(Delivery.object_name).in_(names))
    query = select(Delivery).where(Delivery.sync_id == sync.id, wanted)
    return session.exec(locked(query.order_by(col(Delivery.id)))).all()


@dataclass(frozen=True)
class _Known:
    """The deliveries of one sync that a step may be about; they are locked."""

    of_lineage: dict[str, Delivery] = field(default_factory=dict)
    of_name: dict[str, Delivery] = field(default_factory=dict)

    def add(self, delivery: Delivery) -> None:
        self.of_lineage[delivery.lineage_id] = delivery
        if not delivery.name_taken:
            self.of_name[delivery.object_name] = delivery


def _set_desired(
    context: ServiceContext, uow: UnitOfWork, sync: Sync, certificate: Certificate, known: _Known
) -> None:
    """Make a certificate desired at a sync. A newer one replaces an older one, never the other way round."""
    delivery = known.of_lineage.get(certificate.lineage_id)
    if delivery is None:
        name = object_name(uow.session, _traits(context, sync), sync.name_schema, certificate)
        delivery = _to_take_over(uow, certificate, known, name)
        if delivery is None:
            delivery = Delivery(
                id=uow.new_id(),
                created_at=uow.now,
                sync_id=sync.id,
                lineage_id=certificate.lineage_id,
                object_name=name,
                name_taken=name in known.of_name,
                desired_certificate_id=certificate.id,
            )
            known.add(delivery)
            bump_generation(uow, sync, delivery)
            return
    present = uow.session.get_one(Certificate, delivery.desired_certificate_id)
    takes_over = delivery.lineage_id != certificate.lineage_id
    in_use = not (takes_over and stable_names.has_ended(present, uow.now))
    if in_use and present.not_before > certificate.not_before:
        return
    if takes_over:
        _reassign(uow, delivery, certificate, known)
    if present.id != certificate.id:
        delivery.desired_certificate_id, delivery.last_error = certificate.id, None
    bump_generation(uow, sync, delivery)


def _to_take_over(uow: UnitOfWork, certificate: Certificate, known: _Known, name: str) -> Delivery | None:
    """The delivery of another lineage that has the object name, if this certificate may have it."""
    if (held := known.of_name.get(name)) is None:
        return None
    holder = uow.session.get_one(Certificate, held.desired_certificate_id)
    return held if stable_names.is_free(held, holder, certificate, uow.now) else None


def _reassign(uow: UnitOfWork, delivery: Delivery, certificate: Certificate, known: _Known) -> None:
    former, delivery.lineage_id = delivery.lineage_id, certificate.lineage_id
    known.of_lineage.pop(former, None)
    known.add(delivery)
    uow.record(DeliveryReassigned(**facts_of(uow, delivery), former_lineage_id=former))


def claim_name(
    context: ServiceContext, uow: UnitOfWork, sync: Sync, delivery: Delivery, certificate: Certificate
) -> None:
    """Give a delivery the object name that it found taken. Raises Conflict while it is."""
    name = object_name(uow.session, _traits(context, sync), sync.name_schema, certificate)
    stable_names.claim(uow, sync, delivery, certificate, name)


def bump_generation(uow: UnitOfWork, sync: Sync, delivery: Delivery) -> None:
    """Start a new generation of the desired state: attempts for an older one do not count any more."""
    in_bulk = is_at_rest(delivery)
    if delivery.status == DeliveryStatus.RETRYING:
        delivery.batch_id = None  # its attempt in a batch is over
    delivery.generation += 1
    delivery.desired_at = uow.now
    delivery.status, delivery.last_transition_at, delivery.attempts = DeliveryStatus.PENDING, uow.now, 0
    delivery.next_try_at = uow.now
    uow.session.add(delivery)
    # Unique: after a restore the same generation comes again, and a workflow ignores a reference that it has seen.
    reference = f"generation-{delivery.generation}-{uow.new_id()}"
    enqueue_delivery(uow, sync, delivery, reference, in_bulk=in_bulk)


def is_at_rest(delivery: Delivery) -> bool:
    """Whether no attempt can be under way: it is new, or what it desires was delivered and read back."""
    if delivery.generation == 0:
        return True
    observed = delivery.status == DeliveryStatus.DELIVERED and delivery.verified_at is not None
    return observed and delivery.observed_generation == delivery.generation and delivery.intent_at is None


def cancel_delivery(uow: UnitOfWork, delivery: Delivery) -> None:
    """Desire nothing at the destination any more; an incident of the delivery is resolved with it."""
    delivery.status, delivery.last_transition_at, delivery.next_try_at = DeliveryStatus.REMOVED, uow.now, None
    delivery.last_error = None
    uow.session.add(delivery)
    end_probes(uow, uow.session.get_one(Sync, delivery.sync_id), [delivery.id])
    uow.record(DeliveryCancelled(**facts_of(uow, delivery)))


def facts_of(uow: UnitOfWork, delivery: Delivery) -> DeliveryFacts:
    """What every event of a delivery says of it."""
    sync = uow.session.get_one(Sync, delivery.sync_id)
    return DeliveryFacts(
        subject_id=delivery.id,
        application_id=sync.application_id,
        sync=sync.slug,
        destination=sync.destination,
        object_name=delivery.object_name,
        lineage_id=delivery.lineage_id,
    )


def enqueue_delivery(
    uow: UnitOfWork,
    sync: Sync,
    delivery: Delivery,
    reference: str,
    *,
    in_bulk: bool = False,
    due_at: datetime | None = None,
) -> None:
    """Start the delivery's workflow, or signal it that the desired state changed.

    Args:
        in_bulk: one workflow may deliver it together with others of its sync.
        due_at: not before; left out, after the commit.
    """
    desired = uow.session.get_one(Certificate, delivery.desired_certificate_id)
    start = workflow_of(sync, delivery, desired)
    key = f"delivery-{sync.id}" if in_bulk else None
    uow.enqueue(replace(start, batch_key=key), signal=reference, due_at=due_at)


def workflow_of(sync: Sync, delivery: Delivery, desired: Certificate) -> WorkflowStart:
    """The workflow that reconciles a delivery with its desired state."""
    return WorkflowStart(
        flow="delivery",
        workflow_id=f"delivery-{delivery.id}",  # not of its lineage, which may be another one later
        subject_id=delivery.id,
        summary=f"Deliver {next(iter(names_of(desired)), delivery.object_name)} to {sync.slug}",
        application_id=sync.application_id,
        lineage_id=delivery.lineage_id,
        plugin=f"destination-{sync.destination}",
    )


@dataclass(frozen=True)
class NameTraits:
    """What a destination takes as the name of an object."""

    pattern: str
    length: int


def _traits(context: ServiceContext, sync: Sync) -> NameTraits:
    """Those of the plugin; as the sync remembers them where it is not here, so that no issuance fails for it."""
    plugin = installed(context.plugins.destination, sync.destination)
    if plugin is None:
        return NameTraits(sync.name_pattern, sync.name_length)
    return NameTraits(plugin.name_pattern, plugin.name_length)


def object_name(session: Session, traits: NameTraits, schema: str, certificate: Certificate) -> str:
    """The name of a certificate's object at a destination."""
    profile = session.get(CertificateProfile, certificate.profile_id) if certificate.profile_id else None
    application = session.get(Application, certificate.application_id) if certificate.application_id else None
    return ObjectNameSchema.parse(schema).render(
        certificate_id=certificate.id,
        lineage_id=certificate.lineage_id,
        common_name=next(iter(names_of(certificate)), ""),
        profile=profile.slug if profile else "",
        application=application.slug if application else "",
        pattern=traits.pattern,
        length=traits.length,
    )


def desired_at(session: Session, sync: Sync) -> set[str]:
    """Ids of the certificates that are desired at a sync already."""
    query = select(Delivery.desired_certificate_id).where(
        Delivery.sync_id == sync.id, col(Delivery.status) != DeliveryStatus.REMOVED
    )
    return set(session.exec(query).all())
