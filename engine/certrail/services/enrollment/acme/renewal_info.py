"""Renewal information (ARI, RFC 9773): when a client should renew, from the rule, windows, freezes and advice here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from sqlmodel import Session, col, select

from certrail.crypto import base64url
from certrail.domain.acme import AcmeProblem, OrderStatus
from certrail.domain.renewal import Plan
from certrail.domain.states import CertificateStatus
from certrail.persistence.tables import AcmeAccount, AcmeOrder, Certificate, Lineage
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.enrollment.acme.scope import AcmeScope
from certrail.services.inventory.renewal_schedule import life_of, suggested_plan

WIDTH = 1 / 48
"""Of the lifetime: how long a window is at most, so that the clients of a fleet do not come together."""
SHORTEST_WIDTH, LONGEST_WIDTH = timedelta(seconds=2), timedelta(hours=12)
LONGEST_PAUSE, SHORTEST_PAUSE = timedelta(hours=6), timedelta(minutes=1)
PAUSE = 1 / 100
"""Of the lifetime: after this a client asks again."""


@dataclass(frozen=True)
class RenewalInfo:
    """The suggested window of one certificate.

    Attributes:
        explanation: why, in words for a person.
        retry_after: seconds.
    """

    begins: datetime
    ends: datetime
    explanation: str
    retry_after: int


class AcmeRenewalInfo:
    """Anybody may ask; the answer says nothing that the certificate does not."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def of(self, scope: AcmeScope, ident: str) -> RenewalInfo:
        """The window of a certificate.

        Args:
            ident: authority key identifier and serial number, as RFC 9773 section 4.1 writes them.

        Raises:
            AcmeProblem: ``malformed``; 404 for a certificate that is none of this server.
        """
        now = self._context.clock()
        with self._context.db.read() as session:
            row = find_certificate(session, scope, ident)
            lineage = session.get_one(Lineage, row.lineage_id)
            life = life_of(row)
            pause = min(LONGEST_PAUSE, max(SHORTEST_PAUSE, life.length * PAUSE))
            seconds = int(pause.total_seconds())
            if row.status == CertificateStatus.REVOKED:
                past = row.revoked_at or now
                return RenewalInfo(past - timedelta(hours=1), past, "The certificate is revoked.", seconds)
            plan, advice = suggested_plan(session, lineage, row, now)
        begins = plan.at or life.not_after
        ends = begins + min(LONGEST_WIDTH, life.length * WIDTH)
        if advice is not None:
            # Clients choose any time of the window: a wider one would keep what an incident wants replaced.
            ends = min(ends, advice.ends)
        return RenewalInfo(begins, max(ends, begins + SHORTEST_WIDTH), _why(plan), seconds)

    def replaced(self, scope: AcmeScope, account: AcmeAccount, ident: str, names: set[str]) -> Certificate:
        """The certificate that a new order replaces (RFC 9773 section 5).

        Args:
            names: values of the order's identifiers.

        Raises:
            AcmeProblem: it is none of this account, has no name in common, or is replaced already (409).
        """
        with self._context.db.read() as session:
            row = find_certificate(session, scope, ident)
            ordered = select(AcmeOrder.id).where(
                AcmeOrder.account_id == account.id, col(AcmeOrder.request_id) == row.request_id
            )
            if row.request_id is None or session.exec(ordered).first() is None:
                raise AcmeProblem(
                    "malformed", "The account did not order the certificate to replace.", status=403
                )
            if not names & {name for kind in row.names.values() for name in kind}:
                raise AcmeProblem("malformed", "The certificate to replace has no name of this order.")
            others = select(AcmeOrder.id).where(
                AcmeOrder.replaces_id == row.id, AcmeOrder.status == OrderStatus.PROCESSING
            )
            if row.status == CertificateStatus.SUPERSEDED or session.exec(others).first() is not None:
                raise AcmeProblem("alreadyReplaced", "Another order replaces this certificate.", status=409)
            return row


def find_certificate(session: Session, scope: AcmeScope, ident: str) -> Certificate:
    """A certificate of this server by its identifier of ARI. Raises AcmeProblem."""
    key, _, number = ident.partition(".")
    try:
        key_id, serial = base64url.decode(key), int.from_bytes(base64url.decode(number))
    except ValueError:
        key_id, serial = b"", 0
    if not key_id or not 0 < serial < 1 << 160:
        raise AcmeProblem("malformed", "A certificate is named by base64url(AKI).base64url(serial).")
    query = select(Certificate).where(
        Certificate.serial == f"{serial:x}",
        Certificate.application_id == scope.application_id,
        Certificate.profile_id == scope.profile.id,
    )
    for row in session.exec(query).all():
        if authority_key_id(row) == key_id:
            return row
    raise AcmeProblem("malformed", "This server has not issued such a certificate.", status=404)


def authority_key_id(row: Certificate) -> bytes | None:
    """The authority key identifier (RFC 5280 section 4.2.1.1)."""
    leaf = x509.load_pem_x509_certificate(row.pem.encode())
    try:
        return leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None


def _why(plan: Plan) -> str:
    return "; ".join(plan.inputs)
