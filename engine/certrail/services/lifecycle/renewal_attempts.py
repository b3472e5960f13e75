"""One automatic renewal: the request for the next certificate, signed at once where nobody has to approve it."""

import logging
from datetime import datetime

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session, select

from certrail.crypto.keyring import KeyringError
from certrail.domain.enrollment import RequestOrigin
from certrail.domain.errors import CertrailError
from certrail.domain.renewal import LONGEST_WAIT, RenewalWait
from certrail.domain.states import RequestStatus
from certrail.persistence.tables import Certificate, CertificateRequest, Lineage, Principal
from certrail.services.core.failure import place
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.inventory.renewal_schedule import note_failure
from certrail.services.issuance.acceptance import accept
from certrail.services.issuance.issuance import Issuance
from certrail.services.lifecycle.renewals import renewal_content, renewal_profile

log = logging.getLogger(__name__)

ITSELF = ":certrail"
"""No slug that anybody could choose: whoever had it would be given the keys of what certrail asks for."""


def attempt_renewal(
    uow: UnitOfWork, issuance: Issuance, lineage: Lineage, present: Certificate
) -> CertificateRequest:
    """Ask for the next certificate, and sign it unless it waits for an approval; the lineage's row is locked.

    Returns:
        The request: `issued`, else `pending_approval` or `issuing` at a remote signer, to be carried by a round.

    Raises:
        CertrailError: it cannot be renewed now.
    """
    row, _ = accept(
        uow,
        present.application_id,
        renewal_profile(uow.session, present),
        renewal_content(uow.session, present, None, False),
        dict(present.attributes),
        origin=RequestOrigin.RENEWAL,
        renews=present,
        requester_id=_requester(uow, present),
        start=False,
    )
    lineage.renew_at = None
    uow.session.add(lineage)
    if row.status != RequestStatus.PENDING_APPROVAL:
        issuance.issue(uow, row, present)
    return row


def wait_of(request: CertificateRequest, now: datetime) -> tuple[RenewalWait, datetime | None]:
    """What the round of a request that is not issued waits for, and when it looks again."""
    if request.status == RequestStatus.PENDING_APPROVAL:
        return RenewalWait.APPROVAL, None
    return RenewalWait.AUTHORITY, now


def record_failure(uow: UnitOfWork, lineage: Lineage, error: Exception, *, signal: bool = True) -> None:
    """Have a round wait for the next attempt; what cannot even be recorded is left alone for a while."""
    try:
        with uow.attempt():
            present = uow.session.get_one(Certificate, lineage.current_certificate_id)
            note_failure(uow, present, signal=signal, **_explained(error))
    except (OperationalError, InterfaceError):
        raise
    except Exception as another:
        log.error("lineage %s: %s at %s", lineage.id, type(another).__name__, place(another))
        give_back(uow, lineage)


def give_back(uow: UnitOfWork, lineage: Lineage) -> None:
    """Close the round without its workflow: the sweep tries again later."""
    lineage.renewal_wait = lineage.renewal_wakes_at = None
    lineage.renew_at = uow.now + LONGEST_WAIT
    uow.session.add(lineage)


def _explained(error: Exception) -> dict[str, str]:
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
