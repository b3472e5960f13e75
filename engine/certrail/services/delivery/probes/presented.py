"""The chain that a server presents, compared with the one that was delivered with its certificate."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certrail.pki.chain import is_self_signed
from certrail.pki.lenient import public_key_of, raw_names, subject_of


def chain_fault(presented: Iterable[bytes], chain: Sequence[str], now: datetime) -> str:
    """Why clients that know only the root cannot verify what is presented; empty if they can.

    An intermediate that was issued anew, with the same subject and key, is as good as the one that was delivered.

    Args:
        presented: DER, with the leaf or without it.
        chain: PEM of the issuers that were delivered; a root in it need not be presented (RFC 8446 section 4.4.2).
    """
    read = [certificate for certificate in map(_read, presented) if certificate is not None]
    held = {_identity(certificate): certificate for certificate in read}
    for text in chain:
        wanted = x509.load_pem_x509_certificate(text.encode())
        if is_self_signed(wanted):
            continue
        found = held.get(_identity(wanted))
        if found is None:
            return f"The intermediate {subject_of(wanted)} is missing."
        if found.not_valid_after_utc <= now:
            return f"The intermediate {subject_of(wanted)} that is presented has expired."
    return ""


def _read(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        return None


def _identity(certificate: x509.Certificate) -> tuple[bytes, bytes]:
    """Subject and public key; of a key that cannot be read, the whole certificate."""
    _, subject = raw_names(certificate)
    key = public_key_of(certificate)
    if key is None:
        return subject, certificate.public_bytes(Encoding.DER)
    return subject, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
