"""Java keystores in the old JKS format, for Java programs that cannot read PKCS#12.

The layout and the key protection are those of ``sun.security.provider.JavaKeyStore`` and ``KeyProtector``. The
protection is SHA-1 based and weak: the file is as safe as where it is kept. No maintained library writes it.
"""

import hashlib
import secrets
import struct
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certrail.pki.keys import PrivateKey

MAGIC = 0xFEEDFEED
VERSION = 2
PRIVATE_KEY, TRUSTED_CERTIFICATE = 1, 2
SALT_BYTES = 20
_WHITENER = b"Mighty Aphrodite"
_PROTECTOR = bytes.fromhex("300e060a2b060104012a021101010500")
"""AlgorithmIdentifier of the key protector: OID 1.3.6.1.4.1.42.2.17.1.1 and NULL, in DER."""


def keystore(
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    key: PrivateKey | None,
    password: str,
    alias: str,
    made_at: datetime,
) -> bytes:
    """One entry: the key with its chain, or a trusted certificate where there is no key."""
    head = struct.pack(">III", MAGIC, VERSION, 1)
    kind = struct.pack(">I", PRIVATE_KEY if key else TRUSTED_CERTIFICATE)
    entry = kind + _text(alias) + struct.pack(">Q", int(made_at.timestamp() * 1000))
    if key:
        entry += _sized(_protected(key, password)) + struct.pack(">I", 1 + len(chain))
        entry += b"".join(map(_certificate, (certificate, *chain)))
    else:
        entry += _certificate(certificate)
    body = head + entry
    return body + hashlib.sha1(_utf16(password) + _WHITENER + body).digest()  # noqa: S324 - the format's own


def _protected(key: PrivateKey, password: str) -> bytes:
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    secret, salt = _utf16(password), secrets.token_bytes(SALT_BYTES)
    stream, block = b"", salt
    while len(stream) < len(plain):
        block = hashlib.sha1(secret + block).digest()  # noqa: S324 - the format's own
        stream += block
    covered = bytes(a ^ b for a, b in zip(plain, stream, strict=False))
    check = hashlib.sha1(secret + plain).digest()  # noqa: S324 - the format's own
    return _der(0x30, _PROTECTOR + _der(0x04, salt + covered + check))


def _certificate(certificate: x509.Certificate) -> bytes:
    return _text("X.509") + _sized(certificate.public_bytes(Encoding.DER))


def _text(value: str) -> bytes:
    """As ``DataOutput.writeUTF`` does: outside of the BMP two surrogates of three bytes each, for NUL two bytes."""
    units = value.encode("utf-16-be", "surrogatepass")
    characters = (chr(high << 8 | low) for high, low in zip(units[::2], units[1::2], strict=True))
    raw = b"".join(b"\xc0\x80" if c == "\0" else c.encode("utf-8", "surrogatepass") for c in characters)
    return struct.pack(">H", len(raw)) + raw


def _sized(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _utf16(password: str) -> bytes:
    return password.encode("utf-16-be")


def _der(tag: int, value: bytes) -> bytes:
    if len(value) < 0x80:
        return bytes([tag, len(value)]) + value
    size = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + value
