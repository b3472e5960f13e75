"""Issuance: the steps of a request's workflow, each one transaction."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from certrail.checkpoints import checkpoint
from certrail.domain.content import RequestContent
from certrail.domain.errors import CertrailError
from certrail.domain.events.issuance import CertificateIssued, CertificateRenewed
from certrail.domain.states import WAITING, ApprovalStatus, RemoteOrderStatus, RequestStatus
from certrail.persistence.database import session_cache
from certrail.persistence.tables import (
    CaCertificate,
    Certificate,
    CertificateProfile,
    CertificateRequest,
    RemoteOrder,
)
from certrail.pki.leaf import self_signed_leaf
from certrail.pki.signer import Pending, Signed, SigningOrder
from certrail.pki.templates import LeafTemplate
from certrail.services.approvals.lifecycle import apply_timers, close, reopen_if_changed
from certrail.services.authorities.compromised_keys import refuse_unsafe_key
from certrail.services.authorities.signing import issuer_of
from certrail.services.authorities.signing_port import (
    key_name,
    new_serial,
    remote_signer_of,
    sign,
    sign_remotely,
)
from certrail.services.catalog.enrollment import enrollment
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery.desired_state import fan_out_to_syncs
from certrail.services.inventory.lineages import lock_current, lock_lineage
from certrail.services.inventory.store import add_certificate, facts_of
from certrail.services.issuance.leaf import SubjectKey, certificate_row, leaf_plan, leaf_template, subject_key
from certrail.services.issuance.remote_orders import (
    close_order,
    keep_pending,
    lock_order,
    ordered_key,
    ordered_template,
    orders_of,
    place_order,
    refuse_other_certificate,
)
from certrail.services.issuance.state import (
    FINAL,
    evaluate_policy,
    lock_request,
    rules_of,
    transition,
)
from certrail.services.issuance.subject import approval_for, approval_required_again


@dataclass(frozen=True)
class Advance:
    """The result of a step.

    Attributes:
        status: ``waiting`` or a final status of the request.
        wake_at: while waiting, when to take the next step at the latest.
    """

    status: str
    wake_at: datetime | None = None


@dataclass(frozen=True)
class RemoteStep:
    """A call of a remote signer that has to be made now."""

    signer: str
    order: SigningOrder[x509.Certificate]
    template: LeafTemplate


@dataclass(frozen=True)
class SignedRequest:
    """A request with its certificate, which is stored and not announced yet.

    Attributes:
        present: the certificate that it supersedes.
    """

    row: CertificateRequest
    profile: CertificateProfile
    certificate: Certificate
    present: Certificate | None


class Issuance:
    """Called again and again by the workflow; every call finds its own way on from what is stored."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def advance(self, request_id: str) -> Advance:
        """Take the next step: wait for votes, sign, or poll a remote signer."""
        checkpoint("issuance.begin")
        try:
            step = self._step(request_id)
            outcome = self._poll(request_id, step) if isinstance(step, RemoteStep) else step
        except CertrailError as refusal:
            self.fail(request_id, refusal.detail)
            outcome = Advance(RequestStatus.FAILED)
        checkpoint("issuance.end")
        return outcome

    def fail(self, request_id: str, reason: str) -> None:
        """Give up on a request, with a reason that its requester can read."""
        with self._context.unit_of_work(SYSTEM) as uow:
            row = lock_request(uow.session, request_id)
            if row.status in FINAL:
                return
            transition(uow, row, RequestStatus.FAILED, reason)  # first: it did not end with its approval
            held = approval_for(uow.session, row)
            if held is not None and held.approval.status == ApprovalStatus.OPEN:
                close(uow, held, ApprovalStatus.CANCELLED, None, reason)

    def _wait(self, uow: UnitOfWork, row: CertificateRequest) -> datetime | None:
        held = approval_for(uow.session, row)
        if held is None:
            transition(uow, row, RequestStatus.APPROVED)
            return None
        reopen_if_changed(uow, held)
        return apply_timers(uow, held)

    def _step(self, request_id: str) -> Advance | RemoteStep:
        """One transaction: keep the approval's time, sign, or find the order at a remote signer."""
        with self._context.unit_of_work(SYSTEM) as uow, session_cache(uow.session):
            row = lock_request(uow.session, request_id)
            if row.status == RequestStatus.PENDING_APPROVAL:
                wake_at = self._wait(uow, row)
                if row.status == RequestStatus.PENDING_APPROVAL:
                    return Advance(WAITING, wake_at)
            if row.status in FINAL:
                return Advance(row.status)
            if row.status == RequestStatus.ISSUING:
                return _remote_step(uow, row)
            if approval_required_again(uow, row):
                return Advance(WAITING, uow.now)
            if not self.issue(uow, row):
                return _remote_step(uow, row)
        checkpoint("issuance.committed")
        return Advance(RequestStatus.ISSUED)

    def issue(self, uow: UnitOfWork, row: CertificateRequest, held: Certificate | None = None) -> bool:
        """`sign` and `announce` a request, in the caller's transaction.

        Args:
            held: the certificate it renews, where the caller has locked its lineage already.

        Returns:
            Whether it is issued; else it is ordered at a remote signer, and its workflow has to go on.

        Raises:
            CertrailError: as `sign`.
        """
        signed = self.sign(uow, row, held)
        if signed is not None:
            self.announce(uow, signed)
        return signed is not None

    def sign(
        self,
        uow: UnitOfWork,
        row: CertificateRequest,
        held: Certificate | None = None,
        key: SubjectKey | None = None,
    ) -> SignedRequest | None:
        """Sign what was accepted, and store it.

        Args:
            held: the certificate it renews, where the caller has locked its lineage already.
            key: a new key that the caller made before the transaction.

        Returns:
            ``None`` where it is ordered at a remote signer.

        Raises:
            NotFound: the profile is not attached any more.
            PolicyViolation: the policy denies it by now.
            Conflict: the authority cannot sign, or the certificate it renews is superseded.
        """
        content = RequestContent.model_validate(row.content)
        profile = rules_of(uow.session, row.profile_id, row.application_id).profile
        enrollment(uow.session, row.application_id, profile)
        evaluate_policy(uow.session, profile, content, uow.now)
        present = held
        if row.renews_id and present is None:
            present = lock_current(uow.session, row.renews_id)
        key = key or subject_key(self._context, row, content, present)
        if (
            content.csr or row.same_key
        ):  # the key may have been compromised since the request, or since the renewal
            refuse_unsafe_key(self._context, uow.session, key.public_key)
        if profile.ca_id is None:
            assert key.private_key is not None, "a CSR is refused at the request"
            leaf, version = self_signed_leaf(leaf_plan(content, uow.now), key.private_key, new_serial()), None
        else:
            by = issuer_of(uow.session, profile.ca_id)
            version, name = by.version, key_name(by.version)
            if signer := remote_signer_of(self._context, uow.session, name):
                place_order(uow, row, by, signer, key)
                transition(uow, row, RequestStatus.ISSUING)
                return None
            template = leaf_template(uow, content, key.public_key, by, new_serial(), uow.now)
            leaf = sign(self._context, uow.session, name, template)
        return _store(uow, row, profile, leaf, version, key, present)

    def announce(self, uow: UnitOfWork, signed: SignedRequest) -> None:
        """The request is `issued`: record the events, which alerts match, and fan the certificate out to syncs.

        For many requests of a transaction it comes after all are signed: the rows of all are inserted together then.
        """
        signed.row.certificate_id = signed.certificate.id
        transition(uow, signed.row, RequestStatus.ISSUED)
        facts = facts_of(signed.certificate, signed.profile)
        if signed.present:
            supersedes = signed.present.id
            uow.record(CertificateRenewed(**facts, request_id=signed.row.id, supersedes=supersedes))
        else:
            uow.record(CertificateIssued(**facts, request_id=signed.row.id))
        fan_out_to_syncs(self._context, uow, signed.certificate)

    def _poll(self, request_id: str, step: RemoteStep) -> Advance:
        """Call the remote signer between two transactions: its answer may take seconds, and no lock waits for it."""
        try:
            answer = sign_remotely(self._context, step.signer, step.order)
            if isinstance(answer, Signed):
                refuse_other_certificate(answer.result, step.template)
        except CertrailError:
            with self._context.unit_of_work(SYSTEM) as uow:
                lock_request(uow.session, request_id)
                close_order(uow, lock_order(uow.session, step.order.id), RemoteOrderStatus.REFUSED)
            raise
        checkpoint("issuance.remote.answered")
        with self._context.unit_of_work(SYSTEM) as uow:
            row = lock_request(uow.session, request_id)
            order = lock_order(uow.session, step.order.id)
            if row.status != RequestStatus.ISSUING or order.status != RemoteOrderStatus.OPEN:
                # The same step ran on another worker, or somebody gave the request up.
                return Advance(row.status) if row.status in FINAL else Advance(WAITING, uow.now)
            if isinstance(answer, Pending):
                keep_pending(uow, order, answer)
                return Advance(WAITING, order.poll_at)
            self._receive(uow, row, order, answer.result)
        checkpoint("issuance.committed")
        return Advance(RequestStatus.ISSUED)

    def _receive(
        self, uow: UnitOfWork, row: CertificateRequest, order: RemoteOrder, leaf: x509.Certificate
    ) -> None:
        """Record what a remote signer signed. It exists, so nothing that changed meanwhile refuses it any more."""
        profile = uow.session.get_one(CertificateProfile, row.profile_id)
        version = uow.session.get_one(CaCertificate, order.ca_certificate_id)
        present = lock_lineage(uow.session, row.renews_id)[0] if row.renews_id else None
        key = ordered_key(uow.context, row, order)
        self.announce(uow, _store(uow, row, profile, leaf, version, key, present))
        close_order(uow, order, RemoteOrderStatus.SIGNED)


def _store(
    uow: UnitOfWork,
    row: CertificateRequest,
    profile: CertificateProfile,
    leaf: x509.Certificate,
    version: CaCertificate | None,
    key: SubjectKey,
    present: Certificate | None,
) -> SignedRequest:
    """Add the certificate to the inventory."""
    certificate = certificate_row(uow, row, profile, leaf, version, key, present)
    checkpoint("issuance.signed")
    add_certificate(uow, certificate, present)
    return SignedRequest(row, profile, certificate, present)


def _remote_step(uow: UnitOfWork, row: CertificateRequest) -> Advance | RemoteStep:
    """The open order of a request, unless it is too early to poll it."""
    order = orders_of(uow.session, row.id)[-1]
    if order.poll_at is not None and order.poll_at > uow.now:
        return Advance(WAITING, order.poll_at)
    template = ordered_template(uow, row, order)
    version = uow.session.get_one(CaCertificate, order.ca_certificate_id)
    # Committed before the call: whoever finds an attempt without an answer has the signer look for the order first.
    order.attempts += 1
    uow.session.add(order)
    may_exist = order.attempts > 1
    sent = SigningOrder(order.id, key_name(version), template, may_exist, dict(order.state))
    return RemoteStep(order.signer, sent, template)
