"""Renews what is due in chunks, one transaction for many certificates; what has to wait gets a workflow."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.checkpoints import checkpoint
from certrail.domain.rate_limits import TOLERANCE
from certrail.domain.renewal import RenewalWait
from certrail.domain.states import RequestStatus
from certrail.persistence.database import locked, session_cache
from certrail.persistence.tables import Certificate, CertificateRequest, Lineage
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import place
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery.desired_state import share_scope
from certrail.services.inventory.renewal_rounds import wait_in_round
from certrail.services.inventory.renewal_schedule import life_of, plan, rule_of, running_renewals
from certrail.services.issuance.issuance import Issuance
from certrail.services.lifecycle.renewal_attempts import attempt_renewal, record_failure, wait_of
from certrail.services.lifecycle.renewal_rates import (
    USED_WITHIN,
    acquire_permit,
    acquire_slot,
    lock_rated,
    next_slot,
)

log = logging.getLogger(__name__)

CHUNK = 100
LONGEST = 2.0
"""Seconds that a transaction takes more certificates for: others wait to write, and large keys take long to make."""
Attempt = Callable[[UnitOfWork], AbstractContextManager[None]]


@dataclass
class SweepRun:
    """One run of the sweep.

    Attributes:
        permitted: lineages for which a permit of their authority was committed, to be used at once.
    """

    permitted: set[str] = field(default_factory=set)


class RenewalSweep:
    """Any number may run at once: each takes rows that no other locks. One that dies has done nothing it lost."""

    def __init__(self, context: ServiceContext, issuance: Issuance) -> None:
        self._context = context
        self._issuance = issuance

    def run(self, limit: int = CHUNK) -> int:
        """Take one chunk of what is due; returns how many lineages were looked at, 0 when nothing is due.

        Where the authority has a rate, a first transaction takes permits and a second one uses them: a permit whose
        process died is lost, so that nothing is signed twice with it.
        """
        first = SweepRun()
        looked = self._chunk(_due(self._context.clock(), limit), first)
        began, left = self._context.clock(), set(first.permitted)
        # The transaction that uses the last of them must end before they expire.
        while (
            left and (self._context.clock() - began).total_seconds() < USED_WITHIN.total_seconds() - LONGEST
        ):
            done = self._chunk(_these(left), SweepRun(left))
            left -= done
            if not done:
                break
        return len(looked)

    def _chunk(self, which: SelectOfScalar[Lineage], run: SweepRun) -> set[str]:
        permitted = set(run.permitted)
        try:
            return self._transaction(which, run, _together)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # One of them cannot be renewed, and took the others with it: now each stands for itself.
            log.info("a chunk is taken one by one: %s at %s", type(error).__name__, place(error))
            run.permitted = permitted
            return self._transaction(which, run, UnitOfWork.attempt)

    def _transaction(self, which: SelectOfScalar[Lineage], run: SweepRun, attempt: Attempt) -> set[str]:
        looked, began = set[str](), monotonic()
        with self._context.unit_of_work(SYSTEM) as uow, session_cache(uow.session):
            lineages = uow.session.exec(locked(which, skip_locked=True)).all()
            running = _load(uow.session, lineages)
            # Before any savepoint: a rollback to one would release a lock that was taken after it.
            for application_id in sorted({lineage.application_id for lineage in lineages}, key=str):
                share_scope(uow.session, application_id)
            for lineage in lineages:
                self._each(uow, lineage, running, run, attempt)
                looked.add(lineage.id)
                if monotonic() - began >= LONGEST:
                    break
            checkpoint("renewals.renewed")
        checkpoint("renewals.committed")
        return looked

    def _each(
        self,
        uow: UnitOfWork,
        lineage: Lineage,
        running: frozenset[str | None],
        run: SweepRun,
        attempt: Attempt,
    ) -> None:
        try:
            with attempt(uow):
                present = uow.session.get_one(Certificate, lineage.current_certificate_id)
                if present.id in running:
                    lineage.renew_at, lineage.needs_replan = None, False
                    uow.session.add(lineage)
                elif _is_time(uow, lineage, present, run):
                    self._renew(uow, lineage, present)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            if attempt is _together:
                raise
            record_failure(uow, lineage, error)

    def _renew(self, uow: UnitOfWork, lineage: Lineage, present: Certificate) -> None:
        request = attempt_renewal(uow, self._issuance, lineage, present)
        if request.status != RequestStatus.ISSUED:
            wait_in_round(uow, lineage, present, *wait_of(request, uow.now))
            request.renewal_round = lineage.renewal_round
            uow.session.add(request)


def _together(_change: UnitOfWork) -> AbstractContextManager[None]:
    """No savepoint for each: they succeed together, as nearly all chunks do, or nothing was done."""
    return nullcontext()


def _load(session: Session, lineages: Sequence[Lineage]) -> frozenset[str | None]:
    """Load what will be looked at, by one query for all; returns which certificates are being renewed already."""
    current = [lineage.current_certificate_id for lineage in lineages]
    certificates = session.exec(select(Certificate).where(col(Certificate.id).in_(current))).all()
    asked = [certificate.request_id for certificate in certificates if certificate.request_id]
    session.exec(select(CertificateRequest).where(col(CertificateRequest.id).in_(asked))).all()
    return running_renewals(session, current)


def _due(now: datetime, limit: int) -> SelectOfScalar[Lineage]:
    query = select(Lineage).where(col(Lineage.renew_at).is_not(None), col(Lineage.renew_at) <= now)
    return query.order_by(col(Lineage.renew_at), col(Lineage.id)).limit(limit)


def _these(idents: set[str]) -> SelectOfScalar[Lineage]:
    return select(Lineage).where(col(Lineage.id).in_(idents)).order_by(col(Lineage.id))


def _is_time(uow: UnitOfWork, lineage: Lineage, present: Certificate, run: SweepRun) -> bool:
    if lineage.id in run.permitted:
        # It was due when the permit was taken; whoever renewed it since has given it another time.
        return lineage.renew_at is not None and lineage.renew_at <= uow.now + USED_WITHIN + TOLERANCE
    plan(uow, lineage, present)  # the rule may have changed since, and a window may have closed
    if lineage.renew_at is None or lineage.renew_at > uow.now:
        return False
    rule = rule_of(uow, lineage, present)
    if rule is None:
        return False
    authority = lock_rated(uow, present)
    if authority is None:
        return True
    slot = next_slot(uow, authority)
    if slot <= uow.now + TOLERANCE and acquire_permit(uow, authority):
        # Not due for other sweeps until the permit expires; should this process die, it is due again then.
        lineage.renew_at = uow.now + USED_WITHIN + TOLERANCE
        uow.session.add(lineage)
        run.permitted.add(lineage.id)
        return False
    if not rule.open_at(slot):  # a slot that cannot be used is left to others; the queue itself spreads them
        lineage.renew_at = rule.opens(slot, life_of(present).last)
        uow.session.add(lineage)
        return False
    acquire_slot(uow, authority, slot)
    wait_in_round(uow, lineage, present, RenewalWait.RATE, slot)
    return False
