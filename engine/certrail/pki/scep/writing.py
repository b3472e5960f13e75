"""SignedData of SCEP, written in DER: `cryptography` adds no attributes of one's own to a signature."""

from collections.abc import Mapping, Sequence

from asn1crypto import algos, core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from certrail.pki.enrollment.ber import tlv
from certrail.pki.scep.algorithms import Digest
from certrail.pki.scep.envelope import Recipient, issuer_and_serial
from certrail.pki.scep.message import Attribute

_SEQUENCE, _SET, _EXPLICIT, _DATA, _SIGNED = 0x30, 0x31, 0xA0, "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"


def printable(value: str) -> bytes:
    """A PrintableString, DER."""
    return bytes(core.PrintableString(value).dump())


def octets(value: bytes) -> bytes:
    """An OCTET STRING, DER."""
    return bytes(core.OctetString(value).dump())


def utf8(value: str) -> bytes:
    """A UTF8String, DER."""
    return bytes(core.UTF8String(value).dump())


def named(certificate: x509.Certificate) -> Recipient:
    """A certificate by issuer and serial number."""
    return Recipient(certificate.issuer.public_bytes(), certificate.serial_number)


def signed_data(
    content: bytes | None,
    attributes: Mapping[str, bytes],
    signer: x509.Certificate,
    key: rsa.RSAPrivateKey,
    hash_: Digest,
    certificates: Sequence[x509.Certificate] | None = None,
) -> bytes:
    """A SignedData with one signer, DER.

    Args:
        content: the encapsulated content, or None for none.
        attributes: signed attributes by OID, each one DER element, besides content type and digest.
        certificates: in the message; left out, the signer's.
    """
    computed = hashes.Hash(hash_)
    computed.update(content or b"")
    given = {
        Attribute.CONTENT_TYPE: _oid(_DATA),
        Attribute.MESSAGE_DIGEST: octets(computed.finalize()),
        **attributes,
    }
    attrs = b"".join(sorted(tlv(_SEQUENCE, _oid(oid) + tlv(_SET, value)) for oid, value in given.items()))
    signature = key.sign(tlv(_SET, attrs), padding.PKCS1v15(), hash_)
    digest_algorithm = bytes(algos.DigestAlgorithm({"algorithm": hash_.name}).dump())
    signer_info = tlv(
        _SEQUENCE,
        bytes(core.Integer(1).dump())
        + issuer_and_serial(named(signer))
        + digest_algorithm
        + tlv(_EXPLICIT, attrs)
        + bytes(algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"}).dump())
        + octets(signature),
    )
    encapsulated = _oid(_DATA) + (tlv(_EXPLICIT, octets(content)) if content is not None else b"")
    held = b"".join(c.public_bytes(Encoding.DER) for c in (certificates or [signer]))
    signed = tlv(
        _SEQUENCE,
        bytes(core.Integer(1).dump())
        + tlv(_SET, digest_algorithm)
        + tlv(_SEQUENCE, encapsulated)
        + tlv(_EXPLICIT, held)
        + tlv(_SET, signer_info),
    )
    return tlv(_SEQUENCE, _oid(_SIGNED) + tlv(_EXPLICIT, signed))


def _oid(dotted: str) -> bytes:
    return bytes(core.ObjectIdentifier(dotted).dump())
