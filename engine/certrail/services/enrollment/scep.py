"""The SCEP server (RFC 8894): every message that can be read is answered in its transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography import x509
from sqlmodel import select

from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.errors import BadInput, Busy, CertrailError, Forbidden, Unauthenticated
from certrail.persistence.tables import Certificate
from certrail.pki.enrollment.ber import Malformed
from certrail.pki.enrollment.est_body import certs_only
from certrail.pki.scep.algorithms import BadAlgorithm, ContentCipher
from certrail.pki.scep.envelope import Undecipherable, read_envelope, read_name
from certrail.pki.scep.message import BadMessage, FailInfo, MessageType, PkiMessage, Signer, read_message
from certrail.pki.scep.reply import Replies
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.enrollment.exchanges import Exchanges, Issued, Outcome
from certrail.services.enrollment.scep_ra import RegistrationAuthorities
from certrail.services.enrollment.scep_requests import ScepRequests
from certrail.services.enrollment.scopes import Enrolled, find_enrolled
from certrail.services.enrollment.secrets import EnrollmentSecrets

UNKNOWN_TRANSACTION = "No request of this transaction was signed with this key here; send the request itself."
Recorded = Callable[[CertrailError, Actor | None, str | None], None]
"""Takes a refusal that the client learns of in its own protocol, the client if it is authenticated, its Application."""


@dataclass(frozen=True)
class ScepCall:
    """A call of one client; `application` is ``None`` for the legacy scope, `request_id` is for the audit log."""

    application: str | None
    profile: str
    request_id: str | None = None


@dataclass(frozen=True)
class Opened:
    """A message that is verified and decrypted."""

    message: PkiMessage
    signer: Signer
    cipher: ContentCipher
    content: bytes


class Refused(Exception):
    """The message is answered with a failure; `unauthenticated`: it is not signed by the key that it names."""

    def __init__(self, info: FailInfo, text: str, *, unauthenticated: bool = False) -> None:
        super().__init__(text)
        self.info, self.text, self.unauthenticated = info, text, unauthenticated


class ScepServer:
    """Stateless: what a client waits for is found by its transactionID, its key and its CSR."""

    def __init__(self, context: ServiceContext, secrets: EnrollmentSecrets) -> None:
        self._context, self._authorities = context, RegistrationAuthorities(context)
        self._exchanges = Exchanges(context)
        self._requests = ScepRequests(context, secrets, self._exchanges)

    def ca_certificates(self, application: str | None, profile: str) -> Sequence[x509.Certificate]:
        """GetCACert: the registration authority, and the authorities above it up to the root.

        Raises:
            NotFound: there is no such enrollment.
            Conflict: the authority cannot sign.
        """
        ra = self._authorities.current(self._enrolled(application, profile))
        return [ra.certificate, *ra.chain]

    def operate(self, call: ScepCall, data: bytes, recorded: Recorded) -> bytes:
        """PKIOperation: the CertRep to a pkiMessage.

        Raises:
            BadInput: it is no pkiMessage, so there is no transaction to answer in.
            NotFound: there is no such enrollment.
            Conflict: the authority cannot sign.
            Busy: other secrets are being verified.
        """
        enrolled = self._enrolled(call.application, call.profile)
        try:
            message = read_message(data)
        except Malformed as error:
            raise BadInput(f"This is no pkiMessage (RFC 8894 section 3): {error}.") from None
        ra = self._authorities.current(enrolled)
        replies = Replies(message, ra.certificate, ra.key)
        try:
            opened = self._opened(enrolled, message)
            outcome = self._outcome(enrolled, opened, call)
        except Refused as refusal:
            if refusal.unauthenticated:
                recorded(Unauthenticated(refusal.text), None, enrolled.application_id)
            return replies.failure(refusal.info, refusal.text)
        except Busy:
            raise
        except Forbidden as refusal:
            client = self._requests.clients(enrolled, call.request_id)
            recorded(refusal, client, enrolled.application_id)
            return replies.failure(FailInfo.BAD_REQUEST, refusal.detail)
        except CertrailError as refusal:
            if isinstance(refusal, Unauthenticated):
                recorded(refusal, None, enrolled.application_id)
            return replies.failure(FailInfo.BAD_REQUEST, refusal.detail)
        if not isinstance(outcome, Issued):
            return replies.pending()
        issued = certs_only([x509.load_pem_x509_certificate(outcome.certificate.pem.encode())])
        return replies.success(issued, opened.signer, opened.cipher)

    def _enrolled(self, application: str | None, profile: str) -> Enrolled:
        with self._context.db.read() as session:
            return find_enrolled(session, EnrollmentMethod.SCEP, application, profile)

    def _opened(self, enrolled: Enrolled, message: PkiMessage) -> Opened:
        try:
            signer = message.verify()
            envelope = read_envelope(message.content)
            content = envelope.open(lambda recipient: self._authorities.key_for(enrolled, recipient))
        except BadAlgorithm as error:
            raise Refused(FailInfo.BAD_ALG, f"Not taken: {error}.") from None
        except BadMessage as error:
            text = f"The message does not verify: {error}."
            raise Refused(FailInfo.BAD_MESSAGE_CHECK, text, unauthenticated=True) from None
        except (Malformed, Undecipherable):
            # One text for all: which of them it is would be an oracle (RFC 3218).
            text = "The content cannot be decrypted; get the certificate to encrypt to anew, by GetCACert."
            raise Refused(FailInfo.BAD_MESSAGE_CHECK, text) from None
        return Opened(message, signer, envelope.cipher, content)

    def _outcome(self, enrolled: Enrolled, opened: Opened, call: ScepCall) -> Outcome:
        kind = opened.message.message_type
        if kind in (MessageType.PKCS_REQ, MessageType.RENEWAL_REQ):
            return self._requests.requested(
                enrolled,
                opened.content,
                opened.message.transaction_id,
                opened.signer,
                call.request_id,
                by_certificate=kind == MessageType.RENEWAL_REQ,
            )
        if kind == MessageType.CERT_POLL:
            found = self._requests.polled(
                enrolled, opened.message.transaction_id, opened.signer, call.request_id
            )
            if found is None:
                raise Refused(FailInfo.BAD_CERT_ID, UNKNOWN_TRANSACTION)
            return found
        if kind == MessageType.GET_CERT:
            return self._certificate(enrolled, opened.content)
        raise Refused(
            FailInfo.BAD_REQUEST,
            f"Messages of the type {kind} are not served; certificates name their revocation list.",
        )

    def _certificate(self, enrolled: Enrolled, content: bytes) -> Issued:
        """GetCert (RFC 8894 section 3.3.4): a certificate of this enrollment by issuer and serial number."""
        try:
            name = read_name(content)
        except Malformed:
            raise Refused(FailInfo.BAD_CERT_ID, "The message names no issuer and serial number.") from None
        query = select(Certificate).where(
            Certificate.serial == f"{name.serial:x}",
            Certificate.application_id == enrolled.application_id,
            Certificate.profile_id == enrolled.profile.id,
        )
        with self._context.db.read() as session:
            for row in session.exec(query).all():
                if x509.load_pem_x509_certificate(row.pem.encode()).issuer.public_bytes() == name.issuer:
                    return Issued(row)
        raise Refused(FailInfo.BAD_CERT_ID, "There is no such certificate of this profile here.")
