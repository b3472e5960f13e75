"""Renews what is due, in chunks: one transaction for many certificates that need nobody's yes."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.checkpoints import checkpoint
from certrail.domain.errors import CertrailError
from certrail.persistence.database import locked, remembering
from certrail.persistence.tables import (
    Certificate,
    CertificateAuthority,
    CertificateProfile,
    CertificateRequest,
    Lineage,
    Principal,
)
from certrail.services.acceptance import accept
from certrail.services.actor import SYSTEM
from certrail.services.issuance import Issuance
from certrail.services.kernel import Change, Kernel
from certrail.services.renewal_plans import note_failure, plan, running_renewals
from certrail.services.renewals import renewal_content, renewal_profile
from certrail.services.request_state import enqueue_issuance

CHUNK = 100
MINUTE, LATENESS = timedelta(minutes=1), timedelta(seconds=20)
"""A place in an authority's row may be taken so late; the row is spaced so that no minute holds too many even then."""
Attempt = Callable[[Change], AbstractContextManager[None]]


class RenewalSweep:
    """Any number may run at once: each takes rows that no other holds. One that dies has done nothing it lost."""

    def __init__(self, kernel: Kernel, issuance: Issuance) -> None:
        self._kernel = kernel
        self._issuance = issuance

    def run(self, limit: int = CHUNK) -> int:
        """Take one chunk of what is due; returns how many lineages were looked at, 0 when nothing is due."""
        try:
            return self._chunk(limit, _together)
        except CertrailError:
            # One of them cannot be renewed, and took the others with it: now each stands for itself.
            return self._chunk(limit, Change.attempt)

    def _chunk(self, limit: int, attempt: Attempt) -> int:
        with self._kernel.change(SYSTEM) as change, remembering(change.session):
            due = locked(_due(change.now, limit), skip_locked=True)
            lineages = change.session.exec(due).all()
            running = _load(change.session, lineages)
            for lineage in lineages:
                present = change.session.get_one(Certificate, lineage.current_certificate_id)
                if present.id in running:
                    lineage.renew_at = None
                    change.session.add(lineage)
                elif self._is_time(change, lineage, present):
                    self._renew(change, lineage, present, attempt)
            checkpoint("renewals.renewed")
        checkpoint("renewals.committed")
        return len(lineages)

    def _is_time(self, change: Change, lineage: Lineage, present: Certificate) -> bool:
        if present.status != "active":
            plan(change, lineage, present)
            return False
        kept = lineage.renewal or {}
        tried, ended = bool(kept.get("failures")), present.not_after <= change.now
        if tried and ended:
            note_failure(change, present, "it ended before a renewal succeeded")
            return False
        # One that ended while nobody looked is renewed all the same: its service waits for it.
        if not (tried or ended or kept.get("slot")):
            plan(change, lineage, present)  # what the rule says may have changed since
            if lineage.renew_at is None or lineage.renew_at > change.now:
                return False
        if (slot := _slot(change, present)) > change.now:
            lineage.renew_at = slot
            change.session.add(lineage)
            return False
        return True

    def _renew(self, change: Change, lineage: Lineage, present: Certificate, attempt: Attempt) -> None:
        try:
            with attempt(change):
                self._begin(change, lineage, present)
        except CertrailError as refusal:
            if attempt is _together:
                raise
            note_failure(change, present, refusal.detail, kind=refusal.kind)

    def _begin(self, change: Change, lineage: Lineage, present: Certificate) -> None:
        content = renewal_content(change.session, present, None, False)
        row = accept(
            change,
            present.application_id,
            renewal_profile(change.session, present),
            content,
            dict(present.attributes),
            renews=present,
            requester_id=_requester(change, present),
            start=False,
        )
        lineage.renew_at = None
        change.session.add(lineage)
        if row.status == "pending_approval":
            enqueue_issuance(change, row.id)
        else:
            self._issuance.issue(change, row, present)


def _together(_change: Change) -> AbstractContextManager[None]:
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


def _slot(change: Change, present: Certificate) -> datetime:
    """When the authority has room for this renewal: each takes the next place in a row that is evenly spaced.

    A place that was missed is lost, and the next one at the end of the row is taken: what waited while nothing ran
    would come all at once.
    """
    profile = change.session.get_one(CertificateProfile, present.profile_id)
    if profile.ca_id is None:
        return change.now
    authority = change.session.get_one(CertificateAuthority, profile.ca_id)
    if authority.renewals_per_minute is None:
        return change.now
    held = select(CertificateAuthority).where(CertificateAuthority.id == authority.id)
    authority = change.session.exec(locked(held)).one()
    lineage = change.session.get_one(Lineage, present.lineage_id)
    kept = dict(lineage.renewal or {})
    if held := kept.pop("slot", None):
        lineage.renewal = kept
        if change.now - datetime.fromisoformat(held) <= LATENESS:
            return change.now
    slot = max(change.now, authority.next_slot_at or change.now)
    authority.next_slot_at = slot + (MINUTE + LATENESS) / (authority.renewals_per_minute or 1)
    change.session.add(authority)
    if slot > change.now:
        lineage.renewal = {**kept, "slot": slot.isoformat()}
    return slot


def _requester(change: Change, present: Certificate) -> str:
    """Whoever asked for the certificate asks for the next one; what nobody asked for here, certrail asks for."""
    asked = change.session.get(CertificateRequest, present.request_id) if present.request_id else None
    return asked.requester_id if asked else _itself(change).id


def _itself(change: Change) -> Principal:
    session: Session = change.session
    known = session.exec(select(Principal).where(Principal.slug == "certrail")).first()
    if known is None:
        known = Principal(
            id=change.new_id(),
            created_at=change.now,
            kind="machine",
            slug="certrail",
            name="certrail",
            active=False,
        )
        session.add(known)
    return known
