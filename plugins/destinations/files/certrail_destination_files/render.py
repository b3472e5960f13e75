"""The files of one version: name, content, mode."""

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    KeySerializationEncryption,
    NoEncryption,
    load_pem_private_key,
    pkcs12,
)

from certrail_sdk import Bundle

if TYPE_CHECKING:
    from certrail_destination_files.destination import FilesConfig

Rendered = dict[str, tuple[bytes, int]]


def render(bundle: Bundle, config: "FilesConfig") -> Rendered:
    """Content and mode by file name."""
    public, secret = int(config.certificate_mode, 8), int(config.key_mode, 8)
    if config.format == "pkcs12":
        password = config.password.get_secret_value().encode() if config.password else None
        return {"bundle.p12": (_pkcs12(bundle, password), secret)}
    files = {
        "cert.pem": (bundle.certificate.encode(), public),
        "chain.pem": (bundle.chain_pem.encode(), public),
        "fullchain.pem": ((bundle.certificate + bundle.chain_pem).encode(), public),
    }
    if bundle.private_key is not None:
        files["privkey.pem"] = (bundle.private_key.get_secret_value().encode(), secret)
    return files


def _pkcs12(bundle: Bundle, password: bytes | None) -> bytes:
    assert bundle.private_key is not None
    key = load_pem_private_key(bundle.private_key.get_secret_value().encode(), None)
    chain = x509.load_pem_x509_certificates(bundle.chain_pem.encode()) if bundle.chain_pem else None
    protection: KeySerializationEncryption = BestAvailableEncryption(password) if password else NoEncryption()
    leaf = x509.load_pem_x509_certificate(bundle.certificate.encode())
    return pkcs12.serialize_key_and_certificates(
        bundle.common_name.encode() or None,
        key,  # type: ignore[arg-type]
        leaf,
        chain,
        protection,
    )
