"""Private keys made on this host, their CSRs, and what certificates say."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from certrail_agent.errors import DeployFailed

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

ALGORITHMS: Mapping[str, Callable[[], PrivateKey]] = {
    "EC_P256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EC_P384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "EC_P521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "RSA_2048": lambda: rsa.generate_private_key(65537, 2048),
    "RSA_3072": lambda: rsa.generate_private_key(65537, 3072),
    "RSA_4096": lambda: rsa.generate_private_key(65537, 4096),
    "ED25519": ed25519.Ed25519PrivateKey.generate,
}


@dataclass(frozen=True)
class Pair:
    """A certificate with its chain, and its private key, all PEM."""

    certificate: str
    chain: str
    key: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"Pair({self.fingerprint})"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the leaf's DER: 64 lower-case hex digits."""
        return hashlib.sha256(self.leaf.public_bytes(Encoding.DER)).hexdigest()

    @property
    def leaf(self) -> x509.Certificate:
        """The certificate itself."""
        return x509.load_pem_x509_certificate(self.certificate.encode())

    @property
    def validity(self) -> tuple[datetime, datetime]:
        """From when until when it is valid."""
        return self.leaf.not_valid_before_utc, self.leaf.not_valid_after_utc

    def checked(self) -> "Pair":
        """Itself. Raises DeployFailed when key and certificate do not belong together."""
        try:
            fits = _load(self.key).public_key() == self.leaf.public_key()
        except ValueError as error:
            raise DeployFailed(f"the certificate or its key cannot be read: {error}") from None
        if not fits:
            raise DeployFailed(
                "the certificate does not belong to the key",
                "Nothing was written. Report this with the id of the certificate.",
            )
        return self


def generate(algorithm: str) -> str:
    """A new private key, PKCS#8 PEM."""
    return _pem(ALGORITHMS[algorithm]())


def csr(key: str, common_name: str | None, dns: tuple[str, ...], ip: tuple[str, ...]) -> str:
    """A PKCS#10 request (RFC 2986), PEM, signed with the key."""
    subject = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else []
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    sans: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
    sans += [x509.IPAddress(ip_address(address)) for address in ip]
    if sans:
        built = built.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    private = _load(key)
    digest = None if isinstance(private, ed25519.Ed25519PrivateKey) else SHA256()
    return built.sign(private, digest).public_bytes(Encoding.PEM).decode()


def fits(certificate: str, key: str) -> bool:
    """Whether a private key belongs to a certificate. Raises ValueError for what cannot be read."""
    return _load(key).public_key() == x509.load_pem_x509_certificate(certificate.encode()).public_key()


def from_pkcs12(content: bytes, password: str) -> str:
    """The private key of a PKCS#12 file, PKCS#8 PEM. Raises DeployFailed."""
    try:
        found = pkcs12.load_key_and_certificates(content, password.encode())[0]
    except ValueError as error:
        raise DeployFailed(f"the file with the managed key cannot be read: {error}") from None
    if found is None:
        raise DeployFailed(
            "certrail does not hold the key of this certificate",
            "Set managed_key = false, or request a certificate whose key certrail makes.",
        )
    return found.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def password() -> str:
    """For one PKCS#12 file that never reaches the disk."""
    return secrets.token_urlsafe(48)


def _load(key: str) -> CertificateIssuerPrivateKeyTypes:
    return load_pem_private_key(key.encode(), None)  # type: ignore[return-value]  # as `generate` made it


def _pem(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
