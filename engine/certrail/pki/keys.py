"""Key pairs."""

import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from certrail.domain.content import KeyAlgorithm
from certrail.domain.errors import BadInput
from certrail.pki.decryption import open_pem
from certrail.pki.kdf import require_affordable_pem

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_RSA_BITS = {KeyAlgorithm.RSA_2048: 2048, KeyAlgorithm.RSA_3072: 3072, KeyAlgorithm.RSA_4096: 4096}
_LEAST_RSA_EXPONENT = 65537
_CURVES: dict[KeyAlgorithm, type[ec.EllipticCurve]] = {
    KeyAlgorithm.EC_P256: ec.SECP256R1,
    KeyAlgorithm.EC_P384: ec.SECP384R1,
    KeyAlgorithm.EC_P521: ec.SECP521R1,
}
_CURVE_HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


def generate(algorithm: KeyAlgorithm) -> PrivateKey:
    """A new key pair."""
    if algorithm in _RSA_BITS:
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS[algorithm])
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    return ed25519.Ed25519PrivateKey.generate()


def algorithm_of(key: PublicKeyTypes, field: str = "csr") -> KeyAlgorithm:
    """Which algorithm a public key belongs to. Raises BadInput about the field for others than certrail signs."""
    if isinstance(key, rsa.RSAPublicKey):
        return _rsa_algorithm(key, field)
    if isinstance(key, ec.EllipticCurvePublicKey):
        for algorithm, curve in _CURVES.items():
            if isinstance(key.curve, curve):
                return algorithm
        raise BadInput(f"The curve {key.curve.name} is not supported; use P-256, P-384 or P-521.", field)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return KeyAlgorithm.ED25519
    raise BadInput("This kind of key is not supported; use RSA, ECDSA or Ed25519.", field)


def described_key(key: PublicKeyTypes) -> str:
    """The algorithm of any public key, in the form of those that certrail signs: ``RSA_1024``, ``EC_secp256k1``."""
    try:
        return algorithm_of(key)
    except BadInput:
        if isinstance(key, ec.EllipticCurvePublicKey):
            return f"EC_{key.curve.name}"
        kind = type(key).__name__.removeprefix("_").removesuffix("PublicKey").upper()
        return f"{kind}_{key.key_size}" if hasattr(key, "key_size") else kind


def _rsa_algorithm(key: rsa.RSAPublicKey, field: str) -> KeyAlgorithm:
    if key.public_numbers().e < _LEAST_RSA_EXPONENT:
        raise BadInput("The RSA key's public exponent is weak; make a key with 65537.", field)
    for algorithm, bits in _RSA_BITS.items():
        if key.key_size == bits:
            return algorithm
    raise BadInput(f"RSA keys have 2048, 3072 or 4096 bits; this one has {key.key_size}.", field)


def spki_fingerprint(key: PublicKeyTypes) -> str:
    """SHA-256, hex, of the SubjectPublicKeyInfo, by which two public keys are the same."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def hash_for(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """The hash that a key signs with; Ed25519 has its own."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _CURVE_HASHES[key.curve.name]  # type: ignore[return-value]
    return hashes.SHA256()


def to_pem(key: PrivateKey) -> bytes:
    """PKCS#8, PEM, not encrypted: for sealing at once."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(key: PublicKey) -> str:
    """SubjectPublicKeyInfo, PEM."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def from_public_pem(pem: str) -> PublicKey:
    """Read a public key that `public_pem` wrote."""
    key = serialization.load_pem_public_key(pem.encode())
    assert isinstance(key, PublicKey)
    return key


def from_own_pem(pem: bytes) -> PrivateKey:
    """Read a private key that `to_pem` wrote: it was verified when it came, which takes seconds for a large one."""
    key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, PrivateKey)
    return key


def from_pem(pem: bytes, password: str | None = None) -> PrivateKey:
    """Read somebody's private key, PEM, with its password if it is encrypted.

    One that takes long, be it for the iterations of its password or for its size, is read in a process of its own: the
    library holds up every other thread meanwhile.

    Raises:
        BadInput: it cannot be read, or costs too much; the message says nothing of the content.
        Busy: other expensive files are being read.
    """
    secret = password.encode() if password else None
    quick = require_affordable_pem(pem)
    try:
        key = serialization.load_pem_private_key(pem, secret) if quick else open_pem(pem, password)
    except TypeError:
        need = "is not encrypted; leave the password out" if secret else "is encrypted; give its password"
        raise BadInput(f"The private key {need}.", "private_key") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadInput(
            "The private key cannot be read; give PEM, and the right password.", "private_key"
        ) from None
    if not isinstance(key, PrivateKey):
        raise BadInput("This kind of key is not supported; use RSA, ECDSA or Ed25519.", "private_key")
    return key
