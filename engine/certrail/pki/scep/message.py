"""pkiMessage (RFC 8894 section 3), parsed before it is verified, so that a refusal can name its transaction."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from asn1crypto import cms, core
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certrail.pki.enrollment.ber import Malformed, read, reading, tlv, whole
from certrail.pki.scep.algorithms import BadAlgorithm, digest
from certrail.pki.scep.envelope import Recipient

LARGEST_MESSAGE = 131_072
LONGEST_TRANSACTION_ID = 512
LONGEST_NONCE = 64
MOST_CERTIFICATES = 10
LEAST_RSA_BITS, MOST_RSA_BITS = 1024, 8192
_WHAT = "the pkiMessage"
_SET_OF = 0x31


class MessageType(StrEnum):
    """RFC 8894 section 3.2.1.2."""

    CERT_REP = "3"
    RENEWAL_REQ = "17"
    PKCS_REQ = "19"
    CERT_POLL = "20"
    GET_CERT = "21"
    GET_CRL = "22"


class PkiStatus(StrEnum):
    """RFC 8894 section 3.2.1.3."""

    SUCCESS = "0"
    FAILURE = "2"
    PENDING = "3"


class FailInfo(StrEnum):
    """RFC 8894 section 3.2.1.4."""

    BAD_ALG = "0"
    BAD_MESSAGE_CHECK = "1"
    BAD_REQUEST = "2"
    BAD_TIME = "3"
    BAD_CERT_ID = "4"


class Attribute(StrEnum):
    """OIDs of the signed attributes of a pkiMessage (RFC 8894 section 3.2.1)."""

    MESSAGE_TYPE = "2.16.840.1.113733.1.9.2"
    PKI_STATUS = "2.16.840.1.113733.1.9.3"
    FAIL_INFO = "2.16.840.1.113733.1.9.4"
    SENDER_NONCE = "2.16.840.1.113733.1.9.5"
    RECIPIENT_NONCE = "2.16.840.1.113733.1.9.6"
    TRANSACTION_ID = "2.16.840.1.113733.1.9.7"
    FAIL_INFO_TEXT = "1.3.6.1.5.5.7.24.1"
    CONTENT_TYPE = "1.2.840.113549.1.9.3"
    MESSAGE_DIGEST = "1.2.840.113549.1.9.4"


class BadMessage(Exception):
    """The signature or the digest of a message does not verify: badMessageCheck."""


@dataclass(frozen=True)
class Signer:
    """The certificate that a message is signed with; for a first request the client makes it itself.

    Attributes:
        name: issuer and serial number, to which the answer is encrypted.
        fingerprint: SHA-256 of the certificate, hex.
    """

    der: bytes = field(repr=False)
    public_key: rsa.RSAPublicKey
    name: Recipient

    @property
    def fingerprint(self) -> str:
        """By which a certificate of the inventory is found."""
        return hashlib.sha256(self.der).hexdigest()


@dataclass(frozen=True)
class PkiMessage:
    """A message, not verified yet.

    Attributes:
        message_type: a `MessageType`, or another number.
        transaction_id: as text.
        raw_transaction_id: the element as it came, for the answer.
        content: the EnvelopedData, DER or BER.
    """

    message_type: str
    transaction_id: str
    raw_transaction_id: bytes
    sender_nonce: bytes
    content: bytes = field(repr=False)
    digest_name: str
    _certificates: tuple[Any, ...] = field(repr=False)
    _signer_info: Any = field(repr=False)
    _attributes: dict[str, bytes] = field(repr=False)

    def verify(self) -> Signer:
        """Verify digest and signature with the certificate that is in the message.

        Raises:
            BadAlgorithm: of the digest, the signature or the key.
            BadMessage: they do not verify.
        """
        hash_ = digest(self.digest_name)
        try:
            signer = self._signer()
            with reading(_WHAT):
                signature = self._signer_info["signature"].native
                stated = core.OctetString.load(self._attributes[Attribute.MESSAGE_DIGEST]).native
                # The signature covers the attributes as a SET OF, not as the implicit [0] of the message, and
                # in the bytes that came (RFC 5652 section 5.4).
                signed = tlv(_SET_OF, self._signer_info["signed_attrs"].contents)
        except Malformed as error:
            raise BadMessage(str(error)) from None
        computed = hashes.Hash(hash_)
        computed.update(self.content)
        if stated != computed.finalize():
            raise BadMessage("the messageDigest does not fit the content")
        try:
            signer.public_key.verify(signature, signed, padding.PKCS1v15(), hash_)
        except (InvalidSignature, ValueError):
            raise BadMessage("the signature does not fit the signer's key") from None
        return signer

    def attributes(self) -> dict[str, str | bytes]:
        """The signed attributes that are text or octets, by OID."""
        with reading(_WHAT):
            found = {oid: core.load(element).native for oid, element in self._attributes.items()}
        return {oid: value for oid, value in found.items() if isinstance(value, str | bytes)}

    def _signer(self) -> Signer:
        with reading("the signer's certificate"):
            sid = self._signer_info["sid"]
            if sid.name != "issuer_and_serial_number":
                raise Malformed("the signer is not named by issuer and serial number")
            name = Recipient(bytes(sid.chosen["issuer"].dump()), sid.chosen["serial_number"].native)
            certificate = self._certificate(name)
            key = load_der_public_key(certificate["tbs_certificate"]["subject_public_key_info"].dump())
            der = bytes(certificate.dump())
        return Signer(der, _rsa(key), name)

    def _certificate(self, name: Recipient) -> Any:
        for certificate in self._certificates:
            body = certificate["tbs_certificate"]
            if Recipient(bytes(body["issuer"].dump()), body["serial_number"].native) == name:
                return certificate
        raise Malformed("the signer's certificate is not in the message")


def _rsa(key: object) -> rsa.RSAPublicKey:
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadAlgorithm("the kind of the signer's key; SCEP needs an RSA key (RFC 8894 section 3.1)")
    if not LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS:
        raise BadAlgorithm(f"an RSA key of {key.key_size} bits; use 2048")
    return key


def read_message(data: bytes) -> PkiMessage:
    """Parse a pkiMessage, DER or BER.

    Raises:
        Malformed: it is no SignedData with the attributes of SCEP, so there is no transaction to answer in.
    """
    if len(data) > LARGEST_MESSAGE:
        raise Malformed(f"{_WHAT} has {len(data)} bytes; at most {LARGEST_MESSAGE} are taken")
    info = whole(cms.ContentInfo, data, _WHAT)
    with reading(_WHAT):
        if info["content_type"].native != "signed_data":
            raise Malformed(f"{_WHAT} is no SignedData (RFC 5652 section 5)")
        signed = info["content"]
        signers = list(signed["signer_infos"])
        if len(signers) != 1:
            raise Malformed(f"{_WHAT} has {len(signers)} signers; there is exactly one")
        attributes = _attributes(signers[0])
        certificates = _certificates(signed)
        content = signed["encap_content_info"]["content"]
        inner = bytes(content) if content.native is not None else b""
        digest_name = str(signers[0]["digest_algorithm"]["algorithm"].native)
    transaction = attributes[Attribute.TRANSACTION_ID]
    return PkiMessage(
        message_type=_text(attributes[Attribute.MESSAGE_TYPE], "the messageType", 8),
        transaction_id=_text(transaction, "the transactionID", LONGEST_TRANSACTION_ID),
        raw_transaction_id=transaction,
        sender_nonce=_octets(attributes[Attribute.SENDER_NONCE], "the senderNonce", LONGEST_NONCE),
        content=inner,
        digest_name=digest_name,
        _certificates=certificates,
        _signer_info=signers[0],
        _attributes=attributes,
    )


def _attributes(signer: Any) -> dict[str, bytes]:
    """The first value of each signed attribute, by OID, as it came."""
    found: dict[str, bytes] = {}
    for attribute in signer["signed_attrs"]:
        oid = attribute["type"].dotted
        if oid in found:
            raise Malformed(f"{_WHAT} has the attribute {oid} twice")
        found[oid] = bytes(core.load(attribute["values"].contents).dump())
    needed = (
        Attribute.MESSAGE_TYPE,
        Attribute.TRANSACTION_ID,
        Attribute.SENDER_NONCE,
        Attribute.MESSAGE_DIGEST,
    )
    if missing := [a.name for a in needed if a not in found]:
        raise Malformed(f"{_WHAT} lacks signed attributes: {', '.join(missing).lower()}")
    return found


def _certificates(signed: Any) -> tuple[Any, ...]:
    given = signed["certificates"]
    if given.native is None:
        return ()
    if len(given) > MOST_CERTIFICATES:
        raise Malformed(f"{_WHAT} has more than {MOST_CERTIFICATES} certificates")
    return tuple(entry.chosen for entry in given if entry.name == "certificate")


def _text(element: bytes, what: str, longest: int) -> str:
    value = read(what, lambda: core.load(element).native)
    if not isinstance(value, str) or not 1 <= len(value) <= longest or not value.isprintable():
        raise Malformed(f"{what} is no printable text of 1 to {longest} characters")
    return value


def _octets(element: bytes, what: str, longest: int) -> bytes:
    value = read(what, lambda: core.load(element).native)
    if not isinstance(value, bytes) or len(value) > longest:
        raise Malformed(f"{what} is no octet string of at most {longest} bytes")
    return value
