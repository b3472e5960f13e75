"""What is imported: PKCS#12 or PEM, and a mark by which equal content is recognised."""

from dataclasses import dataclass, field
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import NoEncryption, load_pem_private_key, pkcs12

from certrail_sdk import Bundle, Permanent


@dataclass(frozen=True)
class Content:
    """One certificate as Key Vault takes it.

    Attributes:
        mark: stands for chain and form, which cannot be read back without the right to read the key.
    """

    data: bytes = field(repr=False)
    fingerprint: str
    mark: str

    @classmethod
    def of(cls, bundle: Bundle, content_type: str) -> "Content":
        """Key, certificate and chain in one.

        Raises:
            Permanent: Key Vault takes no key of this kind, or there is no key to give.
        """
        leaf = x509.load_pem_x509_certificate(bundle.certificate.encode())
        if isinstance(leaf.public_key(), ed25519.Ed25519PublicKey):
            raise Permanent("Key Vault takes RSA and elliptic-curve keys only, not Ed25519.")
        if bundle.private_key is None:
            raise Permanent(
                "Key Vault needs the private key, which certrail does not hold for this certificate."
            )
        key = bundle.private_key.get_secret_value()
        data = _pem(bundle, key) if content_type == "pem" else _pkcs12(bundle, leaf, key)
        mark = sha256(f"{content_type}\n{bundle.chain_pem}".encode()).hexdigest()
        return cls(data, bundle.fingerprint, mark)


def _pem(bundle: Bundle, key: str) -> bytes:
    return (key + bundle.certificate + bundle.chain_pem).encode()


def _pkcs12(bundle: Bundle, leaf: x509.Certificate, key: str) -> bytes:
    chain = x509.load_pem_x509_certificates(bundle.chain_pem.encode()) if bundle.chain_pem else None
    private = load_pem_private_key(key.encode(), None)
    return pkcs12.serialize_key_and_certificates(None, private, leaf, chain, NoEncryption())  # type: ignore[arg-type]
