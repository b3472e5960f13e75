"""The EST server (RFC 7030): who asks, which request that is, and what is answered."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography import x509

from certrail.domain.content import KeyAlgorithm
from certrail.domain.enrollment import EnrollmentMethod, EstSettings
from certrail.domain.errors import BadInput, Conflict, NotFound, Unauthenticated
from certrail.persistence.tables import Certificate
from certrail.pki.csr import CsrFacts, csr_pem, read_csr
from certrail.pki.enrollment.csr_attributes import csr_attributes
from certrail.services.authorities.signing import active_certificate, loaded, loaded_chain
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.enrollment.clients import known_client
from certrail.services.enrollment.exchanges import Exchanges, Issued, Outcome, exchange_key
from certrail.services.enrollment.renewed import find_renewed
from certrail.services.enrollment.requests import read_request, read_request_without_key
from certrail.services.enrollment.scopes import Enrolled, find_enrolled
from certrail.services.enrollment.secrets import EnrollmentSecrets, SecretKind
from certrail.services.enrollment.submission import Submission, submit
from certrail.services.inventory.search import Inventory


@dataclass(frozen=True)
class EstCall:
    """A call of one client.

    Attributes:
        application: slug or id, ``None`` for the legacy scope.
        passphrase: of HTTP Basic; the user name is ignored.
        request_id: of the HTTP call, for the audit log.
    """

    application: str | None
    profile: str
    passphrase: str | None = field(default=None, repr=False)
    request_id: str | None = None


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

    def attributes(self, application: str | None, profile: str) -> bytes:
        """CsrAttrs in DER; empty where the policy says nothing of keys (RFC 7030 section 4.5.2). Raises NotFound."""
        with self._context.db.read() as session:
            rules = find_enrolled(session, EnrollmentMethod.EST, application, profile).rules
        return csr_attributes([KeyAlgorithm(name) for name in rules.key_algorithms or ()])

    def enroll(self, call: EstCall, csr: bytes, *, renew: bool = False) -> Outcome:
        """simpleenroll, or simplereenroll (RFC 7030 section 4.2): the same CSR again finds its request.

        Raises:
            NotFound: there is no such enrollment.
            Unauthenticated: the passphrase is missing or wrong.
            BadInput: the CSR cannot be read, or asks for what is not supported.
            PolicyViolation: the certificate policy denies it.
            Forbidden: it was decided against.
            Conflict: it cannot be approved, signed or renewed now.
        """
        enrolled, actor = self._authenticated(call)
        facts = read_csr(csr_pem(csr))
        key = exchange_key("renew" if renew else "enroll", actor.principal_id or "", csr)
        return self._submitted(enrolled, actor, csr, key, self._renewed(enrolled, facts) if renew else None)

    def enroll_with_key(self, call: EstCall, csr: bytes) -> IssuedWithKey | Outcome:
        """serverkeygen (RFC 7030 section 4.4): names and kind of key are those of the CSR, its key is not used.

        Raises:
            Conflict: keys are not made here for this enrollment, or the key was shown already.
            CertrailError: as `enroll`.
        """
        enrolled, actor = self._authenticated(call)
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
                timedelta(seconds=_settings(enrolled).retry_after_seconds),
                renews=renews,
            ),
        )

    def _renewed(self, enrolled: Enrolled, facts: CsrFacts) -> str:
        with self._context.db.read() as session:
            found = find_renewed(session, enrolled, facts)
        if found is None:
            raise BadInput(
                "There is no certificate of this profile here with the subject and the names of the CSR, which"
                " RFC 7030 section 4.2.2 wants to be the same; use simpleenroll for a new one.",
                "csr",
            )
        return found.id

    def _authenticated(self, call: EstCall) -> tuple[Enrolled, Actor]:
        """The enrollment, and its client as the one who acts."""
        with self._context.db.read() as session:
            enrolled = find_enrolled(session, EnrollmentMethod.EST, call.application, call.profile)
            if call.passphrase is None:
                raise Unauthenticated(
                    "Send the passphrase of this enrollment by HTTP Basic; any user name will do."
                )
            found = self._secrets.verified(session, enrolled, SecretKind.PASSPHRASE, call.passphrase)
            if found is None:
                raise Unauthenticated(
                    "The passphrase is wrong, expired or revoked; ask an Admin for a new one."
                )
        name = f"EST passphrase {found.name} of {enrolled.where}"
        return enrolled, known_client(self._context, f"est-{found.id}", name, call.request_id)


def _settings(enrolled: Enrolled) -> EstSettings:
    return EstSettings.model_validate(enrolled.enrollment.settings)
