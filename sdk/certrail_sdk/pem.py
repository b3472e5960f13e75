"""PEM as destinations need it: chains taken apart, fingerprints, keys that fit, PKCS#12.

`key_fits` and `pkcs12` need ``certrail-sdk[pem]``, which is cryptography; all others the standard library only.
"""

import re
import ssl
from hashlib import sha256

from pydantic import SecretStr

from certrail_sdk.destination import Bundle
from certrail_sdk.errors import Permanent

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----.+?-----END [A-Z0-9 ]+-----", re.DOTALL)


def certificates(text: str) -> tuple[str, ...]:
    """Each certificate in a text (RFC 7468 section 5), in its order, with one newline at its end.

    A key, comments and anything else around them are left out; no certificate at all gives ``()``.
    """
    return tuple(f"{found}\n" for found in _CERTIFICATE.findall(text))


def private_key(text: str) -> SecretStr | None:
    """The first private key in a text (RFC 7468 section 10 and 11, or of the older forms), or ``None``."""
    found = _PRIVATE_KEY.search(text)
    return SecretStr(f"{found[0]}\n") if found else None


def fingerprint(certificate: str) -> str:
    """SHA-256 of the DER of the first certificate in a text: 64 lower-case hex digits, as in receipts.

    Raises:
        ValueError: there is no certificate, or its base64 cannot be read.
    """
    for found in certificates(certificate):
        return sha256(ssl.PEM_cert_to_DER_cert(found)).hexdigest()
    raise ValueError("there is no PEM certificate in this text")


def fingerprints(text: str) -> tuple[str, ...]:
    """The fingerprint of each certificate in a text, in its order."""
    return tuple(fingerprint(found) for found in certificates(text))


def full_chain(bundle: Bundle) -> str:
    """Leaf and chain in one text, leaf first, as servers read it (RFC 8446 section 4.4.2)."""
    return bundle.certificate + bundle.chain_pem


def key_of(bundle: Bundle, product: str) -> str:
    """The private key of a bundle, PKCS#8 PEM, for a destination that cannot do without.

    Args:
        product: how a person calls the outside system, for the error.

    Raises:
        Permanent: certrail does not hold the key of this certificate.
    """
    if bundle.private_key is None:
        raise Permanent(
            f"{product} needs the private key, which certrail does not hold for this certificate.",
            action="Take this certificate out of the sync, or have its key made by certrail.",
        )
    return bundle.private_key.get_secret_value()


def key_fits(certificate: str, key: str | SecretStr) -> bool:
    """Whether a private key belongs to the first certificate in a text.

    Raises:
        ValueError: one of the two cannot be read, or the key is encrypted.
    """
    from cryptography import x509  # noqa: PLC0415  the extra `pem`
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    leaf = x509.load_pem_x509_certificate(certificate.encode())
    try:
        private = load_pem_private_key(_clear(key).encode(), None)
    except TypeError:
        raise ValueError("the private key is encrypted") from None
    return private.public_key() == leaf.public_key()


def pkcs12(bundle: Bundle, *, password: str | SecretStr | None = None, name: str = "") -> bytes:
    """Key, leaf and chain as PKCS#12 (RFC 7292), encrypted where there is a password.

    Raises:
        Permanent: certrail does not hold the key of this certificate.
    """
    from cryptography import x509  # noqa: PLC0415  the extra `pem`
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import pkcs12 as format12  # noqa: PLC0415

    leaf = x509.load_pem_x509_certificate(bundle.certificate.encode())
    private = serialization.load_pem_private_key(key_of(bundle, "PKCS#12").encode(), None)
    chain = [x509.load_pem_x509_certificate(each.encode()) for each in certificates(bundle.chain_pem)]
    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        how = serialization.BestAvailableEncryption(_clear(password).encode())
    return format12.serialize_key_and_certificates(
        name.encode() or None,
        private,  # type: ignore[arg-type]  # the keys that this certrail makes and PKCS#12 takes
        leaf,
        chain,
        how,
    )


def _clear(secret: str | SecretStr) -> str:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret
