"""Certificates of authorities (RFC 5280 section 4.2)."""

from datetime import datetime

from cryptography import x509

from certrail.domain.content import Subject
from certrail.domain.errors import BadInput, Conflict
from certrail.pki.keys import PrivateKey, PublicKey, hash_for
from certrail.pki.locations import NOWHERE, Locations
from certrail.pki.names import to_name

CA_KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def self_signed_root(
    subject: Subject,
    key: PrivateKey,
    serial: int,
    not_before: datetime,
    not_after: datetime,
    max_path_length: int | None,
) -> x509.Certificate:
    """A root certificate, valid to the second; ``max_path_length=None`` sets no limit."""
    name = to_name(subject)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = _authority(name, key.public_key(), serial, max_path_length)
    return (
        builder.issuer_name(name)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(key, hash_for(key))
    )


def intermediate(
    subject: Subject,
    public_key: PublicKey,
    issuer: x509.Certificate,
    issuer_key: PrivateKey,
    *,
    serial: int,
    not_before: datetime,
    not_after: datetime,
    max_path_length: int | None,
    locations: Locations = NOWHERE,
) -> x509.Certificate:
    """An authority's certificate signed by another authority.

    Raises:
        Conflict: it would outlive its issuer, or allow more below it than its issuer does.
    """
    refuse_too_deep(issuer, max_path_length)
    builder = locations.added_to(_authority(to_name(subject), public_key, serial, max_path_length))
    return sign_under(builder, issuer, issuer_key, not_before, not_after)


def refuse_too_deep(issuer: x509.Certificate, max_path_length: int | None) -> None:
    """Raises Conflict when an authority with this path length does not fit below the issuer."""
    limit = _room_below(issuer)
    if limit is not None and (max_path_length is None or max_path_length > limit):
        raise Conflict(f"Its issuer allows a path length of at most {limit} here; choose a smaller one.")


def authority_request(
    subject: Subject, key: PrivateKey, max_path_length: int | None
) -> x509.CertificateSigningRequest:
    """The CSR of an authority here for another CA (RFC 2986)."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(to_name(subject))
        .add_extension(x509.BasicConstraints(ca=True, path_length=max_path_length), critical=True)
        .add_extension(CA_KEY_USAGE, critical=True)
        .sign(key, hash_for(key))
    )


def refuse_unfit_authority(certificate: x509.Certificate, subject: Subject) -> None:
    """Check what another authority signed for us.

    Raises:
        BadInput: it names somebody else, is no certificate of an authority, or lacks what is needed to sign.
    """
    if certificate.subject != to_name(subject):
        wanted, got = to_name(subject).rfc4514_string(), certificate.subject.rfc4514_string()
        raise BadInput(f"The certificate is for {got!r}, the request was for {wanted!r}.", "certificate")
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound as missing:
        name = missing.oid._name
        raise BadInput(
            f"The certificate has no {name}, which every authority needs.", "certificate"
        ) from None
    if not constraints.ca:
        raise BadInput("The certificate is not that of an authority: it was signed as a leaf.", "certificate")
    if not (usage.key_cert_sign and usage.crl_sign):
        raise BadInput("Its key usages lack keyCertSign or cRLSign; have it signed anew.", "certificate")


def sign_under(
    builder: x509.CertificateBuilder,
    issuer: x509.Certificate,
    issuer_key: PrivateKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.Certificate:
    """Add issuer, validity period and authorityKeyIdentifier, and sign.

    Raises:
        Conflict: the issuer may not sign this, its key is another one, or the times do not fit.
    """
    _refuse_unfit(issuer, issuer_key)
    if not_after <= not_before:
        raise Conflict("It would end before it begins; ask for a longer lifetime.")
    if not_after > issuer.not_valid_after_utc:
        raise Conflict(
            f"It would outlive its issuer, which ends at {issuer.not_valid_after_utc.isoformat()};"
            " ask for a shorter lifetime or renew the issuer."
        )
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        builder.issuer_name(issuer.subject)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(issuer_key, hash_for(issuer_key))
    )


def _authority(
    name: x509.Name, public_key: PublicKey, serial: int, max_path_length: int | None
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(public_key)
        .serial_number(serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=max_path_length), critical=True)
        .add_extension(CA_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _refuse_unfit(issuer: x509.Certificate, issuer_key: PrivateKey) -> None:
    if issuer.public_key() != issuer_key.public_key():
        raise Conflict("The issuer's certificate is not that of its key; check the authority's key.")
    if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise Conflict("The issuer's certificate is not that of an authority; choose another issuer.")


def _room_below(issuer: x509.Certificate) -> int | None:
    path_length = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    if path_length == 0:
        raise Conflict("Its issuer allows no authority below itself; choose another issuer.")
    return None if path_length is None else path_length - 1
