"""EnvelopedData (RFC 5652 section 6): one RSA recipient, content in CBC mode."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from asn1crypto import algos, cms, core, x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.padding import PKCS7

from certrail.pki.enrollment.ber import Malformed, read, reading, whole
from certrail.pki.scep.algorithms import BadAlgorithm, ContentCipher, content_cipher

MOST_RECIPIENTS = 10
_WHAT = "the EnvelopedData"
_PKCS1 = "1.2.840.113549.1.1.1"


class Undecipherable(Exception):
    """The content cannot be decrypted. Never says why: a reason would be an oracle for whoever changes ciphertexts."""


@dataclass(frozen=True)
class Recipient:
    """Whom a content is for: issuer and serial number of a certificate, by which its key is found."""

    issuer: bytes
    serial: int


@dataclass(frozen=True)
class Envelope:
    """A content under a cipher, whose key is under the recipients' RSA keys."""

    cipher: ContentCipher
    _iv: bytes
    _ciphertext: bytes = field(repr=False)
    _keys: tuple[tuple[Recipient, bytes], ...] = field(repr=False)

    def open(self, key_of: Callable[[Recipient], rsa.RSAPrivateKey | None]) -> bytes:
        """The content, by the first recipient whose key there is. Raises Undecipherable."""
        for recipient, wrapped in self._keys:
            if (key := key_of(recipient)) is not None:
                return self._decrypted(key, wrapped)
        raise Undecipherable

    def _decrypted(self, key: rsa.RSAPrivateKey, wrapped: bytes) -> bytes:
        try:
            # A wrong padding gives random bytes (implicit rejection), and so the same outcome as a wrong key.
            cek = key.decrypt(wrapped, padding.PKCS1v15())
            decryptor = Cipher(self.cipher.keyed(cek), modes.CBC(self._iv)).decryptor()
            padded = decryptor.update(self._ciphertext) + decryptor.finalize()
            unpadder = PKCS7(self.cipher.block_bytes * 8).unpadder()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError:
            raise Undecipherable from None


def read_envelope(data: bytes) -> Envelope:
    """Read an EnvelopedData, DER or BER.

    Raises:
        Malformed: it cannot be read.
        BadAlgorithm: of content or key.
    """
    info = whole(cms.ContentInfo, data, _WHAT)
    if read(_WHAT, lambda: info["content_type"].native) != "enveloped_data":
        raise Malformed("the message holds no EnvelopedData")
    enveloped = read(_WHAT, lambda: info["content"])
    encrypted = read(_WHAT, lambda: enveloped["encrypted_content_info"])
    algorithm = read(_WHAT, lambda: encrypted["content_encryption_algorithm"])
    cipher = content_cipher(read(_WHAT, lambda: algorithm["algorithm"].dotted))
    iv = read(_WHAT, lambda: algorithm["parameters"].native)
    ciphertext = read(_WHAT, lambda: encrypted["encrypted_content"].native)
    if not isinstance(iv, bytes) or len(iv) != cipher.block_bytes or not isinstance(ciphertext, bytes):
        raise Malformed("the EnvelopedData has no content, or no initialisation vector that fits its cipher")
    return Envelope(cipher, iv, ciphertext, _recipients(enveloped))


def seal_envelope(
    content: bytes, recipient: Recipient, key: rsa.RSAPublicKey, cipher: ContentCipher
) -> bytes:
    """An EnvelopedData for one recipient, DER."""
    cek, iv = os.urandom(cipher.key_bytes), os.urandom(cipher.block_bytes)
    padder = PKCS7(cipher.block_bytes * 8).padder()
    encryptor = Cipher(cipher.keyed(cek), modes.CBC(iv)).encryptor()
    padded = padder.update(content) + padder.finalize()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    name = cms.IssuerAndSerialNumber.load(issuer_and_serial(recipient))
    enveloped = {
        "version": "v0",
        "recipient_infos": [
            cms.KeyTransRecipientInfo(
                {
                    "version": "v0",
                    "rid": cms.RecipientIdentifier("issuer_and_serial_number", name),
                    "key_encryption_algorithm": {"algorithm": "rsaes_pkcs1v15"},
                    "encrypted_key": key.encrypt(cek, padding.PKCS1v15()),
                }
            )
        ],
        "encrypted_content_info": {
            "content_type": "data",
            "content_encryption_algorithm": algos.EncryptionAlgorithm(
                {"algorithm": cipher.name, "parameters": iv}
            ),
            "encrypted_content": ciphertext,
        },
    }
    info = cms.ContentInfo({"content_type": "enveloped_data", "content": cms.EnvelopedData(enveloped)})
    return bytes(info.dump())


def issuer_and_serial(recipient: Recipient) -> bytes:
    """IssuerAndSerialNumber, DER."""
    return bytes(
        cms.IssuerAndSerialNumber(
            {"issuer": x509.Name.load(recipient.issuer), "serial_number": core.Integer(recipient.serial)}
        ).dump()
    )


def read_name(content: bytes) -> Recipient:
    """IssuerAndSerialNumber, as GetCert sends it. Raises Malformed."""
    name = whole(cms.IssuerAndSerialNumber, content, "issuer and serial number")
    with reading("issuer and serial number"):
        return Recipient(bytes(name["issuer"].dump()), int(name["serial_number"].native))


def _recipients(enveloped: Any) -> tuple[tuple[Recipient, bytes], ...]:
    with reading(_WHAT):
        infos = list(enveloped["recipient_infos"])
        if not 1 <= len(infos) <= MOST_RECIPIENTS:
            raise Malformed(f"the EnvelopedData has no recipient, or more than {MOST_RECIPIENTS}")
        by_rsa = [info.chosen for info in infos if info.name == "ktri"]
        ciphers = {chosen["key_encryption_algorithm"]["algorithm"].dotted for chosen in by_rsa}
        found = tuple(entry for entry in map(_recipient, by_rsa) if entry is not None)
    if not by_rsa:
        raise BadAlgorithm("key agreement with its recipients; SCEP needs RSA keys (RFC 8894 section 3.1)")
    if others := ciphers - {_PKCS1}:
        raise BadAlgorithm(f"the key encryption {min(others)}; use RSA with PKCS #1 v1.5")
    return found


def _recipient(chosen: Any) -> tuple[Recipient, bytes] | None:
    rid = chosen["rid"]
    if rid.name != "issuer_and_serial_number":
        return None
    name = rid.chosen
    return Recipient(bytes(name["issuer"].dump()), name["serial_number"].native), chosen[
        "encrypted_key"
    ].native
