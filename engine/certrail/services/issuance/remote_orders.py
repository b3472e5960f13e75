"""Orders at remote signers: placed once for a request, polled until they are signed, safe to repeat after a crash."""

from cryptography import x509
from sqlmodel import Session, col, select

from certrail.domain.content import RequestContent
from certrail.domain.errors import Conflict
from certrail.domain.states import RemoteOrderStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import CaCertificate, CertificateAuthority, CertificateRequest, RemoteOrder
from certrail.pki.chain import is_signed_by
from certrail.pki.csr import accepted_csr
from certrail.pki.signer import Pending
from certrail.pki.templates import LeafTemplate
from certrail.services.authorities.signing import Issuer, loaded
from certrail.services.authorities.signing_port import new_serial
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.issuance.leaf import SubjectKey, leaf_template, opened_key


def place_order(
    uow: UnitOfWork, row: CertificateRequest, by: Issuer, signer: str, key: SubjectKey
) -> RemoteOrder:
    """Record the order before the signer is called.

    An open order of a request that failed meanwhile is taken up again: the signer may have it already.
    """
    orders = orders_of(uow.session, row.id)
    if (
        orders
        and orders[-1].status == RemoteOrderStatus.OPEN
        and orders[-1].ca_certificate_id == by.version.id
    ):
        return orders[-1]
    ident = uow.new_id()
    order = RemoteOrder(
        id=ident,
        created_at=uow.now,
        request_id=row.id,
        number=len(orders) + 1,
        ca_certificate_id=by.version.id,
        signer=signer,
        serial=f"{new_serial():x}",
        key_sealed=key.seal(uow.context, ident),
    )
    uow.session.add(order)
    return order


def orders_of(session: Session, request_id: str) -> list[RemoteOrder]:
    """The orders of a request, oldest first; the last one counts."""
    query = select(RemoteOrder).where(RemoteOrder.request_id == request_id).order_by(col(RemoteOrder.number))
    return list(session.exec(query))


def lock_order(session: Session, order_id: str) -> RemoteOrder:
    """An order under ``FOR NO KEY UPDATE``. Its request is locked before it, here and everywhere."""
    return session.exec(locked(select(RemoteOrder).where(RemoteOrder.id == order_id))).one()


def ordered_template(uow: UnitOfWork, row: CertificateRequest, order: RemoteOrder) -> LeafTemplate:
    """What is to be signed: the same in every attempt."""
    content = RequestContent.model_validate(row.content)
    version = uow.session.get_one(CaCertificate, order.ca_certificate_id)
    by = Issuer(uow.session.get_one(CertificateAuthority, version.ca_id), version, loaded(version))
    public_key = ordered_key(uow.context, row, order).public_key
    return leaf_template(uow, content, public_key, by, int(order.serial, 16), order.created_at)


def ordered_key(context: ServiceContext, row: CertificateRequest, order: RemoteOrder) -> SubjectKey:
    """The key for which a certificate was ordered."""
    if order.key_sealed:
        return opened_key(context, order.key_sealed, order.id)
    return SubjectKey(accepted_csr(RequestContent.model_validate(row.content).csr or "").public_key, None)


def keep_pending(uow: UnitOfWork, order: RemoteOrder, answer: Pending) -> None:
    """Store the state with which the signer is polled, and when."""
    order.state, order.poll_at = dict(answer.state), uow.now + answer.poll_after
    uow.session.add(order)


def close_order(uow: UnitOfWork, order: RemoteOrder, status: RemoteOrderStatus) -> None:
    """End an order as `signed` or `refused`; the certificate's row has the key now, if it was signed."""
    order.status, order.poll_at, order.key_sealed = status, None, None
    uow.session.add(order)


def refuse_other_certificate(leaf: x509.Certificate, template: LeafTemplate) -> None:
    """Raise Conflict unless the signer's answer is a certificate of the ordered key, from the ordered issuer."""
    if leaf.public_key() != template.public_key:
        raise Conflict("The signer answered with a certificate of another key.", kind="wrong-certificate")
    if not is_signed_by(leaf, template.issuer):
        raise Conflict("The signer answered with a certificate of another issuer.", kind="wrong-certificate")
