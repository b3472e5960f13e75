"""PKCS#10 (RFC 2986) as clients write it.

A strict parser refuses a request whose attributes are not in the order of DER, which strongSwan writes. Such a request
is read from a copy in DER; its signature is verified over the bytes that came.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from asn1crypto import csr as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from certrail.pki.der import SEQUENCE, Element, NotDer, one
from certrail.pki.enrollment.ber import Malformed, read, reading, tlv, whole
from certrail.pki.lenient import readable

CHALLENGE_PASSWORD = x509.ObjectIdentifier("1.2.840.113549.1.9.7")
"""RFC 2985 section 5.4.1."""
_WHAT = "the CSR"
_ATTRIBUTES = 0xA0


@dataclass(frozen=True)
class ParsedRequest:
    """A request and the result of its proof of possession.

    Attributes:
        csr: to read from; its own signature may not verify, as its encoding may have been made DER.
        der: the bytes that came.
        signed: whether the signature over the bytes that came fits the key; ``None`` where that cannot be verified.
    """

    csr: x509.CertificateSigningRequest
    der: bytes
    signed: bool | None


def parse_request(der: bytes) -> ParsedRequest:
    """Read a request, DER or BER. Raises Malformed."""
    strict = readable(lambda: x509.load_der_x509_csr(der))
    if strict is not None and _is_complete(strict):
        return ParsedRequest(strict, der, readable(lambda: strict.is_signature_valid))
    info, normal = _normal(der)
    csr = readable(lambda: x509.load_der_x509_csr(normal))
    if csr is None or not _is_complete(csr):
        raise Malformed("the CSR cannot be read as PKCS#10 (RFC 2986): its encoding is broken")
    return ParsedRequest(csr, der, _verified(csr, info))


def challenge_of(csr: x509.CertificateSigningRequest) -> str | None:
    """The challengePassword attribute, by which SCEP authenticates. Raises Malformed for one that is no text."""
    found = read("the CSR's attributes", lambda: [a for a in csr.attributes if a.oid == CHALLENGE_PASSWORD])
    if not found:
        return None
    if len(found) > 1:
        raise Malformed("the CSR has more than one challengePassword")
    return read("the challengePassword", lambda: str(found[0].value, "utf-8"))


def without_challenge(request: ParsedRequest) -> bytes:
    """The request without its challengePassword, a secret that is not stored.

    The signature stays and does not verify any more. A request without the attribute is returned as it came. What is
    in the other attributes is not looked at: certmonger writes some that no schema fits.

    Raises:
        Malformed: its attributes cannot be told apart.
    """
    if not read(_WHAT, lambda: any(a.oid == CHALLENGE_PASSWORD for a in request.csr.attributes)):
        return request.der
    given = request.csr.public_bytes(Encoding.DER)
    return read(_WHAT, lambda: _with_attributes(given, _others)[1])


def _normal(der: bytes) -> tuple[bytes, bytes]:
    """The bytes that are signed, as they came, and the request in DER."""
    with suppress(Malformed):
        return read(_WHAT, lambda: _with_attributes(der, _sorted))
    given = whole(asn1.CertificationRequest, der, _WHAT)
    with reading(_WHAT):
        return bytes(given["certification_request_info"].dump()), bytes(given.copy().dump(force=True))


def _with_attributes(
    der: bytes, change: Callable[[Sequence[Element]], Sequence[Element]]
) -> tuple[bytes, bytes]:
    """What is signed, and the request with its attributes changed; everything else stays as it is, byte for byte."""
    request = one(der)
    if len(request.raw) != len(der):
        raise NotDer("more follows")
    info, algorithm, signature = request.children()
    *front, attributes = info.children()
    if attributes.tag != _ATTRIBUTES:
        raise NotDer("there are no attributes")
    changed = tlv(_ATTRIBUTES, b"".join(element.raw for element in change(attributes.children())))
    body = tlv(SEQUENCE, b"".join(part.raw for part in front) + changed)
    return info.raw, tlv(SEQUENCE, body + algorithm.raw + signature.raw)


def _sorted(attributes: Sequence[Element]) -> Sequence[Element]:
    """In the order of a SET OF in DER (X.690 section 11.6)."""
    return sorted(attributes, key=lambda element: element.raw)


def _others(attributes: Sequence[Element]) -> Sequence[Element]:
    secret = CHALLENGE_PASSWORD.dotted_string
    return [element for element in attributes if element.children()[0].oid() != secret]


def _is_complete(csr: x509.CertificateSigningRequest) -> bool:
    """Whether all that is read of it later can be read: the parser looks at some parts only when they are wanted."""
    return readable(lambda: csr.subject) is not None and readable(lambda: len(csr.attributes)) is not None


def _verified(csr: x509.CertificateSigningRequest, info: bytes) -> bool | None:
    """Whether the signature over these bytes fits the key in the request."""
    key = readable(csr.public_key)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            padding, hash_ = csr.signature_algorithm_parameters, csr.signature_hash_algorithm
            key.verify(csr.signature, info, padding, hash_)  # type: ignore[arg-type]
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(csr.signature, info, csr.signature_algorithm_parameters)  # type: ignore[arg-type]
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(csr.signature, info)
        else:
            return None
    except InvalidSignature:
        return False
    except Exception:
        return None  # an algorithm of another kind of key, or one that is not known
    return True
