"""Probes: the sweep that looks at what services present, what agents report, and reading both."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from sqlmodel import col, or_, select

from certrail.checkpoints import checkpoint
from certrail.domain.endpoints.probes import Endpoint, ProbeState, ProbeVerdict
from certrail.domain.errors import NotFound
from certrail.domain.events.delivery import ProbeNotServed, ProbeServed
from certrail.domain.states import DeliveryStatus
from certrail.network.handshake import Presented, look
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, Delivery, Lineage, Principal, Probe, Sync
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.paging import PAGE, Position, newest_first
from certrail.services.core.sweeps import SweepItems
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery.probes.schedule import end_probe, endpoint_of, facts_of_probe
from certrail.services.delivery.probes.verdict import (
    ACTIONS,
    Finding,
    unreachable,
    verdict_of,
    verdict_of_leaf,
)

CHUNK = 50
"""Looks at once."""
LEASE = timedelta(minutes=2)
"""After which a look is due again whose process ended: longer than a look may take (`handshake.LOOK_SECONDS`)."""


@dataclass(frozen=True)
class Look:
    """One look that is under way; `number` is its place among those of its probe."""

    probe_id: str
    number: int
    endpoint: Endpoint


class ShownProbe(NamedTuple):
    """A probe, with the sync that it belongs to or the agent that reports it."""

    row: Probe
    application_id: str | None
    sync: str | None
    reporter: str | None


class Probes:
    """Any number of sweeps may run at once: each leases what it looks at, and a verdict is recorded under its lock."""

    def __init__(self, context: ServiceContext) -> None:
        self._context, self._items = context, SweepItems(context, "probes")

    def run(self) -> int:
        """Look at what is due; returns how many looks."""
        looks = self.claim()
        if not looks:
            return 0
        # A loop of its own, in the thread of the sweep: what strangers send is not parsed on the worker's.
        seen = asyncio.run(self._look(looks))
        found = {each.probe_id: (each, what) for each, what in zip(looks, seen, strict=True)}
        self._items.run_each(found, lambda ident: self.record(*found[ident]))
        return len(looks)

    def claim(self) -> Sequence[Look]:
        """Lease what is due, in one transaction."""
        with self._context.unit_of_work(SYSTEM) as uow:
            due = select(Probe).where(col(Probe.due_at) <= uow.now)
            query = due.order_by(col(Probe.due_at), col(Probe.id)).limit(CHUNK)
            # SKIP LOCKED: several sweeps share the work instead of waiting for each other.
            rows = uow.session.exec(locked(query, skip_locked=True)).all()
            for row in rows:
                row.due_at, row.look = uow.now + LEASE, row.look + 1
                uow.session.add(row)
            return [Look(row.id, row.look, endpoint_of(row)) for row in rows]

    def record(self, look: Look, seen: Presented) -> int:
        """Record a verdict, unless the certificate was delivered anew or another look began since."""
        checkpoint("probe.seen")
        with self._context.unit_of_work(SYSTEM) as uow:
            row = uow.session.exec(locked(select(Probe).where(Probe.id == look.probe_id))).first()
            if row is None or row.look != look.number:
                return 0
            belonging = _belonging(uow, row)
            if belonging:
                _note(uow, row, verdict_of(uow.session, belonging, seen, uow.now))
            else:
                row.due_at = None  # nothing is in place; its next receipt makes it due
                uow.session.add(row)
            return 1

    def report(
        self, actor: Actor, certificate_id: str, endpoint: Endpoint, *, found: str | None, reason: str = ""
    ) -> Probe:
        """Record what the agent of a host saw of a certificate of its own: its host is where the service is.

        The agent has waited for its grace, so what is not served is reported at once.

        Args:
            found: SHA-256 of what is presented, hex; ``None`` where there was no handshake.

        Raises:
            NotFound: there is no such certificate.
        """
        with self._context.unit_of_work(actor) as uow:
            certificate = uow.session.get(Certificate, certificate_id)
            if certificate is None:
                raise NotFound("certificate")
            row = _reported(uow, certificate, endpoint)
            belonging = [certificate]
            finding = (
                verdict_of_leaf(uow.session, belonging, found) if found else unreachable(certificate, reason)
            )
            _note(uow, row, finding)
            row.due_at = None
            return row

    def list(
        self,
        application_id: str | None,
        *,
        lineage_id: str | None = None,
        verdict: ProbeVerdict | None = None,
        after: Position | None = None,
        limit: int = PAGE,
    ) -> Sequence[ShownProbe]:
        """One page of the probes of an Application, newest first: all, or those of one lineage or verdict."""
        with self._context.db.read() as session:
            query = _shown().where(Lineage.application_id == application_id)
            if lineage_id:
                query = query.where(Probe.lineage_id == lineage_id)
            if verdict:
                query = query.where(Probe.verdict == verdict)
            return [ShownProbe(*row) for row in session.exec(newest_first(query, Probe, after, limit)).all()]

    def of_deliveries(self, delivery_ids: Collection[str]) -> Mapping[str, Sequence[ShownProbe]]:
        """The probes of each delivery."""
        found: dict[str, list[ShownProbe]] = {ident: [] for ident in delivery_ids}
        if not found:
            return found
        with self._context.db.read() as session:
            query = _shown().where(col(Probe.delivery_id).in_(found)).order_by(col(Probe.id))
            for row in session.exec(query).all():
                shown = ShownProbe(*row)
                found[shown.row.delivery_id or ""].append(shown)
        return found

    def get(self, probe_id: str) -> ShownProbe:
        """One probe. Raises NotFound."""
        with self._context.db.read() as session:
            row = session.exec(_shown().where(Probe.id == probe_id)).first()
            if row is None:
                raise NotFound("probe")
            return ShownProbe(*row)

    async def _look(self, looks: Sequence[Look]) -> Sequence[Presented]:
        allowed = self._context.probe_networks
        return await asyncio.gather(*(look(each.endpoint, allowed) for each in looks))


def _shown() -> Any:
    """A query of probes, each with what `ShownProbe` has beside it."""
    return (
        select(Probe, Lineage.application_id, Sync.slug, Principal.name)
        .join(Lineage, col(Lineage.id) == col(Probe.lineage_id))
        .join(Delivery, col(Delivery.id) == col(Probe.delivery_id), isouter=True)
        .join(Sync, col(Sync.id) == col(Delivery.sync_id), isouter=True)
        .join(Principal, col(Principal.id) == col(Probe.principal_id), isouter=True)
    )


def _belonging(uow: UnitOfWork, row: Probe) -> Sequence[Certificate]:
    """The delivered certificate, then the one that is being delivered: its receipt may not be recorded yet."""
    delivery = uow.session.get_one(Delivery, row.delivery_id)
    if delivery.delivered_certificate_id is None or delivery.status == DeliveryStatus.REMOVED:
        return ()
    idents = dict.fromkeys((delivery.delivered_certificate_id, delivery.desired_certificate_id))
    return [uow.session.get_one(Certificate, ident) for ident in idents]


def _reported(uow: UnitOfWork, certificate: Certificate, endpoint: Endpoint) -> Probe:
    """The reporter's row, locked: one for each endpoint and each lineage; what else there was has ended."""
    reporter = uow.actor.principal_id
    # The principal is locked first: two reports of one host would insert the same endpoint.
    uow.session.exec(locked(select(Principal).where(Principal.id == reporter))).one()
    same_endpoint = (
        (col(Probe.protocol) == endpoint.protocol)
        & (col(Probe.host) == endpoint.host)
        & (col(Probe.port) == endpoint.port)
        & (col(Probe.server_name) == endpoint.server_name)
    )
    query = select(Probe).where(
        Probe.principal_id == reporter, or_(same_endpoint, col(Probe.lineage_id) == certificate.lineage_id)
    )
    kept = None
    for row in uow.session.exec(locked(query.order_by(col(Probe.id)))).all():
        if endpoint_of(row) == endpoint and row.lineage_id == certificate.lineage_id:
            kept = row
        else:
            end_probe(uow, row)
    uow.session.flush()
    return kept or Probe(
        id=uow.new_id(),
        created_at=uow.now,
        lineage_id=certificate.lineage_id,
        principal_id=reporter,
        certificate_id=certificate.id,
        protocol=endpoint.protocol,
        host=endpoint.host,
        port=endpoint.port,
        server_name=endpoint.server_name,
    )


def _note(uow: UnitOfWork, row: Probe, finding: Finding) -> None:
    """The state after a look; an event when it is served first or again, and one when it is not after the grace."""
    before = ProbeState(
        verdict=ProbeVerdict(row.verdict) if row.verdict else None,
        failures=row.failures,
        grace_until=row.grace_until,
        reported_at=row.reported_at,
    )
    state = before.after(
        finding.verdict,
        uow.now,
        timedelta(seconds=row.grace_seconds),
        timedelta(seconds=row.interval_seconds),
    )
    if state.verdict != before.verdict:
        row.changed_at = uow.now
    row.verdict, row.failures, row.grace_until = finding.verdict, state.failures, state.grace_until
    row.reported_at, row.due_at, row.checked_at = state.reported_at, state.due_at, uow.now
    row.certificate_id, row.found, row.reason = finding.certificate.id, finding.found, finding.reason
    is_new = finding.verdict is ProbeVerdict.SERVED and row.served_certificate_id != row.certificate_id
    if finding.verdict is ProbeVerdict.SERVED:
        row.served_certificate_id = row.certificate_id
    uow.session.add(row)
    uow.session.flush()
    if is_new or (before.reported_at and not state.reported_at):
        uow.record(ProbeServed(**facts_of_probe(uow, row)))
    elif state.reported_at and not before.reported_at:
        uow.record(
            ProbeNotServed(
                **facts_of_probe(uow, row),
                verdict=finding.verdict,
                message=finding.reason,
                action=ACTIONS[finding.verdict],
                found=finding.found,
            )
        )
