"""CRLs (RFC 5280 section 5) and OCSP responses (RFC 6960)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from certrail.domain.content import Subject
from certrail.domain.errors import BadInput
from certrail.pki.keys import PrivateKey, PublicKey, hash_for
from certrail.pki.names import to_name

MOST_QUESTIONS = 4096
"""Bytes of a request for status: one question, and perhaps a nonce."""
LONGEST_NONCE = 128


class Reason(StrEnum):
    """Why a certificate is revoked (RFC 5280 section 5.3.1), but for reasons that only authorities have."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    CERTIFICATE_HOLD = "certificateHold"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"


@dataclass(frozen=True)
class Revoked:
    """One revoked certificate."""

    serial: int
    at: datetime
    reason: Reason


def make_crl(
    issuer: x509.Certificate,
    key: PrivateKey,
    revoked: Iterable[Revoked],
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
    url: str | None,
) -> x509.CertificateRevocationList:
    """Sign a complete list of end-entity and authority certificates.

    Args:
        url: where it is published; in the issuingDistributionPoint, so that no other list can be substituted.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(this_update)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_authority_key(issuer), critical=False)
    )
    if url is not None:
        builder = builder.add_extension(_distribution_point(url), critical=True)
    for entry in revoked:
        builder = builder.add_revoked_certificate(_entry(entry))
    return builder.sign(key, hash_for(key))


_ANSWERED_HASHES = (hashes.SHA1, hashes.SHA224, hashes.SHA256, hashes.SHA384, hashes.SHA512)
LONGEST_SERIAL_BITS = 160


@dataclass(frozen=True)
class Question:
    """An OCSP request for one certificate: a CertID and perhaps a nonce (RFC 6960 section 4.1)."""

    serial: int
    name_hash: bytes
    key_hash: bytes
    algorithm: hashes.HashAlgorithm
    nonce: bytes | None

    def is_about(self, issuer: x509.Certificate) -> bool:
        """Whether the CertID names this issuer (RFC 6960 section 4.1.1)."""
        name_hash, key_hash = _issuer_hashes(issuer, self.algorithm)
        return name_hash == self.name_hash and key_hash == self.key_hash


def read_question(der: bytes) -> Question:
    """Read an OCSP request, DER, with one question. Raises BadInput."""
    if len(der) > MOST_QUESTIONS:
        raise BadInput("The request for status is too long.", "request")
    try:
        request = ocsp.load_der_ocsp_request(der)
        nonce = _nonce(request)
        _refuse_unanswerable(request)
        return Question(
            request.serial_number,
            request.issuer_name_hash,
            request.issuer_key_hash,
            request.hash_algorithm,
            nonce,
        )
    except Exception:
        # The parser has many ways to say no; each of them means the same to the sender.
        raise BadInput("The request cannot be read as OCSP (RFC 6960).", "request") from None


def _refuse_unanswerable(request: ocsp.OCSPRequest) -> None:
    """What the parser takes and no answer can repeat. Raises ValueError."""
    size = request.hash_algorithm.digest_size
    if not isinstance(request.hash_algorithm, _ANSWERED_HASHES):
        raise ValueError("a hash that no answer uses")
    if len(request.issuer_name_hash) != size or len(request.issuer_key_hash) != size:
        raise ValueError("a hash of another length")
    if request.serial_number.bit_length() > LONGEST_SERIAL_BITS:
        raise ValueError("RFC 5280 section 4.1.2.2")


def answer(
    question: Question,
    known: bool,
    revoked: Revoked | None,
    *,
    signer: x509.Certificate,
    signer_key: PrivateKey,
    this_update: datetime,
    next_update: datetime,
) -> bytes:
    """A signed answer, DER: good, revoked, or unknown where there is no such certificate."""
    status, at, reason = ocsp.OCSPCertStatus.GOOD, None, None
    if not known:
        status = ocsp.OCSPCertStatus.UNKNOWN
    elif revoked is not None:
        status, at, reason = ocsp.OCSPCertStatus.REVOKED, revoked.at, _flag(revoked.reason)
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            question.name_hash,
            question.key_hash,
            question.serial,
            question.algorithm,
            status,
            this_update,
            next_update,
            at,
            reason,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, signer)
        .certificates([signer])
    )
    if question.nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(question.nonce), critical=False)
    response = builder.sign(signer_key, hash_for(signer_key))
    return response.public_bytes(Encoding.DER)


def refused(malformed: bool) -> bytes:
    """An error response: the request is malformed, or the issuer is not ours (unauthorized)."""
    status = ocsp.OCSPResponseStatus.MALFORMED_REQUEST if malformed else ocsp.OCSPResponseStatus.UNAUTHORIZED
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def signer_certificate(
    issuer: x509.Certificate,
    issuer_key: PrivateKey,
    public_key: PublicKey,
    *,
    serial: int,
    not_before: datetime,
    not_after: datetime,
) -> x509.Certificate:
    """The certificate of a delegated OCSP signer, with ocsp-nocheck (RFC 6960 section 4.2.2.2)."""
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    return (
        x509.CertificateBuilder()
        .subject_name(to_name(Subject(common_name="OCSP responder")))
        .issuer_name(issuer.subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(min(not_after, issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(_authority_key(issuer), critical=False)
        .sign(issuer_key, hash_for(issuer_key))
    )


def _nonce(request: ocsp.OCSPRequest) -> bytes | None:
    try:
        nonce = request.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return None
    if not 1 <= len(nonce) <= LONGEST_NONCE:
        raise ValueError("RFC 9654 section 2.1")
    return nonce


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _distribution_point(url: str) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )


def _entry(revoked: Revoked) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(revoked.serial).revocation_date(revoked.at)
    if (flag := _flag(revoked.reason)) is not None:
        builder = builder.add_extension(x509.CRLReason(flag), critical=False)
    return builder.build()


def _flag(reason: Reason) -> x509.ReasonFlags | None:
    """The reason code; unspecified is left out (RFC 5280 section 5.3.1)."""
    return None if reason is Reason.UNSPECIFIED else x509.ReasonFlags(reason.value)


def _issuer_hashes(issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> tuple[bytes, bytes]:
    """Hashes of an issuer's name and key, as a CertID holds them."""
    # The builder hashes the *issuer* name of the first certificate and the key of the second. The name is hashed
    # here: the issuer's own certificate names who signed it, which is another authority unless it is a root.
    name = hashes.Hash(algorithm)
    name.update(issuer.subject.public_bytes())
    request = ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, algorithm).build()
    return name.finalize(), request.issuer_key_hash
