"""Structures that an authority's key signs, complete but for the signature: certificates, CSRs, CRLs, OCSP responses.

A template knows its content and the algorithm that fits the key, never where the key is. Any object that implements
the private-key interface of `cryptography` signs it: a key in memory, or a handle to a key in an HSM.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from cryptography import x509

from certrail.domain.content import Subject
from certrail.pki.authority import authority_request, intermediate, self_signed_root
from certrail.pki.keys import PrivateKey, PublicKey
from certrail.pki.leaf import LeafPlan, sign_leaf
from certrail.pki.locations import NOWHERE, Locations
from certrail.pki.revocation import Question, Revoked, answer, make_crl, signer_certificate
from certrail.pki.scep.ra import ra_certificate

T_co = TypeVar("T_co", covariant=True)


class Template(Protocol[T_co]):
    """What is to be signed, and what it becomes."""

    def sign(self, key: PrivateKey) -> T_co:
        """Sign with the issuer's key. Raises Conflict where the issuer may not sign this (RFC 5280 section 6.1.4)."""
        ...


@dataclass(frozen=True)
class LeafTemplate:
    """An end-entity certificate, or a CA certificate that was requested like one."""

    plan: LeafPlan
    public_key: PublicKey
    issuer: x509.Certificate
    serial: int

    def sign(self, key: PrivateKey) -> x509.Certificate:
        """The certificate."""
        return sign_leaf(self.plan, self.public_key, self.issuer, key, self.serial)


@dataclass(frozen=True)
class RootTemplate:
    """A self-signed CA certificate; ``max_path_length=None`` sets no pathLenConstraint."""

    subject: Subject
    serial: int
    not_before: datetime
    not_after: datetime
    max_path_length: int | None

    def sign(self, key: PrivateKey) -> x509.Certificate:
        """The certificate."""
        return self_signed_root(
            self.subject, key, self.serial, self.not_before, self.not_after, self.max_path_length
        )


@dataclass(frozen=True)
class IntermediateTemplate:
    """A CA certificate below another one."""

    subject: Subject
    public_key: PublicKey
    issuer: x509.Certificate
    serial: int
    not_before: datetime
    not_after: datetime
    max_path_length: int | None
    locations: Locations = NOWHERE

    def sign(self, key: PrivateKey) -> x509.Certificate:
        """The certificate."""
        return intermediate(
            self.subject,
            self.public_key,
            self.issuer,
            key,
            serial=self.serial,
            not_before=self.not_before,
            not_after=self.not_after,
            max_path_length=self.max_path_length,
            locations=self.locations,
        )


@dataclass(frozen=True)
class CsrTemplate:
    """A CSR (PKCS#10) with which another CA certifies the key."""

    subject: Subject
    max_path_length: int | None

    def sign(self, key: PrivateKey) -> x509.CertificateSigningRequest:
        """The CSR, signed with the key that it is about (proof of possession, RFC 2986 section 3)."""
        return authority_request(self.subject, key, self.max_path_length)


@dataclass(frozen=True)
class CrlTemplate:
    """A complete CRL; `url` goes into its issuingDistributionPoint."""

    issuer: x509.Certificate
    revoked: tuple[Revoked, ...]
    number: int
    this_update: datetime
    next_update: datetime
    url: str | None

    def sign(self, key: PrivateKey) -> x509.CertificateRevocationList:
        """The CRL."""
        return make_crl(
            self.issuer,
            key,
            self.revoked,
            number=self.number,
            this_update=self.this_update,
            next_update=self.next_update,
            url=self.url,
        )


@dataclass(frozen=True)
class OcspSignerTemplate:
    """The certificate of a delegated OCSP signer (RFC 6960 section 4.2.2.2)."""

    issuer: x509.Certificate
    public_key: PublicKey
    serial: int
    not_before: datetime
    not_after: datetime

    def sign(self, key: PrivateKey) -> x509.Certificate:
        """The certificate."""
        return signer_certificate(
            self.issuer,
            key,
            self.public_key,
            serial=self.serial,
            not_before=self.not_before,
            not_after=self.not_after,
        )


@dataclass(frozen=True)
class ScepRaTemplate:
    """The certificate of a SCEP registration authority (RFC 8894 section 2.2)."""

    issuer: x509.Certificate
    public_key: PublicKey
    serial: int
    not_before: datetime
    not_after: datetime

    def sign(self, key: PrivateKey) -> x509.Certificate:
        """The certificate."""
        return ra_certificate(
            self.issuer,
            key,
            self.public_key,
            serial=self.serial,
            not_before=self.not_before,
            not_after=self.not_after,
        )


@dataclass(frozen=True)
class OcspResponseTemplate:
    """The status of one certificate, signed by the delegated signer; `known` is false for an unknown serial number."""

    question: Question
    known: bool
    revoked: Revoked | None
    signer: x509.Certificate
    this_update: datetime
    next_update: datetime

    def sign(self, key: PrivateKey) -> bytes:
        """The OCSP response, DER."""
        return answer(
            self.question,
            self.known,
            self.revoked,
            signer=self.signer,
            signer_key=key,
            this_update=self.this_update,
            next_update=self.next_update,
        )
