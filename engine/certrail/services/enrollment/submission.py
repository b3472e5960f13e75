"""A message becomes a certificate request, once, and is issued at once where nothing has to be waited for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from certrail.domain.errors import Conflict
from certrail.domain.states import RequestStatus
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.enrollment.exchanges import (
    CameTwice,
    Exchanges,
    Outcome,
    find_exchange,
    keep_exchange,
)
from certrail.services.enrollment.requests import ProtocolRequest, accept_request, accepting
from certrail.services.issuance.state import enqueue_issuance
from certrail.services.issuance.synchronous import issue_approved

LOOKS = 3


@dataclass(frozen=True)
class Submission:
    """What a client sent, authenticated.

    Attributes:
        key: of the exchange.
        read: the request; called only where there is none yet.
        wait: after which the client comes again while an approval is open.
        renews: id of the certificate to supersede.
        transaction: see `EnrollmentExchange`.
        signer_key: see `EnrollmentExchange`.
        on_accepted: what else belongs to the transaction, called with the request's id.
    """

    enrollment_id: str
    key: str
    read: Callable[[], ProtocolRequest]
    wait: timedelta
    renews: str | None = None
    transaction: str | None = None
    signer_key: str | None = None
    on_accepted: Callable[[UnitOfWork, str], None] | None = None


def submit(context: ServiceContext, exchanges: Exchanges, actor: Actor, given: Submission) -> Outcome:
    """The outcome of the message's request, which is accepted where there is none.

    Raises:
        CertrailError: it cannot be read, is denied, was decided against, or cannot be accepted now.
    """
    for _ in range(LOOKS):
        found = exchanges.outcome(actor, given.enrollment_id, given.key, given.wait)
        if found is not None:
            return found
        try:
            _accept(context, actor, given)
        except CameTwice:
            continue
    found = exchanges.outcome(actor, given.enrollment_id, given.key, given.wait)
    if found is None:
        raise Conflict(
            "The request failed as soon as it was accepted; the audit log has the reason.", kind="failed"
        )
    return found


def _accept(context: ServiceContext, actor: Actor, given: Submission) -> None:
    with context.db.read() as session:
        known = find_exchange(session, given.enrollment_id, given.key)
        ended = known.request_id if known else None
    request = given.read()
    with accepting(context, actor, request) as uow:
        accepted = accept_request(uow, request, joins=given.renews, start=False)
        row = accepted.request
        keep_exchange(
            uow,
            given.enrollment_id,
            given.key,
            row.id,
            ended=ended,
            transaction=given.transaction,
            signer_key=given.signer_key,
        )
        if given.on_accepted is not None:
            given.on_accepted(uow, row.id)
        issue_approved(uow, row)
        if row.status != RequestStatus.ISSUED:
            enqueue_issuance(uow, row)
