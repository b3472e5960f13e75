"""Reading back what stands in a version's folder."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from certrail_destination_files.directory import Directory


@dataclass(frozen=True)
class Found:
    """A leaf, and the public half of the key beside it."""

    leaf: x509.Certificate
    public_key: PublicKeyTypes | None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the leaf."""
        return self.leaf.fingerprint(hashes.SHA256()).hex()

    @property
    def key_matches(self) -> bool | None:
        """Whether the key fits the leaf; ``None`` without a key."""
        return None if self.public_key is None else self.public_key == self.leaf.public_key()


def read_version(folder: Directory, password: bytes | None) -> Found | None:
    """What stands in a version's folder; ``None`` when it cannot be understood."""
    if (bundle := _content(folder, "bundle.p12")) is not None:
        return read_pkcs12(bundle, password)
    if (combined := _content(folder, "combined.pem")) is not None:
        return _read_pem(combined, combined)
    certificates = _content(folder, "fullchain.pem")
    return None if certificates is None else _read_pem(certificates, _content(folder, "privkey.pem"))


def read_pkcs12(content: bytes, password: bytes | None) -> Found | None:
    """What a PKCS#12 file holds; ``None`` when it is none, or has another password."""
    try:
        key, leaf, _ = pkcs12.load_key_and_certificates(content, password)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return Found(leaf, key.public_key() if key else None) if leaf else None


def _content(folder: Directory, name: str) -> bytes | None:
    found = folder.read(name)
    return found[0] if found else None


def _read_pem(certificates: bytes, key: bytes | None) -> Found | None:
    try:
        leaf = x509.load_pem_x509_certificates(certificates)[0]
        public_key = load_pem_private_key(key, None).public_key() if key else None
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: somebody encrypted the key
        return None
    return Found(leaf, public_key)
