"""Revocation by clients (RFC 8555 section 7.6): by the account that ordered it or controls its names, or by its key."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlmodel import Session, col, select

from certrail.domain.acme import AcmeProblem, AuthorizationStatus, IdentifierType
from certrail.domain.errors import CertrailError
from certrail.domain.states import CertificateStatus
from certrail.persistence.tables import AcmeAccount, AcmeAuthorization, AcmeOrder, Certificate
from certrail.pki.revocation import Reason
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.enrollment.acme.accounts import AcmeAccounts
from certrail.services.enrollment.acme.scope import AcmeScope
from certrail.services.enrollment.clients import client_actor, enrollment_client
from certrail.services.lifecycle.revocation import Revocation

REASONS: Mapping[int, Reason] = MappingProxyType(
    {
        0: Reason.UNSPECIFIED,
        1: Reason.KEY_COMPROMISE,
        3: Reason.AFFILIATION_CHANGED,
        4: Reason.SUPERSEDED,
        5: Reason.CESSATION_OF_OPERATION,
        9: Reason.PRIVILEGE_WITHDRAWN,
    }
)
"""Codes that a client may give (RFC 5280 section 5.3.1): none that lets a certificate be valid again."""


class AcmeRevocation:
    """Through the same use case as the API: a policy may guard it, the record names who revoked."""

    def __init__(self, context: ServiceContext, accounts: AcmeAccounts, revocation: Revocation) -> None:
        self._context = context
        self._accounts = accounts
        self._revocation = revocation

    def by_account(
        self,
        scope: AcmeScope,
        account: AcmeAccount,
        certificate: bytes,
        code: object,
        request_id: str | None = None,
    ) -> None:
        """Revoke on behalf of an account.

        Args:
            certificate: DER.
            code: of the reason; ``None`` for none.

        Raises:
            AcmeProblem: it is none of this server, not the account's, revoked already, or its revocation has to be
                approved first.
        """
        reason = _reason(code)
        with self._context.db.read() as session:
            row = _find(session, scope, certificate)
            if not _may(session, account, row, self._context):
                raise AcmeProblem(
                    "unauthorized",
                    "The account neither ordered this certificate nor controls all of its names.",
                    status=403,
                )
        self._revoke(self._accounts.actor(account, request_id), row, reason)

    def by_key(
        self, scope: AcmeScope, spki: bytes, certificate: bytes, code: object, request_id: str | None = None
    ) -> None:
        """Revoke on behalf of whoever holds the certificate's private key.

        Args:
            spki: SubjectPublicKeyInfo, DER, of the key that signed the call.

        Raises:
            AcmeProblem: as `by_account`.
        """
        reason = _reason(code)
        with self._context.db.read() as session:
            row = _find(session, scope, certificate)
        leaf = x509.load_pem_x509_certificate(row.pem.encode())
        if leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != spki:
            raise AcmeProblem(
                "unauthorized", "The call is not signed with the key of the certificate.", status=403
            )
        with self._context.unit_of_work(SYSTEM) as uow:
            holder = enrollment_client(
                uow, f"acme-key-{hashlib.sha256(spki).hexdigest()[:40]}", f"Holder of the key of {row.serial}"
            )
        self._revoke(client_actor(holder, request_id), row, reason)

    def _revoke(self, actor: Actor, row: Certificate, reason: Reason) -> None:
        if row.status == CertificateStatus.REVOKED:
            raise AcmeProblem("alreadyRevoked", "The certificate is revoked.")
        try:
            revoked = self._revocation.revoke(actor, row.id, reason)
        except CertrailError as refusal:
            raise AcmeProblem("unauthorized", refusal.detail, status=403) from None
        if revoked.request is not None:
            raise AcmeProblem(
                "unauthorized",
                f"The revocation waits for approval, as the request {revoked.request.id}; it is revoked by that then.",
                status=403,
            )


def _reason(code: object) -> Reason:
    if code is None:
        return Reason.UNSPECIFIED
    if isinstance(code, bool) or not isinstance(code, int) or code not in REASONS:
        raise AcmeProblem(
            "badRevocationReason", f"Reasons that a client may give: {', '.join(map(str, REASONS))}."
        )
    return REASONS[code]


def _find(session: Session, scope: AcmeScope, der: bytes) -> Certificate:
    query = select(Certificate).where(
        Certificate.fingerprint == hashlib.sha256(der).hexdigest(),
        Certificate.application_id == scope.application_id,
        Certificate.profile_id == scope.profile.id,
    )
    if (row := session.exec(query).first()) is None:
        raise AcmeProblem("malformed", "This server has not issued this certificate.", status=404)
    return row


def _may(session: Session, account: AcmeAccount, row: Certificate, context: ServiceContext) -> bool:
    """Whether an account ordered a certificate, or holds authorizations for all of its names."""
    ordered = select(AcmeOrder.id).where(
        AcmeOrder.account_id == account.id, col(AcmeOrder.request_id) == row.request_id
    )
    if row.request_id is not None and session.exec(ordered).first() is not None:
        return True
    query = select(AcmeAuthorization).where(
        AcmeAuthorization.account_id == account.id,
        AcmeAuthorization.status == AuthorizationStatus.VALID,
        col(AcmeAuthorization.expires_at) > context.clock(),
    )
    held = {
        (each.type, f"*.{each.value}" if each.wildcard else each.value) for each in session.exec(query).all()
    }
    names = {(str(kind), name) for kind in IdentifierType for name in row.names.get(kind, ())}
    return bool(names) and names <= held
