"""CertRep (RFC 8894 section 3.3.2): the answer to one message, in its transaction."""

import os
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from certrail.pki.scep.algorithms import BadAlgorithm, ContentCipher, Digest, digest
from certrail.pki.scep.envelope import seal_envelope
from certrail.pki.scep.message import Attribute, FailInfo, MessageType, PkiMessage, PkiStatus, Signer
from certrail.pki.scep.writing import octets, printable, signed_data, utf8

LONGEST_TEXT = 255
NONCE_BYTES = 16


@dataclass(frozen=True)
class Replies:
    """Who answers which message: the digest of the message is that of the answer, if it is one that is taken."""

    message: PkiMessage
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)

    def success(self, certificates: bytes, to: Signer, cipher: ContentCipher) -> bytes:
        """With certs-only PKCS#7, encrypted to who signed the message, by the cipher of the message."""
        sealed = seal_envelope(certificates, to.name, to.public_key, cipher)
        return self._signed(PkiStatus.SUCCESS, {}, sealed)

    def pending(self) -> bytes:
        """The client polls, or sends its message again."""
        return self._signed(PkiStatus.PENDING, {}, None)

    def failure(self, info: FailInfo, text: str) -> bytes:
        """With what to change, for clients that show it (RFC 8894 section 3.2.1.4)."""
        shown = text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
        attributes: dict[str, bytes] = {
            Attribute.FAIL_INFO: printable(info),
            Attribute.FAIL_INFO_TEXT: utf8(shown),
        }
        return self._signed(PkiStatus.FAILURE, attributes, None)

    def _signed(self, status: PkiStatus, attributes: dict[str, bytes], content: bytes | None) -> bytes:
        given: dict[str, bytes] = {
            Attribute.MESSAGE_TYPE: printable(MessageType.CERT_REP),
            Attribute.PKI_STATUS: printable(status),
            Attribute.TRANSACTION_ID: self.message.raw_transaction_id,
            Attribute.SENDER_NONCE: octets(os.urandom(NONCE_BYTES)),
            Attribute.RECIPIENT_NONCE: octets(self.message.sender_nonce),
            **attributes,
        }
        return signed_data(content, given, self.certificate, self.key, self._digest())

    def _digest(self) -> Digest:
        try:
            return digest(self.message.digest_name)
        except BadAlgorithm:
            return hashes.SHA256()
