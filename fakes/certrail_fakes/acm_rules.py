"""The rules of ImportCertificate that AWS documents and moto does not check."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

MAX_KEY_BYTES = 5120
MAX_TAGS = 50
RSA_SIZES = (1024, 2048, 3072, 4096)
CURVES = {"secp256r1": "EC_prime256v1", "secp384r1": "EC_secp384r1", "secp521r1": "EC_secp521r1"}
KEY_TYPES = frozenset({*(f"RSA_{size}" for size in RSA_SIZES), *CURVES.values()})
LISTED_BY_DEFAULT = ("RSA_1024", "RSA_2048")
_TAG_TEXT = re.compile(r"[\w\s.:/=+\-@]*")


class Refusal(Exception):
    """An answer with an AWS error code."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Lost(Exception):
    """The connection is to be cut without an answer."""


def invalid(message: str) -> Refusal:
    """The refusal ACM gives to most bad input."""
    return Refusal("ValidationException", message)


@dataclass(frozen=True)
class Import:
    """An ImportCertificate request that was found good."""

    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    arn: str | None
    tags: tuple[Mapping[str, str], ...]


def read_import(body: Mapping[str, Any], now: datetime, *, same_algorithm: bool) -> Import:
    """Check everything that can be said about one import without knowing what is stored."""
    arn = body.get("CertificateArn")
    tags = tuple(body.get("Tags") or ())
    if arn and tags:
        raise invalid("Tagging is not permitted on re-import.")
    _check_tags(tags)
    leaf = only_certificate(_blob(body, "Certificate"))
    chain = certificates_of(_blob(body, "CertificateChain")) if body.get("CertificateChain") else ()
    key_type(leaf)
    check_key(_blob(body, "PrivateKey"), leaf)
    check_chain(leaf, chain, same_algorithm)
    check_times((leaf, *chain), now)
    return Import(leaf, chain, arn, tags)


def check_reimport(old: x509.Certificate, new: x509.Certificate) -> None:
    """What a certificate may not change while it keeps its ARN."""
    if key_type(old) != key_type(new):
        raise invalid("The key type and size of a certificate cannot be changed on re-import.")
    if names(old) and not names(old) & names(new):
        raise invalid("You cannot remove all of the domain names from a certificate on re-import.")
    if _key_usages(old) - _key_usages(new):
        raise invalid("Key usage values cannot be removed on re-import.")
    if _extended_usages(old) - _extended_usages(new) - {ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string}:
        raise invalid("Extended key usage values cannot be removed on re-import.")


def key_type(certificate: x509.Certificate) -> str:
    """ACM's name for the key of a certificate."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in RSA_SIZES:
        return f"RSA_{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES:
        return CURVES[key.curve.name]
    raise invalid("The key algorithm or size of the certificate is not supported.")


def names(certificate: x509.Certificate) -> frozenset[str]:
    """Common name and subject alternative names."""
    found = {str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    try:
        value = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset(found)
    return frozenset(found | {str(name.value) for name in value})


def _blob(body: Mapping[str, Any], field: str) -> bytes:
    try:
        return base64.b64decode(body[field], validate=True)
    except (KeyError, TypeError, binascii.Error):
        raise invalid(f"{field} is missing or is not base64.") from None


def certificates_of(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM text."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise invalid("The certificate is not PEM-encoded or is not valid.") from None


def only_certificate(pem: bytes) -> x509.Certificate:
    """The one certificate of a PEM text."""
    found = certificates_of(pem)
    if len(found) > 1:
        raise invalid(
            "The certificate field contains more than one certificate. "
            "You can specify only one certificate in this field."
        )
    if found[0].version is not x509.Version.v3 or not list(found[0].issuer):
        raise invalid("The certificate is not an X.509 version 3 certificate with an issuer.")
    return found[0]


def check_key(pem: bytes, leaf: x509.Certificate) -> None:
    """Refuse a key that is encrypted, too long or of another certificate."""
    if len(pem) > MAX_KEY_BYTES:
        raise invalid("The private key is larger than 5120 bytes.")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise invalid("The private key is encrypted. Only an unencrypted key can be imported.") from None
    except ValueError:
        raise invalid("The private key is not PEM-encoded or is not valid.") from None
    if key.public_key() != leaf.public_key():
        raise invalid("The private key does not match the certificate.")


def check_chain(leaf: x509.Certificate, chain: Sequence[x509.Certificate], same_algorithm: bool) -> None:
    """Refuse a chain that is not in order from the leaf's issuer up."""
    if leaf in chain:
        raise invalid("The certificate chain contains the end-entity certificate.")
    for certificate, issuer in zip((leaf, *chain), chain, strict=False):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise invalid("Could not validate the certificate with the certificate chain.") from None
    if same_algorithm and chain and type(leaf.public_key()) is not type(chain[0].public_key()):
        raise invalid("The algorithm of the certificate does not match the algorithm of its CA.")


def check_times(certificates: Sequence[x509.Certificate], now: datetime) -> None:
    """Refuse certificates that are not valid now."""
    for certificate in certificates:
        if certificate.not_valid_after_utc < now:
            raise invalid("The certificate has expired, is not valid.")
        if certificate.not_valid_before_utc > now:
            raise invalid("The certificate is not in effect yet, is not valid.")


def _check_tags(tags: Sequence[Mapping[str, str]]) -> None:
    if len(tags) > MAX_TAGS:
        raise Refusal("TooManyTagsException", "A certificate cannot have more than 50 tags.")
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value") or ""
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise Refusal("InvalidTagException", "A tag key or value is too long, empty or reserved.")
        if not _TAG_TEXT.fullmatch(key) or not _TAG_TEXT.fullmatch(value):
            raise invalid("A tag key or value failed to satisfy the constraint on its characters.")


def _key_usages(certificate: x509.Certificate) -> frozenset[str]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return frozenset()
    flags = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
    )
    return frozenset(flag for flag in flags if getattr(usage, flag))


def _extended_usages(certificate: x509.Certificate) -> frozenset[str]:
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE)
    except x509.ExtensionNotFound:
        return frozenset()
    assert isinstance(extension.value, x509.ExtendedKeyUsage)
    return frozenset(oid.dotted_string for oid in extension.value)
