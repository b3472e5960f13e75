"""What a profile tells a client to put into its CSR: CsrAttrs (RFC 7030 section 4.5.2, RFC 9908)."""

from collections.abc import Sequence

from asn1crypto import core

from certrail.domain.content import KeyAlgorithm
from certrail.pki.enrollment.ber import tlv

_SEQUENCE, _SET = 0x30, 0x31
_RSA, _EC = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"
_SIGNATURES = {
    KeyAlgorithm.RSA_2048: "1.2.840.113549.1.1.11",
    KeyAlgorithm.RSA_3072: "1.2.840.113549.1.1.11",
    KeyAlgorithm.RSA_4096: "1.2.840.113549.1.1.11",
    KeyAlgorithm.EC_P256: "1.2.840.10045.4.3.2",
    KeyAlgorithm.EC_P384: "1.2.840.10045.4.3.3",
    KeyAlgorithm.EC_P521: "1.2.840.10045.4.3.4",
}
"""With which a CSR for such a key is signed."""
_BITS = {KeyAlgorithm.RSA_2048: 2048, KeyAlgorithm.RSA_3072: 3072, KeyAlgorithm.RSA_4096: 4096}
_CURVES = {
    KeyAlgorithm.EC_P256: "1.2.840.10045.3.1.7",
    KeyAlgorithm.EC_P384: "1.3.132.0.34",
    KeyAlgorithm.EC_P521: "1.3.132.0.35",
}
_ED25519 = "1.3.101.112"


def csr_attributes(algorithms: Sequence[KeyAlgorithm]) -> bytes:
    """The key types that are taken, each with its sizes or curves, and the signatures that fit them, DER.

    Empty for no algorithm: then there is nothing to say, and the answer is 204.
    """
    if not algorithms:
        return b""
    chosen = sorted(set(algorithms), key=list(KeyAlgorithm).index)
    items: list[bytes] = []
    if bits := [core.Integer(_BITS[a]).dump() for a in chosen if a in _BITS]:
        items.append(_attribute(_RSA, bits))
    if curves := [_oid(_CURVES[a]) for a in chosen if a in _CURVES]:
        items.append(_attribute(_EC, curves))
    items += [_oid(oid) for oid in dict.fromkeys(_SIGNATURES.get(a, _ED25519) for a in chosen)]
    return tlv(_SEQUENCE, b"".join(items))


def _attribute(oid: str, values: Sequence[bytes]) -> bytes:
    return tlv(_SEQUENCE, _oid(oid) + tlv(_SET, b"".join(sorted(values))))


def _oid(dotted: str) -> bytes:
    return bytes(core.ObjectIdentifier(dotted).dump())
