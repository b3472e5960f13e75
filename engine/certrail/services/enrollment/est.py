"""The EST server (RFC 7030): who asks, which request that is, and what is answered."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from sqlmodel import Session, col, select

from certrail.domain.content import KeyAlgorithm
from certrail.domain.enrollment import EnrollmentMethod, EstSettings
from certrail.domain.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated
from certrail.domain.states import CertificateStatus
from certrail.persistence.tables import CaCertificate, Certificate, CertificateProfile, Enrollment
from certrail.pki.csr import CsrFacts, csr_pem, read_csr
from certrail.pki.enrollment.csr_attributes import csr_attributes
from certrail.services.authorities.signing import active_certificate, loaded, loaded_chain
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.enrollment.clients import known_client
from certrail.services.enrollment.exchanges import Exchanges, Issued, Outcome, exchange_key
from certrail.services.enrollment.renewed import find_renewed, has_names_of
from certrail.services.enrollment.requests import read_request, read_request_without_key
from certrail.services.enrollment.scopes import Enrolled, find_enrolled
from certrail.services.enrollment.secrets import EnrollmentSecrets, SecretKind
from certrail.services.enrollment.submission import Submission, submit
from certrail.services.inventory.search import Inventory

UNAUTHENTICATED = "Send the passphrase of this enrollment by HTTP Basic; any user name will do."
NOTHING_TO_RENEW = (
    "There is no certificate of this profile here with the subject and the names of the CSR, which RFC 7030 section"
    " 4.2.2 wants to be the same; use simpleenroll for a new one."
)


@dataclass(frozen=True)
class EstCall:
    """A call of one client.

    Attributes:
        application: slug or id, ``None`` for the legacy scope.
        passphrase: of HTTP Basic; the user name is ignored.
        certificate: DER, with which the client authenticated in its TLS handshake.
        request_id: of the HTTP call, for the audit log.
        known: called with the client and the id of its Application, once it is authenticated.
    """

    application: str | None
    profile: str
    passphrase: str | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    request_id: str | None = None
    known: Callable[[Actor, str | None], None] = lambda _client, _application_id: None


@dataclass(frozen=True)
class IssuedWithKey:
    """A certificate whose key was made here; the key, PKCS#8 in PEM, is shown once."""

    certificate: Certificate
    key_pem: str = field(repr=False)


class EstServer:
    """Stateless: what a client waits for is found by its CSR."""

    def __init__(self, context: ServiceContext, secrets: EnrollmentSecrets, inventory: Inventory) -> None:
        self._context, self._secrets, self._inventory = context, secrets, inventory
        self._exchanges = Exchanges(context)

    def ca_certificates(self, application: str | None, profile: str) -> Sequence[x509.Certificate]:
        """The authority's certificate and those above it up to the root (RFC 7030 section 4.1.3).

        Raises:
            NotFound: there is no such enrollment, or its profile has no authority.
            Conflict: the authority cannot sign.
        """
        with self._context.db.read() as session:
            enrolled = find_enrolled(session, EnrollmentMethod.EST, application, profile)
            if enrolled.profile.ca_id is None:
                raise NotFound("certificate authority")
            version = active_certificate(session, enrolled.profile.ca_id)
            return [loaded(version), *loaded_chain(version)]

    def client_authorities(self) -> frozenset[str]:
        """Certificates (PEM) of the authorities whose certificates renew themselves by EST: what TLS verifies against.

        Whether a certificate of theirs is valid, and for what, is looked up when it comes.
        """
        query = (
            select(CaCertificate.pem)
            .join(CertificateProfile, col(CertificateProfile.ca_id) == col(CaCertificate.ca_id))
            .join(Enrollment, col(Enrollment.profile_id) == col(CertificateProfile.id))
            .where(
                Enrollment.method == EnrollmentMethod.EST,
                col(Enrollment.enabled),
                col(CaCertificate.revoked_at).is_(None),
                col(CaCertificate.not_after) > self._context.clock(),
            )
            .distinct()
        )
        with self._context.db.read() as session:
            return frozenset(session.exec(query).all())

    def attributes(self, application: str | None, profile: str) -> bytes:
        """CsrAttrs in DER; empty where the policy says nothing of keys (RFC 7030 section 4.5.2). Raises NotFound."""
        with self._context.db.read() as session:
            rules = find_enrolled(session, EnrollmentMethod.EST, application, profile).rules
        return csr_attributes([KeyAlgorithm(name) for name in rules.key_algorithms or ()])

    def enroll(self, call: EstCall, csr: bytes, *, renew: bool = False) -> Outcome:
        """simpleenroll, or simplereenroll (RFC 7030 section 4.2): the same CSR again finds its request.

        Raises:
            NotFound: there is no such enrollment.
            Unauthenticated: the passphrase is missing or wrong, and there is no valid certificate of this profile.
            BadInput: the CSR cannot be read, or asks for what is not supported.
            PolicyViolation: the certificate policy denies it.
            Forbidden: it was decided against, or a certificate is used for more than its renewal.
            Conflict: it cannot be approved, signed or renewed now.
        """
        enrolled, actor, present = self._authenticated(call)
        facts = read_csr(csr_pem(csr))
        if not renew and call.passphrase is None:
            raise Forbidden(
                "A certificate renews itself, by simplereenroll; for another one send the passphrase.",
                kind="renewal-only",
            )
        key = exchange_key("renew" if renew else "enroll", actor.principal_id or "", csr)
        return self._submitted(
            enrolled, actor, csr, key, self._renewed(enrolled, facts, present) if renew else None
        )

    def enroll_with_key(self, call: EstCall, csr: bytes) -> IssuedWithKey | Outcome:
        """serverkeygen (RFC 7030 section 4.4): names and kind of key are those of the CSR, its key is not used.

        Raises:
            Conflict: keys are not made here for this enrollment, or the key was shown already.
            CertrailError: as `enroll`.
        """
        if call.passphrase is None:
            raise Unauthenticated(UNAUTHENTICATED)
        enrolled, actor, _ = self._authenticated(call)
        if not _settings(enrolled).server_key_generation:
            raise Conflict(
                "serverkeygen is not enabled for this profile: use simpleenroll, or have an Admin set"
                " server_key_generation.",
                kind="serverkeygen-off",
            )
        key = exchange_key("key", actor.principal_id or "", csr)
        outcome = self._submitted(enrolled, actor, csr, key, None, with_key=True)
        if not isinstance(outcome, Issued):
            return outcome
        return IssuedWithKey(outcome.certificate, self._inventory.show_key(actor, outcome.certificate.id))

    def _submitted(
        self,
        enrolled: Enrolled,
        actor: Actor,
        csr: bytes,
        key: str,
        renews: str | None,
        *,
        with_key: bool = False,
    ) -> Outcome:
        read = read_request_without_key if with_key else read_request
        return submit(
            self._context,
            self._exchanges,
            actor,
            Submission(
                enrolled.enrollment.id,
                key,
                lambda: read(
                    self._context, EnrollmentMethod.EST, enrolled.application_id, enrolled.profile.id, csr
                ),
                _settings(enrolled).retry_after,
                renews=renews,
            ),
        )

    def _renewed(self, enrolled: Enrolled, facts: CsrFacts, present: Certificate | None) -> str:
        """The certificate of the TLS handshake, else the newest with the same names; the CSR has the same, too."""
        if present is None or not has_names_of(present, facts):
            with self._context.db.read() as session:
                found = find_renewed(session, enrolled, facts) if present is None else None
            if found is None:
                raise BadInput(NOTHING_TO_RENEW, "csr")
            return found.id
        return present.id

    def _authenticated(self, call: EstCall) -> tuple[Enrolled, Actor, Certificate | None]:
        """The enrollment, its client as the one who acts, and the client's certificate."""
        with self._context.db.read() as session:
            enrolled = find_enrolled(session, EnrollmentMethod.EST, call.application, call.profile)
            present = self._certificate(session, enrolled, call.certificate)
            if call.passphrase is None:
                if present is None:
                    raise Unauthenticated(UNAUTHENTICATED)
                slug, name = f"est-{enrolled.enrollment.id}", f"EST client certificates of {enrolled.where}"
            else:
                found = self._secrets.verified(session, enrolled, SecretKind.PASSPHRASE, call.passphrase)
                if found is None:
                    raise Unauthenticated(
                        "The passphrase is wrong, expired or revoked; ask an Admin for a new one."
                    )
                slug, name = f"est-{found.id}", f"EST passphrase {found.name} of {enrolled.where}"
        actor = known_client(self._context, slug, name, call.request_id)
        call.known(actor, enrolled.application_id)
        return enrolled, actor, present

    def _certificate(self, session: Session, enrolled: Enrolled, der: bytes | None) -> Certificate | None:
        """One that was issued by this profile here, bit by bit, and is neither expired, revoked nor on hold.

        A superseded one is let through: a client whose answer was lost has no other. Its authority must be valid, too.
        """
        if der is None:
            return None
        query = (
            select(Certificate)
            .join(CaCertificate, col(CaCertificate.id) == col(Certificate.ca_certificate_id))
            .where(
                Certificate.fingerprint == hashlib.sha256(der).hexdigest(),
                Certificate.application_id == enrolled.application_id,
                Certificate.profile_id == enrolled.profile.id,
                col(Certificate.status).in_((CertificateStatus.ACTIVE, CertificateStatus.SUPERSEDED)),
                col(Certificate.not_after) > self._context.clock(),
                col(CaCertificate.revoked_at).is_(None),
                col(CaCertificate.not_after) > self._context.clock(),
            )
        )
        return session.exec(query).first()


def _settings(enrolled: Enrolled) -> EstSettings:
    return EstSettings.model_validate(enrolled.enrollment.settings)
