"""Certificates as PEM text, and the way from one of them to its root."""

import re
from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa

from certrail.domain.errors import BadInput
from certrail.pki.lenient import public_key_of, raw_names, readable, subject_of, unreadable_parts

MOST_CERTIFICATES = 20
_BLOCK = re.compile(
    r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----.+?-----END (?:X509 |TRUSTED )?CERTIFICATE-----",
    re.DOTALL,
)
_WEAK = (hashes.SHA1, hashes.MD5)
_FAMILIES: dict[str, type] = {
    "1.2.840.113549.1.1.": rsa.RSAPublicKey,
    "1.2.840.10045.4.": ec.EllipticCurvePublicKey,
    "1.2.840.10040.4.": dsa.DSAPublicKey,
}
"""Signature algorithms by the start of their OID (RFC 3279, RFC 5758)."""


def read_certificates(text: str, field: str, *, lenient: bool = False) -> list[x509.Certificate]:
    """Every certificate in a PEM text, in order, each once; any text between them is ignored.

    Args:
        lenient: a part that cannot be read, such as an attribute of the subject, is left to the caller.

    Raises:
        BadInput: there is none, there are too many, or one cannot be read.
    """
    blocks = _BLOCK.findall(text)
    if not blocks:
        raise BadInput("There is no PEM certificate; begin with -----BEGIN CERTIFICATE-----.", field)
    if len(blocks) > MOST_CERTIFICATES:
        raise BadInput(f"Give at most {MOST_CERTIFICATES} certificates; these are {len(blocks)}.", field)
    found = [_read(block, number, field) for number, block in enumerate(blocks, start=1)]
    for number, certificate in enumerate(found, start=1):
        if not lenient and (parts := unreadable_parts(certificate)):
            raise BadInput(f"Certificate {number} cannot be used: {'; '.join(parts)}.", field)
    return unique(found)


def unique(certificates: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """Each certificate once, in order."""
    return list(dict.fromkeys(certificates))


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether a certificate is a root: its own issuer, by name and, where that can be verified, by signature.

    What signs itself proves nothing by it. So a root whose signature cannot be verified here, by its hash for
    example, is one all the same (RFC 5280 section 6.1, RFC 8446 section 4.4.2.2).
    """
    return _signed(certificate, certificate) is not False


def path_to_root(
    certificate: x509.Certificate, candidates: Sequence[x509.Certificate], field: str
) -> list[x509.Certificate]:
    """The issuers of a certificate, nearest first, ending with a root; their order does not matter.

    Raises:
        BadInput: an issuer is missing, is not one that may sign certificates, or signed with a broken hash.
    """
    path = path_upwards(certificate, candidates)
    for between, issuer in enumerate(path):
        _refuse_unfit(issuer, between, field)
    last = path[-1] if path else certificate
    if not is_self_signed(last):
        raise BadInput(f"The certificate of the issuer {issuer_of(last)!r} is missing; add it.", field)
    for below in [certificate, *path][: len(path)]:
        _refuse_weak_signature(below, field)
    return path


def path_upwards(
    certificate: x509.Certificate, candidates: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """The issuers of a certificate among the candidates, nearest first: to the nearest root, else as far as possible.

    An issuer may have several certificates, by its own key and by others': each is a way up (RFC 4158 section 2.4).
    """
    below = reachable(certificate, candidates)
    # Found level by level, so the first root is the nearest, and the last one is the farthest away.
    ends = [found for found in below if is_self_signed(found)] or list(below)[-1:]
    path: list[x509.Certificate] = []
    current = ends[0] if ends else certificate
    while current != certificate:
        path.insert(0, current)
        current = below[current]
    return path


def reachable(
    certificate: x509.Certificate, candidates: Sequence[x509.Certificate]
) -> dict[x509.Certificate, x509.Certificate]:
    """Everything that is above a certificate, level by level, with what is below it on the shortest way."""
    below: dict[x509.Certificate, x509.Certificate] = {}
    level = [certificate]
    while level:
        found = {
            issuer: current
            for current in reversed(level)
            if not is_self_signed(current)
            for issuer in candidates
            if issuer != certificate and issuer not in below and is_issued_by(current, issuer)
        }
        below.update(found)
        level = list(found)
    return below


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's name and key are those that signed: the signature was verified."""
    return _signed(certificate, issuer) is True


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """The same, but a signature that cannot be verified here counts where names and key identifiers fit."""
    signed = _signed(certificate, issuer)
    return _identifiers_fit(certificate, issuer) if signed is None else signed


def issuer_of(certificate: x509.Certificate) -> str:
    """The issuer's name in one line (RFC 4514), as far as it can be read."""
    name = readable(lambda: certificate.issuer)
    return name.rfc4514_string() if name is not None else "a name that cannot be read"


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """Whether the issuer signed; ``None`` when the names fit and the kind of signature is not verified here."""
    if raw_names(certificate)[0] != raw_names(issuer)[1]:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return _weakly_signed(certificate, issuer)
    return True


def _weakly_signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """Signatures with SHA-1 and MD5, which the library does not take for certificates any more."""
    key, hash_ = public_key_of(issuer), readable(lambda: certificate.signature_hash_algorithm)
    if _of_another_family(certificate, key):
        return False
    if not isinstance(hash_, _WEAK):
        return None
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(certificate.signature, certificate.tbs_certificate_bytes, padding.PKCS1v15(), hash_)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hash_))
        else:
            return None
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return True


def _of_another_family(certificate: x509.Certificate, key: object) -> bool:
    """Whether such a key cannot have made the signature."""
    oid = certificate.signature_algorithm_oid.dotted_string
    families = [family for prefix, family in _FAMILIES.items() if oid.startswith(prefix)]
    return key is not None and bool(families) and not isinstance(key, families[0])


def _identifiers_fit(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        wanted = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        has = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return True
    return wanted.key_identifier is None or wanted.key_identifier == has.digest


def _refuse_weak_signature(certificate: x509.Certificate, field: str) -> None:
    hash_ = readable(lambda: certificate.signature_hash_algorithm)
    if isinstance(hash_, _WEAK):
        name = subject_of(certificate)
        raise BadInput(
            f"{name!r} is signed with {hash_.name.upper()}, which is broken; have it signed anew.", field
        )


def _read(block: str, number: int, field: str) -> x509.Certificate:
    block = re.sub(r"(BEGIN|END) (?:X509|TRUSTED) ", r"\1 ", block)
    certificate = readable(lambda: x509.load_pem_x509_certificate(block.encode()))
    if certificate is None or readable(lambda: raw_names(certificate)) is None:
        raise BadInput(
            f"Certificate {number} cannot be read as X.509: its encoding is broken, or a field has a value"
            " that RFC 5280 does not allow.",
            field,
        )
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
