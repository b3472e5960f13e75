"""The steps of a renewal that has to wait, each one transaction, taken by the workflow of its round."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import col, select

from certrail.checkpoints import checkpoint
from certrail.domain.renewal import RenewalWait
from certrail.domain.states import WAITING, RequestStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, CertificateAuthority, CertificateRequest, Lineage
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import place
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.inventory.renewal_rounds import end_round, is_open, wait_in_round
from certrail.services.inventory.renewal_schedule import (
    RUNNING,
    life_of,
    refresh,
    rule_of,
    running_renewal,
)
from certrail.services.issuance.issuance import Issuance
from certrail.services.lifecycle.renewal_attempts import attempt_renewal, give_back, record_failure, wait_of
from certrail.services.lifecycle.renewal_rates import acquire_permit, acquire_slot, lock_rated, next_slot


@dataclass(frozen=True, slots=True)
class RoundStep:
    """Where a round stands after a step.

    Attributes:
        wait: what it waits for; ``None`` when it is over: renewed, superseded, switched off, given up, or planned anew.
        wake_at: when to look again at the latest; ``None`` to wait for a signal.
    """

    wait: RenewalWait | None
    wake_at: datetime | None = None


OVER = RoundStep(None)


class RenewalWaits:
    """Called again and again by the workflow; every call finds its own way on from what is stored."""

    def __init__(self, context: ServiceContext, issuance: Issuance) -> None:
        self._context = context
        self._issuance = issuance

    def advance(self, lineage_id: str, round_: int) -> RoundStep:
        """Take the next step of a round: keep an approval's time, wait, or renew."""
        if (request_id := self._request(lineage_id, round_)) is not None:
            waiting = self._through_request(request_id)
            if waiting is not None:
                return waiting
        # A permit is committed before anything is signed with it: one whose process died is lost, not used twice.
        step = self._attempt(lineage_id, round_, permitted=False)
        return step or self._attempt(lineage_id, round_, permitted=True) or OVER

    def hand_back(self, lineage_id: str, round_: int) -> None:
        """Close a round whose steps fail for no known reason: the sweep tries again in an hour."""
        with self._context.unit_of_work(SYSTEM) as uow:
            lineage = _lock(uow, lineage_id)
            if lineage is not None and is_open(lineage, round_):
                give_back(uow, lineage)

    def _request(self, lineage_id: str, round_: int) -> str | None:
        """The request of the round that is not decided yet, whatever its lineage's present certificate is by now."""
        query = (
            select(CertificateRequest.id)
            .join(Certificate, col(CertificateRequest.renews_id) == col(Certificate.id))
            .where(
                Certificate.lineage_id == lineage_id,
                CertificateRequest.renewal_round == round_,
                col(CertificateRequest.status).in_(RUNNING),
            )
        )
        with self._context.db.read() as session:
            return session.exec(query).first()

    def _through_request(self, request_id: str) -> RoundStep | None:
        try:
            outcome = self._issuance.advance(request_id)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            reason = f"certrail could not do its part ({type(error).__name__} at {place(error)})"
            self._issuance.fail(request_id, f"{reason}: look at the worker's log")
            return None
        if outcome.status != WAITING:
            return None
        with self._context.db.read() as session:
            wait, _ = wait_of(session.get_one(CertificateRequest, request_id), self._context.clock())
        return RoundStep(wait, outcome.wake_at)

    def _attempt(self, lineage_id: str, round_: int, *, permitted: bool) -> RoundStep | None:
        """Renew if it is time; ``None`` when a permit was taken with which to do so now."""
        with self._context.unit_of_work(SYSTEM) as uow:
            lineage = _lock(uow, lineage_id)
            if lineage is None or not is_open(lineage, round_):
                return OVER
            present = uow.session.get_one(Certificate, lineage.current_certificate_id)
            if running_renewal(uow.session, present) is not None or lineage.renew_at is not None:
                # A request by hand renews it, or its plan was marked: the round has nothing to do any more.
                end_round(uow, lineage, present, signal=False)
                return OVER
            if lineage.renewal_wakes_at is not None and lineage.renewal_wakes_at > uow.now:
                return _step(lineage)
            if not permitted:
                if not _is_time(uow, lineage, present):
                    return _step(lineage)
                if (authority := lock_rated(uow, present)) is not None:
                    if acquire_permit(uow, authority):
                        return None
                    _queue(uow, lineage, present, authority)
                    return _step(lineage)
            self._renew(uow, lineage, present, round_)
            checkpoint("renewals.renewed")
        checkpoint("renewals.committed")
        return _step(lineage)

    def _renew(self, uow: UnitOfWork, lineage: Lineage, present: Certificate, round_: int) -> None:
        try:
            with uow.attempt():
                # Closed first: the new certificate would else signal the workflow that takes this very step.
                end_round(uow, lineage, present, signal=False)
                request = attempt_renewal(uow, self._issuance, lineage, present)
                if request.status != RequestStatus.ISSUED:
                    wait, lineage.renewal_wakes_at = wait_of(request, uow.now)
                    lineage.renewal_wait, request.renewal_round = wait.value, round_
                    uow.session.add_all([lineage, request])
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            record_failure(uow, lineage, error, signal=False)


def _lock(uow: UnitOfWork, lineage_id: str) -> Lineage | None:
    return uow.session.exec(locked(select(Lineage).where(Lineage.id == lineage_id))).first()


def _step(lineage: Lineage) -> RoundStep:
    if lineage.renewal_wait is None:
        return OVER
    return RoundStep(RenewalWait(lineage.renewal_wait), lineage.renewal_wakes_at)


def _is_time(uow: UnitOfWork, lineage: Lineage, present: Certificate) -> bool:
    """Whether the rule of this moment lets it be renewed now; else the round waits for a window, or is over."""
    refresh(uow, lineage, present)
    planned, lineage.renew_at = lineage.renew_at, None
    if planned is None:
        end_round(uow, lineage, present, signal=False)
        return False
    if planned > uow.now:
        wait_in_round(uow, lineage, present, RenewalWait.WINDOW, planned, signal=False)
        return False
    return True


def _queue(uow: UnitOfWork, lineage: Lineage, present: Certificate, authority: CertificateAuthority) -> None:
    """Wait for the next slot of the authority, or where that is in a closed time for the window after it."""
    rule, slot = rule_of(uow, lineage, present), next_slot(uow, authority)
    if rule is None or rule.open_at(slot):
        acquire_slot(uow, authority, slot)
        wait_in_round(uow, lineage, present, RenewalWait.RATE, slot, signal=False)
    elif (opens := rule.opens(slot, life_of(present).last)) is not None:
        wait_in_round(uow, lineage, present, RenewalWait.WINDOW, opens, signal=False)
    else:
        end_round(uow, lineage, present, signal=False)
