"""Orders (RFC 8555 section 7.4): created with their authorizations; their status follows from their request."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from certrail.domain.acme import (
    AccountStatus,
    AcmeProblem,
    AuthorizationStatus,
    Identifier,
    IdentifierType,
    OrderStatus,
    Subproblem,
    challenges_for,
    names_key,
)
from certrail.domain.content import KeyAlgorithm, KeyUsage, RequestContent
from certrail.domain.errors import CertrailError, PolicyViolation
from certrail.domain.events.acme import AcmeOrderCreated
from certrail.domain.policy import PolicyRules
from certrail.domain.states import ApprovalStatus, RequestStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    AcmeAccount,
    AcmeAuthorization,
    AcmeChallenge,
    AcmeOrder,
    AcmeOrderApproval,
    CertificatePolicy,
    CertificateRequest,
)
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.enrollment.acme.accounts import HOUR, AcmeAccounts, lock_account
from certrail.services.enrollment.acme.order_approvals import approval_for_order
from certrail.services.enrollment.acme.order_subject import possible_content
from certrail.services.enrollment.acme.scope import AcmeScope
from certrail.services.issuance.requests import content_for
from certrail.services.issuance.state import UNSUCCESSFUL, evaluate_policy

LIFETIME = timedelta(days=7)
"""Of an order and its authorizations: an approval may take days."""
POLL_SECONDS = 1
"""Retry-After of an order whose certificate is being issued."""
APPROVAL_POLL_SECONDS = 15
"""The same while its request waits for people."""
MOST_LISTED = 200
"""Orders of an account that are listed, newest first."""


@dataclass(frozen=True)
class OrderView:
    """An order as it is now.

    Attributes:
        certificate_id: of the issued one.
        error: the problem of an invalid order: `type` without the URN, and `detail`.
        retry_after: seconds; while it is processing.
    """

    row: AcmeOrder
    status: OrderStatus
    authorization_ids: Sequence[str]
    certificate_id: str | None = None
    error: dict[str, Any] | None = None
    retry_after: int | None = None


class AcmeOrders:
    """Orders of one account are seen by that account only."""

    def __init__(self, context: ServiceContext, accounts: AcmeAccounts) -> None:
        self._context = context
        self._accounts = accounts

    def create(
        self,
        scope: AcmeScope,
        account: AcmeAccount,
        identifiers: Sequence[Identifier],
        *,
        replaces: str | None = None,
        replaces_id: str | None = None,
        request_id: str | None = None,
    ) -> OrderView:
        """Create an order with its authorizations, which are valid at once where the enrollment is pre-authorised.

        Args:
            replaces: the certificate to replace as the client named it, and `replaces_id` its id.

        Raises:
            AcmeProblem: the certificate policy denies names, no challenge fits one of them, the account has too many
                orders, or it was deactivated meanwhile.
        """
        offered = {each: challenges_for(each, scope.settings.challenges) for each in identifiers}
        if not scope.settings.preauthorized:
            _refuse_unshowable(offered)
        actor = self._accounts.actor(account, request_id)
        with self._context.unit_of_work(actor) as uow:
            # Held, so that two orders at the same time are counted one after the other.
            if lock_account(uow.session, account.id).status != AccountStatus.VALID:
                raise AcmeProblem("unauthorized", "The account is deactivated.", status=403)
            _refuse_many(uow, scope, account)
            _refuse_failing(uow, scope, account, identifiers)
            content = permitted_content(uow, scope, identifiers)
            waits = approval_for_order(
                uow, account, names_key(identifiers), content_to_approve(scope, content)
            )
            ready = scope.settings.preauthorized
            row = AcmeOrder(
                id=uow.new_id(),
                created_at=uow.now,
                application_id=scope.application_id,
                account_id=account.id,
                status=OrderStatus.READY if ready else OrderStatus.PENDING,
                expires_at=uow.now + LIFETIME,
                ends_at=uow.now + LIFETIME,
                identifiers=[each.document() for each in identifiers],
                names=names_key(identifiers),
                order_approval_id=waits.id if waits else None,
                replaces=replaces,
                replaces_id=replaces_id,
            )
            uow.session.add(row)
            uow.session.flush()
            ids = [_authorize(uow, row, each, kinds, valid=ready) for each, kinds in offered.items()]
            uow.record(
                AcmeOrderCreated(
                    row.id,
                    row.application_id,
                    account=account.id,
                    profile=scope.profile.slug,
                    identifiers=[each.value for each in identifiers],
                    replaces=replaces_id,
                )
            )
        return OrderView(row, OrderStatus(row.status), ids)

    def get(self, account: AcmeAccount, order_id: str) -> OrderView:
        """One order of the account. Raises AcmeProblem (404)."""
        with self._context.db.read() as session:
            row = session.get(AcmeOrder, order_id)
            if row is None or row.account_id != account.id:
                raise AcmeProblem("malformed", "There is no such order.", status=404)
            return view_of(session, row, self._context.clock())

    def list(self, account: AcmeAccount) -> Sequence[str]:
        """Ids of the newest orders of the account that are not invalid."""
        query = select(AcmeOrder.id).where(
            AcmeOrder.account_id == account.id, AcmeOrder.status != OrderStatus.INVALID
        )
        with self._context.db.read() as session:
            return session.exec(query.order_by(col(AcmeOrder.created_at).desc()).limit(MOST_LISTED)).all()


def view_of(session: Session, row: AcmeOrder, now: datetime) -> OrderView:
    """An order with what follows from its request and from the time."""
    query = select(AcmeAuthorization.id).where(AcmeAuthorization.order_id == row.id)
    ids = session.exec(query.order_by(col(AcmeAuthorization.id))).all()
    if row.status == OrderStatus.INVALID:
        return OrderView(row, OrderStatus.INVALID, ids, error=row.error)
    if row.request_id is None:
        if row.expires_at <= now:
            error = {"type": "malformed", "detail": "The order has expired."}
            return OrderView(row, OrderStatus.INVALID, ids, error=error)
        return _unrequested(session, row, ids)
    request = session.get_one(CertificateRequest, row.request_id)
    if request.status == RequestStatus.ISSUED:
        return OrderView(row, OrderStatus.VALID, ids, certificate_id=request.certificate_id)
    if request.status in UNSUCCESSFUL:
        kind = "serverInternal" if request.status == RequestStatus.FAILED else "unauthorized"
        detail = f"The request is {request.status}" + (f": {request.reason}" if request.reason else ".")
        return OrderView(row, OrderStatus.INVALID, ids, error={"type": kind, "detail": detail})
    waits = request.status == RequestStatus.PENDING_APPROVAL
    seconds = APPROVAL_POLL_SECONDS if waits else POLL_SECONDS
    return OrderView(row, OrderStatus.PROCESSING, ids, retry_after=seconds)


def _unrequested(session: Session, row: AcmeOrder, ids: Sequence[str]) -> OrderView:
    """An order without a request: it is as it is stored, unless its approval came to nothing."""
    waits = session.get(AcmeOrderApproval, row.order_approval_id) if row.order_approval_id else None
    if waits is not None and waits.status not in (ApprovalStatus.OPEN, ApprovalStatus.APPROVED):
        error = {"type": "unauthorized", "detail": f"The approval of this order is {waits.status}."}
        return OrderView(row, OrderStatus.INVALID, ids, error=error)
    seconds = APPROVAL_POLL_SECONDS if row.status == OrderStatus.PROCESSING else None
    return OrderView(row, OrderStatus(row.status), ids, retry_after=seconds)


def lock_order(session: Session, order_id: str) -> AcmeOrder:
    """The row, held until the transaction ends. Raises AcmeProblem (404)."""
    row = session.exec(locked(select(AcmeOrder).where(AcmeOrder.id == order_id))).first()
    if row is None:
        raise AcmeProblem("malformed", "There is no such order.", status=404)
    return row


def identifiers_in(row: AcmeOrder) -> list[Identifier]:
    """The identifiers of an order."""
    return [Identifier(IdentifierType(each["type"]), each["value"]) for each in row.identifiers]


def named_content(
    scope: AcmeScope, rules: PolicyRules, identifiers: Sequence[Identifier], key: KeyAlgorithm | None = None
) -> RequestContent:
    """What is signed for an order: its names, and the defaults of the profile.

    Args:
        key: of the CSR; before there is one, a kind of key that the certificate policy permits.
    """
    permitted = rules.key_algorithms or [KeyAlgorithm.EC_P256]
    names: dict[str, list[str]] = {"dns": [], "ip": []}
    for each in identifiers:
        names[each.type].append(each.value)
    return content_for({"sans": names, "key_algorithm": key or permitted[0]}, scope.profile, rules)


def content_to_approve(scope: AcmeScope, content: RequestContent) -> RequestContent:
    """What approvers of an order decide on: equal for every CSR that its order takes, and for every order of the names.

    Left out is what the CSR decides within its order: the key, which of the key usages it can do, and which of the
    names, if any, is the common name.
    """
    names = content.sans.model_copy(
        update={"dns": tuple(sorted(content.sans.dns)), "ip": tuple(sorted(content.sans.ip))}
    )
    return content.model_copy(
        update={
            "csr": None,
            "sans": names,
            "subject": content.subject.model_copy(update={"common_name": None}),
            "key_usages": tuple(map(KeyUsage, scope.profile.defaults.get("key_usages", content.key_usages))),
        }
    )


def permitted_content(uow: UnitOfWork, scope: AcmeScope, identifiers: Sequence[Identifier]) -> RequestContent:
    """What is signed for an order but for the key.

    What depends on the key, and the common name, is evaluated with the CSR.

    Raises:
        AcmeProblem: ``rejectedIdentifier`` for names that the certificate policy denies, one subproblem each.
    """
    policy = uow.session.get_one(CertificatePolicy, scope.profile.policy_id)
    rules = PolicyRules.model_validate(policy.rules)
    try:
        content = named_content(scope, rules, identifiers)
        evaluate_policy(uow.session, scope.profile, possible_content(content, rules), uow.now)
    except PolicyViolation as refusal:
        by_name = {each.value: each for each in identifiers}
        denied = [
            Subproblem(by_name[violation["offered"]], "rejectedIdentifier", f"{violation['message']}.")
            for violation in refusal.violations
            if violation["offered"] in by_name
        ]
        if denied:
            details = "; ".join(problem.detail for problem in denied[:5])
            raise AcmeProblem("rejectedIdentifier", details, subproblems=denied) from None
        raise AcmeProblem("rejectedIdentifier", refusal.detail) from None
    except CertrailError as refusal:
        raise AcmeProblem("rejectedIdentifier", refusal.detail) from None
    return content


def _refuse_unshowable(offered: dict[Identifier, list[Any]]) -> None:
    without = [
        Subproblem(
            each, "rejectedIdentifier", f"No challenge of this server can show control of {each.value}."
        )
        for each, kinds in offered.items()
        if not kinds
    ]
    if without:
        raise AcmeProblem("rejectedIdentifier", without[0].detail, subproblems=without)


def _refuse_many(uow: UnitOfWork, scope: AcmeScope, account: AcmeAccount) -> None:
    limit = scope.settings.orders_per_hour
    since = uow.now - HOUR
    recent = (AcmeOrder.account_id == account.id, col(AcmeOrder.created_at) > since)
    if uow.session.exec(select(func.count()).select_from(AcmeOrder).where(*recent)).one() < limit:
        return
    query = select(AcmeOrder.created_at).where(*recent).order_by(col(AcmeOrder.created_at).desc())
    frees_at = uow.session.exec(query.offset(limit - 1).limit(1)).one() + HOUR
    raise AcmeProblem(
        "rateLimited",
        f"An account has at most {limit} new orders an hour here.",
        status=429,
        retry_after=max(1, int((frees_at - uow.now).total_seconds()) + 1),
    )


def _refuse_failing(
    uow: UnitOfWork, scope: AcmeScope, account: AcmeAccount, identifiers: Sequence[Identifier]
) -> None:
    """Raise AcmeProblem (``rateLimited``) for names whose validation failed too often in the last hour."""
    limit = scope.settings.failed_validations_per_hour
    names = {each.base: each for each in identifiers}
    query = (
        select(AcmeAuthorization.value, AcmeChallenge.failed_at)
        .join(AcmeChallenge, col(AcmeChallenge.authorization_id) == col(AcmeAuthorization.id))
        .where(
            AcmeAuthorization.account_id == account.id,
            col(AcmeAuthorization.value).in_(names),
            col(AcmeChallenge.failed_at) > uow.now - HOUR,
        )
        .order_by(col(AcmeChallenge.failed_at).desc())
    )
    failed: dict[str, list[datetime]] = {}
    for name, failed_at in uow.session.exec(query).all():
        assert failed_at is not None
        failed.setdefault(name, []).append(failed_at)
    tried = {name: times for name, times in failed.items() if len(times) >= limit}
    if not tried:
        return
    frees_at = max(times[limit - 1] for times in tried.values()) + HOUR
    details = {
        name: f"The validation of {name} failed {len(times)} times in an hour."
        for name, times in tried.items()
    }
    raise AcmeProblem(
        "rateLimited",
        f"{next(iter(details.values()))} Correct what the challenges' errors say, and order again later.",
        status=429,
        subproblems=[Subproblem(names[name], "rateLimited", detail) for name, detail in details.items()],
        retry_after=max(1, int((frees_at - uow.now).total_seconds()) + 1),
    )


def _authorize(
    uow: UnitOfWork, order: AcmeOrder, identifier: Identifier, kinds: Sequence[str], *, valid: bool
) -> str:
    row = AcmeAuthorization(
        id=uow.new_id(),
        created_at=uow.now,
        order_id=order.id,
        account_id=order.account_id,
        type=identifier.type,
        value=identifier.base,
        wildcard=identifier.wildcard,
        status=AuthorizationStatus.VALID if valid else AuthorizationStatus.PENDING,
        expires_at=order.expires_at,
    )
    uow.session.add(row)
    uow.session.flush()
    for kind in () if valid else kinds:
        # 256 bits of entropy (RFC 8555 section 8.1 wants 128).
        token = secrets.token_urlsafe(32)
        uow.session.add(
            AcmeChallenge(
                id=uow.new_id(), created_at=uow.now, authorization_id=row.id, type=kind, token=token
            )
        )
    return row.id
