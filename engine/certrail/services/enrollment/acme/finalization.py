"""Finalization (RFC 8555 section 7.4): the CSR of a ready order becomes a certificate request, in its lineage."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlmodel import Session, col, select

from certrail.crypto import base64url
from certrail.domain.acme import AcmeProblem, Identifier, IdentifierType, OrderStatus
from certrail.domain.content import RequestContent, fitting_usages
from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.errors import BadInput, Conflict, PolicyViolation
from certrail.domain.policy import PolicyRules
from certrail.domain.states import ApprovalStatus, CertificateStatus
from certrail.persistence.tables import (
    AcmeAccount,
    AcmeOrder,
    AcmeOrderApproval,
    Certificate,
    CertificatePolicy,
    CertificateRequest,
    Lineage,
)
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.enrollment.acme.accounts import AcmeAccounts
from certrail.services.enrollment.acme.authorizations import invalidate
from certrail.services.enrollment.acme.order_approvals import (
    approval_for_order,
    lock_order_approval,
    usable_approval,
)
from certrail.services.enrollment.acme.orders import (
    OrderView,
    content_to_approve,
    identifiers_in,
    lock_order,
    named_content,
    view_of,
)
from certrail.services.enrollment.acme.scope import AcmeScope
from certrail.services.enrollment.requests import ProtocolRequest, accept_request, accepting, read_request
from certrail.services.inventory.renewal_schedule import running_renewal
from certrail.services.issuance.acceptance import refuse_unacceptable
from certrail.services.issuance.state import rules_of


class AcmeFinalization:
    """Through the same acceptance as a call of the API: policy, approvals, record and lineage are those."""

    def __init__(self, context: ServiceContext, accounts: AcmeAccounts) -> None:
        self._context = context
        self._accounts = accounts

    def finalize(
        self,
        scope: AcmeScope,
        account: AcmeAccount,
        order: AcmeOrder,
        csr: bytes,
        request_id: str | None = None,
    ) -> OrderView:
        """Accept the CSR; an order that was finalized before is answered as it is now.

        Args:
            csr: PKCS#10, DER.

        Raises:
            AcmeProblem: the order is not ready, the CSR is not for its identifiers, or the certificate policy denies
                it.
        """
        request = self._read(scope, order, csr)
        with (
            _as_problems(),
            accepting(self._context, self._accounts.actor(account, request_id), request) as uow,
        ):
            row = lock_order(uow.session, order.id)
            present = view_of(uow.session, row, uow.now)
            if row.request_id is not None or row.csr is not None:
                return present
            if present.status is not OrderStatus.READY:
                raise AcmeProblem("orderNotReady", f"The order is {present.status}.", status=403)
            return _accept(uow, scope, account, row, request, csr)

    def resume(
        self, scope: AcmeScope, account: AcmeAccount, view: OrderView, request_id: str | None = None
    ) -> OrderView:
        """Accept an order that waited for its approval, now that its client polls and the approval is given.

        An order whose CSR is denied by now becomes invalid: its client polls, and could not give another CSR.

        Raises:
            AcmeProblem: the authority cannot sign now, or no approval could ever succeed.
        """
        order = view.row
        if view.status is not OrderStatus.PROCESSING or order.request_id is not None or order.csr is None:
            return view
        if not self._is_approved(order):
            return view
        csr, actor = base64url.decode(order.csr), self._accounts.actor(account, request_id)
        try:
            request = self._read(scope, order, csr)
            with _as_problems(), accepting(self._context, actor, request) as uow:
                row = lock_order(uow.session, order.id)
                present = view_of(uow.session, row, uow.now)
                if row.request_id is not None or present.status is not OrderStatus.PROCESSING:
                    return present
                return _accept(uow, scope, account, row, request, csr)
        except AcmeProblem as refusal:
            if refusal.kind != "badCSR":
                raise
            with self._context.unit_of_work(actor) as uow:
                row = lock_order(uow.session, order.id)
                invalidate(uow.session, row, refusal.kind, refusal.detail)
                return view_of(uow.session, row, uow.now)

    def _is_approved(self, order: AcmeOrder) -> bool:
        with self._context.db.read() as session:
            waits = session.get(AcmeOrderApproval, order.order_approval_id or "")
        return waits is not None and waits.status == ApprovalStatus.APPROVED

    def _read(self, scope: AcmeScope, order: AcmeOrder, csr: bytes) -> ProtocolRequest:
        """The request of an order: names and key are the CSR's, everything else is the profile's."""
        try:
            read = read_request(
                self._context, EnrollmentMethod.ACME, scope.application_id, scope.profile.id, csr
            )
        except BadInput as refusal:
            raise AcmeProblem("badCSR", refusal.detail) from None
        except Conflict as refusal:
            raise AcmeProblem("unauthorized", refusal.detail, status=403) from None
        identifiers = identifiers_in(order)
        _refuse_other_names(read.content, identifiers)
        with self._context.db.read() as session:
            policy = session.get_one(CertificatePolicy, scope.profile.policy_id)
        rules, key = PolicyRules.model_validate(policy.rules), read.content.key_algorithm
        named = named_content(scope, rules, identifiers, key)
        subject = named.subject.model_copy(update={"common_name": read.content.subject.common_name})
        usages = tuple(fitting_usages(key, named.key_usages))
        content = named.model_copy(update={"subject": subject, "csr": read.content.csr, "key_usages": usages})
        return ProtocolRequest(read.method, read.application_id, read.profile, content)


@contextmanager
def _as_problems() -> Iterator[None]:
    """Refusals of the acceptance as ACME's problems."""
    try:
        yield
    except (PolicyViolation, BadInput) as refusal:
        raise AcmeProblem("badCSR", refusal.detail) from None
    except Conflict as refusal:
        raise AcmeProblem("unauthorized", refusal.detail, status=403) from None


def _accept(
    uow: UnitOfWork,
    scope: AcmeScope,
    account: AcmeAccount,
    row: AcmeOrder,
    request: ProtocolRequest,
    csr: bytes,
) -> OrderView:
    """Accept an order's request, or keep its CSR while the order waits; the caller holds the order."""
    row.status, row.csr = OrderStatus.PROCESSING, base64url.encode(csr)
    uow.session.add(row)
    covering = None
    if row.order_approval_id is not None:
        waits = lock_order_approval(uow.session, row.order_approval_id)
        if waits.status == ApprovalStatus.APPROVED and (covering := usable_approval(uow, waits)) is None:
            # Used up, too old, or for other content: the order waits for another one.
            asked = approval_for_order(uow, account, row.names, content_to_approve(scope, request.content))
            row.order_approval_id = asked.id if asked else None
            uow.session.flush()
        if covering is None and row.order_approval_id is not None:
            # A CSR that would be refused after the approval is refused now, before people decide on it.
            profile = rules_of(uow.session, request.profile.id, request.application_id).profile
            refuse_unacceptable(uow.context, uow.session, profile, request.content, uow.now)
            return view_of(uow.session, row, uow.now)
    joins = _present_certificate(uow.session, scope, row)
    accepted = accept_request(uow, request, joins=joins, covering=covering)
    row.request_id, row.csr = accepted.request.id, None
    uow.session.flush()
    return view_of(uow.session, row, uow.now)


def _refuse_other_names(content: RequestContent, identifiers: Sequence[Identifier]) -> None:
    """Raise ``badCSR`` unless a CSR is for exactly the identifiers of its order."""
    sans = content.sans
    asked = {Identifier(IdentifierType.DNS, name) for name in sans.dns}
    asked |= {Identifier(IdentifierType.IP, name) for name in sans.ip}
    common = content.subject.common_name
    named = {each.value for each in identifiers}
    if asked != set(identifiers) or sans.email or sans.uri or sans.upn:
        raise AcmeProblem("badCSR", "The names in the CSR are not the identifiers of the order.")
    if common is not None and common.lower() not in named:
        raise AcmeProblem("badCSR", "The common name in the CSR is not an identifier of the order.")
    if content.basic_constraints.ca:
        raise AcmeProblem("badCSR", "The CSR asks for the certificate of an authority.")


def _present_certificate(session: Session, scope: AcmeScope, order: AcmeOrder) -> str | None:
    """The certificate whose lineage an order joins.

    That which the client named by `replaces`, else the newest one that the same account has for the same names.
    """
    if order.replaces_id is not None:
        found = session.get(Certificate, order.replaces_id)
    else:
        query = (
            select(Certificate)
            .join(CertificateRequest, col(CertificateRequest.certificate_id) == col(Certificate.id))
            .join(AcmeOrder, col(AcmeOrder.request_id) == col(CertificateRequest.id))
            .where(
                AcmeOrder.account_id == order.account_id,
                AcmeOrder.names == order.names,
                Certificate.profile_id == scope.profile.id,
            )
            .order_by(col(Certificate.created_at).desc(), col(Certificate.id))
        )
        found = session.exec(query.limit(1)).first()
    if found is None:
        return None
    lineage = session.get_one(Lineage, found.lineage_id)
    current = session.get(Certificate, lineage.current_certificate_id or "")
    if (
        current is None
        or current.status != CertificateStatus.ACTIVE
        or current.profile_id != scope.profile.id
    ):
        return None
    # A renewal that is open already is not waited for: the order gets a certificate of its own.
    return None if running_renewal(session, current) else current.id
