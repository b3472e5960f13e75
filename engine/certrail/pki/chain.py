"""Certificates as PEM text, and the way from one of them to its root."""

import re
from collections.abc import Callable, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from certrail.domain.errors import BadInput

MOST_CERTIFICATES = 20
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def read_certificates(text: str, field: str) -> list[x509.Certificate]:
    """Every certificate in a PEM text, in order; any text between them is ignored.

    Raises:
        BadInput: there is none, there are too many, or one cannot be read.
    """
    blocks = _BLOCK.findall(text)
    if not blocks:
        raise BadInput("There is no PEM certificate; begin with -----BEGIN CERTIFICATE-----.", field)
    if len(blocks) > MOST_CERTIFICATES:
        raise BadInput(f"Give at most {MOST_CERTIFICATES} certificates; these are {len(blocks)}.", field)
    return [_read(block, number, field) for number, block in enumerate(blocks, start=1)]


def refuse_unreadable(certificate: x509.Certificate, number: int, field: str) -> None:
    """Read at once what is otherwise read when it is needed, so that a fault is reported to the sender.

    Raises:
        BadInput: naming the part that cannot be read, such as a key of a kind that is not known here.
    """
    parts: dict[str, Callable[[], object]] = {
        "subject": lambda: certificate.subject,
        "issuer": lambda: certificate.issuer,
        "public key": certificate.public_key,
        "extensions": lambda: certificate.extensions,
    }
    for part, read in parts.items():
        try:
            read()
        except Exception as err:
            why = type(err).__name__
            raise BadInput(f"Certificate {number}: its {part} cannot be read ({why}).", field) from None


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether a certificate is signed by its own key."""
    return is_signed_by(certificate, certificate)


def path_to_root(
    certificate: x509.Certificate, candidates: Sequence[x509.Certificate], field: str
) -> list[x509.Certificate]:
    """The issuers of a certificate, nearest first, ending with a self-signed one; their order does not matter.

    Raises:
        BadInput: an issuer is missing, or is not one that may sign certificates.
    """
    path = path_upwards(certificate, candidates)
    for between, issuer in enumerate(path):
        _refuse_unfit(issuer, between, field)
    last = path[-1] if path else certificate
    if not is_self_signed(last):
        name = last.issuer.rfc4514_string()
        raise BadInput(f"The certificate of the issuer {name!r} is missing; add it.", field)
    return path


def path_upwards(
    certificate: x509.Certificate, candidates: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """The issuers of a certificate among the candidates, nearest first, as far as they reach."""
    path: list[x509.Certificate] = []
    current = certificate
    while not is_self_signed(current):
        issuer = next((c for c in candidates if c not in path and is_signed_by(current, c)), None)
        if issuer is None:
            break
        path.append(issuer)
        current = issuer
    return path


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's name and key are those that signed."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _read(block: str, number: int, field: str) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(block.encode())
    except Exception as err:
        # The parser has many ways to say no; each of them means the same to the sender.
        why = type(err).__name__
        raise BadInput(f"Certificate {number} cannot be read as X.509 ({why}).", field) from None
    refuse_unreadable(certificate, number, field)
    return certificate


def _refuse_unfit(issuer: x509.Certificate, between: int, field: str) -> None:
    """RFC 5280 section 6.1.4: a CA, that signs certificates, with room for those between it and the leaf."""
    name = issuer.subject.rfc4514_string()
    constraints = _constraints(issuer)
    if not constraints.ca:
        raise BadInput(f"{name!r} is not the certificate of an authority.", field)
    if constraints.path_length is not None and constraints.path_length < between:
        raise BadInput(f"{name!r} allows fewer authorities below it than there are.", field)
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not usage.key_cert_sign:
        raise BadInput(f"The key of {name!r} may not sign certificates.", field)


def may_issue(certificate: x509.Certificate) -> bool:
    """Whether a certificate is an authority's (RFC 5280 section 4.2.1.9)."""
    return _constraints(certificate).ca


def _constraints(certificate: x509.Certificate) -> x509.BasicConstraints:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return x509.BasicConstraints(ca=False, path_length=None)
