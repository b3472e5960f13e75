"""Renews what is due, in chunks: one transaction for many certificates that need nobody's yes."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.checkpoints import checkpoint
from certrail.crypto.keyring import KeyringError
from certrail.domain.enrollment import RequestOrigin
from certrail.domain.errors import CertrailError
from certrail.domain.renewal import LONGEST_WAIT, RenewalRule
from certrail.persistence.database import locked, session_cache
from certrail.persistence.tables import (
    Certificate,
    CertificateAuthority,
    CertificateProfile,
    CertificateRequest,
    Lineage,
    Principal,
)
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import place
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.inventory.renewal_schedule import (
    life_of,
    note_failure,
    plan,
    rule_of,
    running_renewals,
)
from certrail.services.issuance.acceptance import accept
from certrail.services.issuance.issuance import Issuance
from certrail.services.issuance.state import enqueue_issuance
from certrail.services.lifecycle.renewals import renewal_content, renewal_profile

log = logging.getLogger(__name__)

CHUNK = 100
LONGEST = 2.0
"""Seconds that a transaction takes more certificates for: others wait to write, and large keys take long to make."""
MINUTE, TAKEN_WITHIN, USED_WITHIN = timedelta(minutes=1), timedelta(seconds=20), timedelta(seconds=10)
"""A place in an authority's row is taken so late at most, and a certificate signed so long after it was taken."""
SPACED_OVER = MINUTE + TAKEN_WITHIN + USED_WITHIN
"""In this time come as many places as one minute may hold: no minute holds too many even if all are late."""
ITSELF = ":certrail"
"""No slug that anybody could choose: whoever had it would be given the keys of what certrail asks for."""
Attempt = Callable[[UnitOfWork], AbstractContextManager[None]]


@dataclass
class SweepRun:
    """One run of the sweep, and which lineages took their turn in it."""

    ident: str
    turns: set[str] = field(default_factory=set)


class RenewalSweep:
    """Any number may run at once: each takes rows that no other holds. One that dies has done nothing it lost."""

    def __init__(self, context: ServiceContext, issuance: Issuance) -> None:
        self._context = context
        self._issuance = issuance

    def run(self, limit: int = CHUNK) -> int:
        """Take one chunk of what is due; returns how many lineages were looked at, 0 when nothing is due.

        Where the authority has a rate, a first transaction takes turns and a second one uses them up: a turn whose
        process died is lost, so that nothing is signed twice in it.
        """
        round_ = SweepRun(self._context.new_id())
        looked = self._chunk(_due(self._context.clock(), limit), round_)
        began, turns = self._context.clock(), set(round_.turns)
        while turns and self._context.clock() - began < USED_WITHIN - timedelta(seconds=LONGEST):
            done = self._chunk(_these(turns), round_)
            turns -= done
            if not done:
                break
        return len(looked)

    def _chunk(self, which: SelectOfScalar[Lineage], round_: SweepRun) -> set[str]:
        try:
            return self._transaction(which, round_, _together)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # One of them cannot be renewed, and took the others with it: now each stands for itself.
            log.info("a chunk is taken one by one: %s at %s", type(error).__name__, place(error))
            return self._transaction(which, round_, UnitOfWork.attempt)

    def _transaction(self, which: SelectOfScalar[Lineage], round_: SweepRun, attempt: Attempt) -> set[str]:
        looked, began = set[str](), monotonic()
        round_.turns.clear()
        with self._context.unit_of_work(SYSTEM) as uow, session_cache(uow.session):
            lineages = uow.session.exec(locked(which, skip_locked=True)).all()
            running = _load(uow.session, lineages)
            for lineage in lineages:
                self._each(uow, lineage, running, round_, attempt)
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
        round_: SweepRun,
        attempt: Attempt,
    ) -> None:
        try:
            with attempt(uow):
                present = uow.session.get_one(Certificate, lineage.current_certificate_id)
                if present.id in running:
                    lineage.renew_at, lineage.needs_replan = None, False
                    uow.session.add(lineage)
                elif _is_time(uow, lineage, present, round_):
                    self._begin(uow, lineage, present)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            if attempt is _together:
                raise
            _note(uow, lineage, error)

    def _begin(self, uow: UnitOfWork, lineage: Lineage, present: Certificate) -> None:
        content = renewal_content(uow.session, present, None, False)
        row = accept(
            uow,
            present.application_id,
            renewal_profile(uow.session, present),
            content,
            dict(present.attributes),
            origin=RequestOrigin.RENEWAL,
            renews=present,
            requester_id=_requester(uow, present),
            start=False,
        )
        lineage.renew_at = None
        uow.session.add(lineage)
        if row.status == "pending_approval":
            enqueue_issuance(uow, row)
        elif not self._issuance.issue(uow, row, present):
            enqueue_issuance(uow, row)  # ordered at a remote signer, which its workflow polls


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


def _is_time(uow: UnitOfWork, lineage: Lineage, present: Certificate, round_: SweepRun) -> bool:
    plan(uow, lineage, present)  # what the rule says may have changed since, and a window may have closed
    if lineage.renew_at is None or lineage.renew_at > uow.now:
        return False
    rule = rule_of(uow, lineage, present)
    authority = _rated(uow, present)
    return rule is not None and (
        authority is None or _has_turn(uow, lineage, present, rule, authority, round_)
    )


def _rated(uow: UnitOfWork, present: Certificate) -> CertificateAuthority | None:
    """The authority that would sign, if it must not be asked too often; held."""
    profile = uow.session.get_one(CertificateProfile, present.profile_id)
    if profile.ca_id is None:
        return None
    if uow.session.get_one(CertificateAuthority, profile.ca_id).renewals_per_minute is None:
        return None
    held = select(CertificateAuthority).where(CertificateAuthority.id == profile.ca_id)
    return uow.session.exec(locked(held)).one()


def _has_turn(
    uow: UnitOfWork,
    lineage: Lineage,
    present: Certificate,
    rule: RenewalRule,
    authority: CertificateAuthority,
    round_: SweepRun,
) -> bool:
    """Whether this renewal took its turn in this round; else it takes it now, or the next place in the row.

    Places are evenly spaced. One that was missed is lost, and the next one at the end of the row is taken: what
    waited while nothing ran would come all at once.
    """
    kept = dict(lineage.renewal_state or {})
    if kept.pop("turn", None) == round_.ident:
        lineage.renewal_state = kept
        return True
    held = kept.pop("slot", None)
    slot = datetime.fromisoformat(held) if held else None
    if slot is None or uow.now - slot > TAKEN_WITHIN:
        slot = max(uow.now, authority.next_slot_at or uow.now)
        if not rule.open_at(
            slot
        ):  # a place that cannot be used is left to others; the row itself spreads them
            lineage.renewal_state, lineage.renew_at = kept, rule.opens(slot, life_of(present).last)
            uow.session.add(lineage)
            return False
        authority.next_slot_at = slot + SPACED_OVER / (authority.renewals_per_minute or 1)
        uow.session.add(authority)
    if slot > uow.now:
        lineage.renewal_state, lineage.renew_at = {**kept, "slot": slot.isoformat()}, slot
    else:
        lineage.renewal_state = {**kept, "turn": round_.ident}
        round_.turns.add(lineage.id)
    uow.session.add(lineage)
    return False


def _note(uow: UnitOfWork, lineage: Lineage, error: Exception) -> None:
    """Have it tried again later, and told of; what cannot even be told of is left alone for a while."""
    try:
        with uow.attempt():
            present = uow.session.get_one(Certificate, lineage.current_certificate_id)
            note_failure(uow, present, **_said(error))
    except (OperationalError, InterfaceError):
        raise
    except Exception as another:
        log.error("lineage %s: %s at %s", lineage.id, type(another).__name__, place(another))
        lineage.renew_at = uow.now + LONGEST_WAIT
        uow.session.add(lineage)


def _said(error: Exception) -> dict[str, str]:
    if isinstance(error, CertrailError):
        return {"reason": error.detail, "kind": error.kind}
    what = f"{type(error).__name__} at {place(error)}"
    log.error("a certificate could not be renewed: %s", what)
    if isinstance(error, KeyringError):
        reason = "a key that is needed to renew it cannot be opened: have the keyring hold what sealed it"
        return {"reason": f"{reason}. {error}", "kind": "keyring"}
    reason = f"certrail could not do its part ({what})"
    return {
        "reason": f"{reason}: look at what it is made from, and at the worker's log",
        "kind": "engine-failure",
    }


def _requester(uow: UnitOfWork, present: Certificate) -> str:
    """Whoever asked for the certificate asks for the next one; what nobody asked for here, certrail asks for."""
    asked = uow.session.get(CertificateRequest, present.request_id) if present.request_id else None
    return asked.requester_id if asked else _itself(uow).id


def _itself(uow: UnitOfWork) -> Principal:
    session: Session = uow.session
    known = session.exec(select(Principal).where(Principal.slug == ITSELF)).first()
    if known is None:
        known = Principal(
            id=uow.new_id(),
            created_at=uow.now,
            kind="machine",
            slug=ITSELF,
            name="certrail",
            active=False,
        )
        session.add(known)
    return known
