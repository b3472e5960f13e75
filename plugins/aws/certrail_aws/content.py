"""What a certificate looks like to ACM: fingerprints, key type, names."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from certrail_sdk import Bundle, Permanent

RSA_SIZES = (1024, 2048, 3072, 4096)
CURVES = {"secp256r1": "EC_prime256v1", "secp384r1": "EC_secp384r1", "secp521r1": "EC_secp521r1"}
KEY_TYPES = (*(f"RSA_{size}" for size in RSA_SIZES), *CURVES.values())


@dataclass(frozen=True)
class Content:
    """What stands under an ARN."""

    fingerprint: str
    chain: tuple[str, ...]
    key_type: str

    @classmethod
    def read(cls, certificate: str, chain: str) -> "Content":
        """Parse PEM as ACM or a bundle gives it."""
        leaf = x509.load_pem_x509_certificate(certificate.encode())
        others = x509.load_pem_x509_certificates(chain.encode()) if chain.strip() else []
        return cls(_fingerprint(leaf), tuple(map(_fingerprint, others)), _key_type(leaf))


def wanted(bundle: Bundle) -> Content:
    """What shall stand there.

    Raises:
        Permanent: ACM takes no key of this kind, or there is no key to give.
    """
    content = Content.read(bundle.certificate, bundle.chain_pem)
    if content.key_type not in KEY_TYPES:
        raise Permanent(
            f"AWS Certificate Manager takes no {content.key_type} key.",
            action=f"Use a profile with one of these keys: {', '.join(KEY_TYPES)}.",
        )
    if bundle.private_key is None:
        raise Permanent(
            "AWS Certificate Manager needs the private key, and only the requester has it.",
            action="Take this certificate out of the sync, or have its key made here.",
        )
    return content


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _key_type(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA_{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return CURVES.get(key.curve.name, f"EC_{key.curve.name}")
    return type(key).__name__.removesuffix("PublicKey")
