"""Requests by SCEP: authenticated by a challenge, or by the certificate that they renew."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlmodel import select

from certrail.domain.enrollment import EnrollmentMethod, ScepSettings
from certrail.domain.errors import BadInput, Forbidden, Unauthenticated
from certrail.domain.states import CertificateStatus
from certrail.persistence.tables import Certificate, EnrollmentSecret
from certrail.pki.csr import CsrFacts, csr_pem, read_csr
from certrail.pki.enrollment.ber import Malformed
from certrail.pki.enrollment.pkcs10 import challenge_of, parse_request
from certrail.pki.scep.message import Signer
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.enrollment.clients import known_client
from certrail.services.enrollment.exchanges import Exchanges, Outcome, exchange_key
from certrail.services.enrollment.renewed import find_renewed, has_names_of
from certrail.services.enrollment.requests import read_request
from certrail.services.enrollment.scopes import Enrolled
from certrail.services.enrollment.secrets import EnrollmentSecrets, SecretKind, use_one_time
from certrail.services.enrollment.submission import Submission, submit

WAIT = timedelta(minutes=1)
"""SCEP does not tell the client when to come again."""
USED = "The challenge is wrong, expired, revoked or used already; get a new one."


class ScepRequests:
    """PKCSReq, RenewalReq and CertPoll."""

    def __init__(self, context: ServiceContext, secrets: EnrollmentSecrets, exchanges: Exchanges) -> None:
        self._context, self._secrets, self._exchanges = context, secrets, exchanges

    def requested(
        self,
        enrolled: Enrolled,
        csr: bytes,
        transaction_id: str,
        signer: Signer,
        request_id: str | None,
        *,
        by_certificate: bool,
    ) -> Outcome:
        """The outcome of a request; the same message again finds it, though its challenge was used.

        Args:
            by_certificate: it is a RenewalReq, signed with the certificate that it renews.

        Raises:
            Unauthenticated: the challenge is missing or is not valid any more.
            CertrailError: as `submit`.
        """
        try:
            facts, challenge = read_csr(csr_pem(csr)), challenge_of(parse_request(csr).csr)
        except Malformed as error:
            raise BadInput(f"{str(error).capitalize()}.", "csr") from None
        signer_key = _fingerprint(signer)
        key = exchange_key("scep", transaction_id, signer_key, csr)
        clients = self.clients(enrolled, request_id)
        found = self._exchanges.outcome(clients, enrolled.enrollment.id, key, WAIT)
        if found is not None:
            return found
        given = Submission(
            enrolled.enrollment.id,
            key,
            lambda: read_request(
                self._context, EnrollmentMethod.SCEP, enrolled.application_id, enrolled.profile.id, csr
            ),
            WAIT,
            transaction=exchange_key(transaction_id),
            signer_key=signer_key,
        )
        own_key = facts.public_key == signer.public_key
        if by_certificate or not own_key:
            # Older clients renew by PKCSReq (RFC 8894 section 2.3): the key that signs says which it is.
            renewed = self._renewed(enrolled, facts, signer)
            return submit(self._context, self._exchanges, clients, replace(given, renews=renewed.id))
        with self._context.db.read() as session:
            # certmonger renews by a PKCSReq with its present key: the certificate with that key is its own.
            present = find_renewed(session, enrolled, facts, same_key=True)
        given = replace(given, renews=present.id if present else None)
        return self._by_challenge(enrolled, challenge, given, request_id)

    def polled(
        self, enrolled: Enrolled, transaction_id: str, signer: Signer, request_id: str | None
    ) -> Outcome | None:
        """CertPoll: the outcome of a transaction, to the key that signed its request; ``None`` for no such one."""
        return self._exchanges.of_transaction(
            self.clients(enrolled, request_id),
            enrolled.enrollment.id,
            exchange_key(transaction_id),
            _fingerprint(signer),
            WAIT,
        )

    def _by_challenge(
        self, enrolled: Enrolled, challenge: str | None, given: Submission, request_id: str | None
    ) -> Outcome:
        if challenge is None:
            raise Unauthenticated(
                "Put a challenge of this enrollment into the CSR, as its challengePassword."
            )
        with self._context.db.read() as session:
            once = self._secrets.find_one_time(session, enrolled, challenge)
            lasting = None
            if once is None:
                lasting = self._secrets.verified(session, enrolled, SecretKind.CHALLENGE, challenge)
        if once is not None:
            actor = self.clients(enrolled, request_id)
            use = _use(once, enrolled)
            return submit(self._context, self._exchanges, actor, replace(given, on_accepted=use))
        if lasting is None:
            raise Unauthenticated(USED)
        name = f"SCEP challenge {lasting.name} of {enrolled.where}"
        actor = known_client(self._context, f"scep-{lasting.id}", name, request_id)
        return submit(self._context, self._exchanges, actor, given)

    def _renewed(self, enrolled: Enrolled, facts: CsrFacts, signer: Signer) -> Certificate:
        """The certificate that signed the message, which it renews.

        Raises:
            Unauthenticated: it is none of this enrollment, or it is not valid.
            Forbidden: renewal by certificate is switched off.
            BadInput: the CSR has another subject or other names.
        """
        if not ScepSettings.model_validate(enrolled.enrollment.settings).renewal_by_certificate:
            raise Forbidden("Renewal by certificate is switched off here: send a PKCSReq with a challenge.")
        query = select(Certificate).where(
            Certificate.fingerprint == signer.fingerprint,
            Certificate.application_id == enrolled.application_id,
            Certificate.profile_id == enrolled.profile.id,
        )
        with self._context.db.read() as session:
            row = session.exec(query).first()
        if row is None or row.status != CertificateStatus.ACTIVE or row.not_after <= self._context.clock():
            raise Unauthenticated(
                "The message is not signed with a valid certificate of this profile: it is unknown here, superseded,"
                " revoked or expired. Send a PKCSReq with a challenge."
            )
        if not has_names_of(row, facts):
            raise BadInput(
                "The CSR of a renewal has the subject and the names of the present certificate.", "csr"
            )
        return row

    def clients(self, enrolled: Enrolled, request_id: str | None) -> Actor:
        """Those who come with a one-time challenge or a certificate: one principal for an enrollment."""
        slug, name = f"scep-{enrolled.enrollment.id}", f"SCEP clients of {enrolled.where}"
        return known_client(self._context, slug, name, request_id)


def _use(challenge: EnrollmentSecret, enrolled: Enrolled) -> Callable[[UnitOfWork, str], None]:
    """Of two clients with one challenge, the transaction of the second is rolled back."""

    def use(uow: UnitOfWork, request_id: str) -> None:
        if not use_one_time(uow, challenge.id, enrolled.application_id, request_id):
            raise Unauthenticated(USED)

    return use


def _fingerprint(signer: Signer) -> str:
    der = signer.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()
