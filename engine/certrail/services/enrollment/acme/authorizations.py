"""Authorizations and challenges (RFC 8555 section 7.5): read, answered, deactivated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from certrail.domain.acme import AcmeProblem, AuthorizationStatus, ChallengeStatus, OrderStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import AcmeAccount, AcmeAuthorization, AcmeChallenge, AcmeOrder
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.enrollment.acme.accounts import AcmeAccounts
from certrail.services.enrollment.acme.orders import lock_order

POLL_SECONDS = 1
"""Retry-After of a challenge that is being validated."""


@dataclass(frozen=True)
class AuthorizationView:
    """An authorization as it is now, with its challenges."""

    row: AcmeAuthorization
    status: AuthorizationStatus
    challenges: Sequence[AcmeChallenge]

    @property
    def processing(self) -> bool:
        """Whether one of its challenges is being validated."""
        return any(each.status == ChallengeStatus.PROCESSING for each in self.challenges)


class AcmeAuthorizations:
    """Authorizations of one account are seen by that account only."""

    def __init__(self, context: ServiceContext, accounts: AcmeAccounts) -> None:
        self._context = context
        self._accounts = accounts

    def get(self, account: AcmeAccount, authorization_id: str) -> AuthorizationView:
        """One authorization. Raises AcmeProblem (404)."""
        with self._context.db.read() as session:
            return _view(session, _own(session, account, authorization_id), self._context.clock())

    def challenge(self, account: AcmeAccount, challenge_id: str) -> tuple[AcmeChallenge, AuthorizationView]:
        """One challenge with its authorization. Raises AcmeProblem (404)."""
        with self._context.db.read() as session:
            found = session.get(AcmeChallenge, challenge_id)
            if found is None:
                raise AcmeProblem("malformed", "There is no such challenge.", status=404)
            view = _view(session, _own(session, account, found.authorization_id), self._context.clock())
            return found, view

    def answer(
        self, account: AcmeAccount, challenge_id: str, account_url: str, request_id: str | None = None
    ) -> tuple[AcmeChallenge, AuthorizationView]:
        """Have a challenge validated; a repeated call changes nothing.

        Args:
            account_url: as the client knows it: some challenges have it in DNS.

        Raises:
            AcmeProblem: there is no such challenge, or its authorization is not pending any more.
        """
        found, view = self.challenge(account, challenge_id)
        if found.status != ChallengeStatus.PENDING:
            return found, view
        with self._context.unit_of_work(self._accounts.actor(account, request_id)) as uow:
            lock_order(uow.session, view.row.order_id)
            query = select(AcmeChallenge).where(AcmeChallenge.id == challenge_id)
            row = uow.session.exec(locked(query)).one()
            present = _view(uow.session, uow.session.get_one(AcmeAuthorization, view.row.id), uow.now)
            if row.status == ChallengeStatus.PENDING:
                if present.status is not AuthorizationStatus.PENDING:
                    raise AcmeProblem("malformed", f"The authorization is {present.status}.")
                row.status, row.next_try_at = ChallengeStatus.PROCESSING, uow.now
                row.account_url = account_url
                uow.session.add(row)
                uow.enqueue(workflow_of(row, present.row))
        return row, present

    def deactivate(
        self, account: AcmeAccount, authorization_id: str, request_id: str | None = None
    ) -> AuthorizationView:
        """Give an authorization up (RFC 8555 section 7.5.2); an order that is not finalized becomes invalid."""
        row = self.get(account, authorization_id).row
        with self._context.unit_of_work(self._accounts.actor(account, request_id)) as uow:
            order = lock_order(uow.session, row.order_id)
            held = uow.session.get_one(AcmeAuthorization, row.id, populate_existing=True)
            held.status = AuthorizationStatus.DEACTIVATED
            uow.session.add(held)
            invalidate(
                uow.session, order, "unauthorized", f"The authorization for {held.value} is deactivated."
            )
            return _view(uow.session, held, uow.now)


def invalidate(session: Session, order: AcmeOrder, kind: str, detail: str) -> None:
    """Make an order invalid that has no request yet; the caller holds it."""
    if order.request_id is None and order.status != OrderStatus.INVALID:
        order.status, order.error = OrderStatus.INVALID, {"type": kind, "detail": detail}
        session.add(order)


def workflow_of(challenge: AcmeChallenge, authorization: AcmeAuthorization) -> WorkflowStart:
    """The workflow that validates a challenge."""
    return WorkflowStart(
        flow="validation",
        workflow_id=f"validation-{challenge.id}",
        subject_id=challenge.id,
        summary=f"Validate {authorization.value} by {challenge.type}",
    )


def _own(session: Session, account: AcmeAccount, authorization_id: str) -> AcmeAuthorization:
    row = session.get(AcmeAuthorization, authorization_id)
    if row is None or row.account_id != account.id:
        raise AcmeProblem("malformed", "There is no such authorization.", status=404)
    return row


def _view(session: Session, row: AcmeAuthorization, now: datetime) -> AuthorizationView:
    query = select(AcmeChallenge).where(AcmeChallenge.authorization_id == row.id)
    challenges = session.exec(query.order_by(col(AcmeChallenge.type))).all()
    status = AuthorizationStatus(row.status)
    if status in (AuthorizationStatus.PENDING, AuthorizationStatus.VALID) and row.expires_at <= now:
        status = AuthorizationStatus.EXPIRED
    return AuthorizationView(row, status, challenges)
