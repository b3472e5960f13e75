"""Algorithms of SCEP messages (RFC 8894 section 3.5.2): what is taken, and what is answered with badAlg."""

from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm
from cryptography.hazmat.primitives.ciphers.algorithms import AES


class BadAlgorithm(Exception):
    """The message uses an algorithm that is not taken; the text names it."""


@dataclass(frozen=True)
class ContentCipher:
    """A cipher in CBC mode.

    Attributes:
        name: of asn1crypto.
        key_bytes: of its key.
        block_bytes: of a block, and so of the initialisation vector.
    """

    name: str
    key_bytes: int
    block_bytes: int

    def keyed(self, key: bytes) -> BlockCipherAlgorithm:
        """The cipher with a key. Raises ValueError for one of another length."""
        return TripleDES(key) if self.name == "tripledes_3key" else AES(key)


CIPHERS = {
    "1.2.840.113549.3.7": ContentCipher("tripledes_3key", 24, 8),
    "2.16.840.1.101.3.4.1.2": ContentCipher("aes128_cbc", 16, 16),
    "2.16.840.1.101.3.4.1.22": ContentCipher("aes192_cbc", 24, 16),
    "2.16.840.1.101.3.4.1.42": ContentCipher("aes256_cbc", 32, 16),
}
_DIGESTS: dict[str, type[hashes.SHA1 | hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
CAPABILITIES = (
    "POSTPKIOperation",
    "SHA-1",
    "SHA-256",
    "SHA-384",
    "SHA-512",
    "AES",
    "DES3",
    "Renewal",
    "SCEPStandard",
)
"""RFC 8894 section 3.5.2, but for SHA-384, which is taken too.

Debian's strongSwan 5.9.8 keeps one bit for each word and then looks at the word's number in the place of its bit: with
SHA-384 it finds AES, with AES it finds 3DES. GetNextCACert is left out: an authority's new certificate is the present
one as soon as it is installed, so there is never a next one (section 4.7).
"""

Digest = hashes.SHA1 | hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512


def content_cipher(oid: str) -> ContentCipher:
    """The cipher of an OID. Raises BadAlgorithm, for single DES as for any other."""
    if oid not in CIPHERS:
        raise BadAlgorithm(f"the content cipher {oid}; use AES-128-CBC or AES-256-CBC")
    return CIPHERS[oid]


def digest(name: str) -> Digest:
    """A digest by its name in asn1crypto. Raises BadAlgorithm, for MD5 as for any other."""
    if name not in _DIGESTS:
        raise BadAlgorithm(f"the digest {name}; use SHA-256")
    return _DIGESTS[name]()
