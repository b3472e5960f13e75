"""The steps of a validation workflow. Any may run twice: the state of the challenge under its lock decides."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, select

from certrail.checkpoints import checkpoint
from certrail.domain.acme import AuthorizationStatus, ChallengeStatus, IdentifierType, OrderStatus
from certrail.domain.enrollment import AcmeSettings, ChallengeType, EnrollmentMethod
from certrail.domain.errors import NotFound
from certrail.domain.events.acme import AcmeChallengeFailed, AcmeChallengeValidated
from certrail.domain.states import WAITING
from certrail.persistence.database import locked
from certrail.persistence.tables import AcmeAccount, AcmeAuthorization, AcmeChallenge, AcmeOrder
from certrail.services.catalog.enrollment import enrollments
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.enrollment.acme.authorizations import invalidate
from certrail.services.enrollment.acme.orders import lock_order
from certrail.services.enrollment.validation.checks import check
from certrail.services.enrollment.validation.outcome import CheckFailed, Probe, Shown

WAITS = (timedelta(seconds=2), timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20))
"""After each failed check but the last one: records and files take a while to be served everywhere."""


@dataclass(frozen=True)
class ValidationAdvance:
    """The result of a step.

    Attributes:
        status: ``waiting``, or the final status of the challenge.
        wake_at: while waiting, when to check again.
    """

    status: str
    wake_at: datetime | None = None


@dataclass(frozen=True)
class _Held:
    challenge: AcmeChallenge
    authorization: AcmeAuthorization
    order: AcmeOrder


class AcmeValidation:
    """Called again and again by the workflow. The check itself runs between two transactions, so that no lock waits."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def begin(self, challenge_id: str) -> Probe | ValidationAdvance:
        """What to check now, or that there is nothing to check any more."""
        checkpoint("validation.begin")
        with self._context.db.read() as session:
            challenge = session.get(AcmeChallenge, challenge_id)
            if challenge is None:
                return ValidationAdvance(ChallengeStatus.INVALID)  # its Application was deleted
            if challenge.status != ChallengeStatus.PROCESSING:
                return ValidationAdvance(challenge.status)
            if challenge.next_try_at is not None and challenge.next_try_at > self._context.clock():
                return ValidationAdvance(WAITING, challenge.next_try_at)
            return _probe(session, challenge, self._context.clock())

    async def check(self, probe: Probe) -> Shown | CheckFailed:
        """Check once, over the network; within `CHECK_SECONDS`."""
        outcome = await check(probe)
        checkpoint("validation.checked")
        return outcome

    def record(self, challenge_id: str, outcome: Shown | CheckFailed) -> ValidationAdvance:
        """Record how a check ended: the challenge, its authorization and its order change together."""
        with self._context.unit_of_work(SYSTEM) as uow:
            held = _lock(uow, challenge_id)
            challenge = held.challenge
            if challenge.status != ChallengeStatus.PROCESSING:
                return ValidationAdvance(challenge.status)
            challenge.attempts += 1
            uow.session.add(challenge)
            if isinstance(outcome, Shown):
                _succeed(uow, held, outcome)
            elif challenge.attempts <= len(WAITS):
                challenge.error = {"type": outcome.kind, "detail": outcome.detail}
                challenge.next_try_at = uow.now + WAITS[challenge.attempts - 1]
                return ValidationAdvance(WAITING, challenge.next_try_at)
            else:
                _fail(uow, held, outcome)
        checkpoint("validation.committed")
        return ValidationAdvance(challenge.status)

    def fail(self, challenge_id: str, reason: str) -> None:
        """Give up on a challenge that certrail itself could not validate."""
        with self._context.unit_of_work(SYSTEM) as uow:
            held = _lock(uow, challenge_id)
            if held.challenge.status == ChallengeStatus.PROCESSING:
                _fail(uow, held, CheckFailed("serverInternal", reason))


def _probe(session: Session, challenge: AcmeChallenge, now: datetime) -> Probe:
    authorization = session.get_one(AcmeAuthorization, challenge.authorization_id)
    account = session.get_one(AcmeAccount, authorization.account_id)
    rows = enrollments(session, account.application_id, account.profile_id)
    settings = next((row.settings for row in rows if row.method == EnrollmentMethod.ACME), {})
    return Probe(
        ChallengeType(challenge.type),
        IdentifierType(authorization.type),
        authorization.value,
        challenge.token,
        account.thumbprint,
        AcmeSettings.model_validate(settings),
        authorization.wildcard,
        challenge.account_url or "",
        tuple(account.past_thumbprints),
        now,
    )


def _lock(uow: UnitOfWork, challenge_id: str) -> _Held:
    """A challenge, its authorization and its order; the order is locked first, as by those who answer a challenge."""
    known = uow.session.get(AcmeChallenge, challenge_id)
    if known is None:
        raise NotFound("challenge")
    authorization = uow.session.get_one(AcmeAuthorization, known.authorization_id)
    order = lock_order(uow.session, authorization.order_id)
    query = select(AcmeChallenge).where(AcmeChallenge.id == challenge_id)
    challenge = uow.session.exec(locked(query)).one()
    authorization = uow.session.get_one(AcmeAuthorization, authorization.id, populate_existing=True)
    return _Held(challenge, authorization, order)


def _succeed(uow: UnitOfWork, held: _Held, shown: Shown) -> None:
    challenge, authorization, order = held.challenge, held.authorization, held.order
    challenge.status, challenge.validated_at = ChallengeStatus.VALID, uow.now
    challenge.error = challenge.next_try_at = None
    if authorization.status == AuthorizationStatus.PENDING:
        authorization.status = AuthorizationStatus.VALID
    if shown.until is not None:
        # Nothing is issued by a proof that has ended (draft-ietf-acme-dns-persist-02 section 4.1).
        authorization.expires_at = min(authorization.expires_at, shown.until)
        order.expires_at = min(order.expires_at, shown.until)
        uow.session.add(order)
    uow.session.add(authorization)
    uow.session.flush()
    others = select(AcmeAuthorization.status).where(AcmeAuthorization.order_id == order.id)
    if order.status == OrderStatus.PENDING and set(uow.session.exec(others)) == {AuthorizationStatus.VALID}:
        order.status = OrderStatus.READY
        uow.session.add(order)
    uow.record(
        AcmeChallengeValidated(
            order.id,
            order.application_id,
            identifier=authorization.value,
            challenge=challenge.type,
            attempts=challenge.attempts,
        )
    )


def _fail(uow: UnitOfWork, held: _Held, failure: CheckFailed) -> None:
    challenge, authorization, order = held.challenge, held.authorization, held.order
    challenge.status, challenge.next_try_at = ChallengeStatus.INVALID, None
    challenge.error = {"type": failure.kind, "detail": failure.detail}
    if failure.kind != "serverInternal":
        challenge.failed_at = uow.now
    if authorization.status == AuthorizationStatus.PENDING:
        authorization.status = AuthorizationStatus.INVALID
        invalidate(uow.session, order, failure.kind, f"{authorization.value}: {failure.detail}")
    for row in (challenge, authorization):
        uow.session.add(row)
    uow.record(
        AcmeChallengeFailed(
            order.id,
            order.application_id,
            identifier=authorization.value,
            challenge=challenge.type,
            problem=failure.kind,
            detail=failure.detail,
        )
    )
