"""The certificate of a SCEP registration authority: clients encrypt to it, and verify answers with it."""

from datetime import datetime

from cryptography import x509

from certrail.domain.content import Subject
from certrail.pki.keys import PrivateKey, PublicKey, hash_for
from certrail.pki.names import to_name


def ra_certificate(
    issuer: x509.Certificate,
    issuer_key: PrivateKey,
    public_key: PublicKey,
    *,
    serial: int,
    not_before: datetime,
    not_after: datetime,
) -> x509.Certificate:
    """One certificate to sign answers and to decrypt requests (RFC 8894 section 2.1.2)."""
    usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    return (
        x509.CertificateBuilder()
        .subject_name(to_name(Subject(common_name="SCEP registration authority")))
        .issuer_name(issuer.subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(min(not_after, issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(authority, critical=False)
        .sign(issuer_key, hash_for(issuer_key))
    )
