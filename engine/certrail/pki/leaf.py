"""Leaf certificates (RFC 5280 section 4.2)."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from certrail.domain.content import EXTENDED_KEY_USAGES, BasicConstraints, KeyUsage, Sans, Subject
from certrail.domain.errors import Conflict
from certrail.pki.authority import refuse_too_deep, sign_under
from certrail.pki.keys import PrivateKey, PublicKey, hash_for
from certrail.pki.locations import NOWHERE, Locations
from certrail.pki.names import to_general_names, to_name

NO_AUTHORITY = BasicConstraints()


@dataclass(frozen=True)
class LeafPlan:
    """Content of the certificate; usages are names of RFC 5280 or, extended ones, dotted OIDs."""

    subject: Subject
    sans: Sans
    key_usages: tuple[str, ...]
    extended_key_usages: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    basic_constraints: BasicConstraints = NO_AUTHORITY
    locations: Locations = NOWHERE


def sign_leaf(
    plan: LeafPlan, public_key: PublicKey, issuer: x509.Certificate, issuer_key: PrivateKey, serial: int
) -> x509.Certificate:
    """Sign. Validity is exact to the second, and an empty subject makes the names critical.

    Raises:
        Conflict: it would outlive its issuer, or the issuer cannot sign it.
    """
    if plan.basic_constraints.ca:
        refuse_too_deep(issuer, plan.basic_constraints.path_length)
    return sign_under(_leaf(plan, public_key, serial), issuer, issuer_key, plan.not_before, plan.not_after)


def self_signed_leaf(plan: LeafPlan, key: PrivateKey, serial: int) -> x509.Certificate:
    """Sign with the certificate's own key.

    Raises:
        Conflict: it has no subject, which would be the issuer too and may not be empty (RFC 5280 section 4.1.2.4).
    """
    if plan.subject.is_empty():
        raise Conflict("A certificate that signs itself needs a subject, which is its issuer too.")
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return (
        _leaf(plan, key.public_key(), serial)
        .issuer_name(to_name(plan.subject))
        .not_valid_before(plan.not_before)
        .not_valid_after(plan.not_after)
        .add_extension(identifier, critical=False)
        .sign(key, hash_for(key))
    )


def _leaf(plan: LeafPlan, public_key: PublicKey, serial: int) -> x509.CertificateBuilder:
    constraints = plan.basic_constraints
    builder = (
        x509.CertificateBuilder()
        .subject_name(to_name(plan.subject))
        .public_key(public_key)
        .serial_number(serial)
        .add_extension(x509.BasicConstraints(constraints.ca, constraints.path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    if plan.key_usages or constraints.ca:
        usage = _key_usage(plan.key_usages, authority=constraints.ca)
        builder = builder.add_extension(usage, critical=True)
    if plan.extended_key_usages:
        oids = [ObjectIdentifier(EXTENDED_KEY_USAGES.get(u, u)) for u in plan.extended_key_usages]
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=False)
    builder = plan.locations.added_to(builder)
    if plan.sans.count():
        sans = x509.SubjectAlternativeName(to_general_names(plan.sans))
        builder = builder.add_extension(sans, critical=plan.subject.is_empty())
    return builder


def _key_usage(usages: tuple[str, ...], *, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=KeyUsage.DIGITAL_SIGNATURE in usages,
        content_commitment=KeyUsage.CONTENT_COMMITMENT in usages,
        key_encipherment=KeyUsage.KEY_ENCIPHERMENT in usages,
        data_encipherment=KeyUsage.DATA_ENCIPHERMENT in usages,
        key_agreement=KeyUsage.KEY_AGREEMENT in usages,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
