"""The files of one version: name, content, mode, owner."""

import stat
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    KeySerializationEncryption,
    NoEncryption,
    load_pem_private_key,
    pkcs12,
)

from certrail_destination_files.config import UNCHANGED, FilesConfig
from certrail_destination_files.directory import Directory
from certrail_destination_files.reading import read_pkcs12
from certrail_sdk import Bundle, Permanent


@dataclass(frozen=True)
class File:
    """One file as it shall be. ``equals`` says whether other bytes mean the same."""

    content: bytes
    mode: int
    owner: int
    group: int
    equals: Callable[[bytes], bool]

    def stands_in(self, folder: Directory, name: str) -> bool:
        """Whether the file is there already, content, mode and owner."""
        if (found := folder.read(name)) is None:
            return False
        content, status = found
        return (
            stat.S_IMODE(status.st_mode) == self.mode
            and self.owner in (UNCHANGED, status.st_uid)
            and self.group in (UNCHANGED, status.st_gid)
            and self.equals(content)
        )


Rendered = dict[str, File]


def render(bundle: Bundle, config: FilesConfig) -> Rendered:
    """The files by name.

    Raises:
        Permanent: the format needs the private key, and certrail does not hold it.
        Misconfigured: the owner or the group does not exist.
    """
    owner, group = config.ownership()

    def file(content: str, mode: str) -> File:
        data = content.encode()
        return File(data, int(mode, 8), owner, group, data.__eq__)

    if config.format == "pem":
        files = {
            "cert.pem": file(bundle.certificate, config.certificate_mode),
            "chain.pem": file(bundle.chain_pem, config.certificate_mode),
            "fullchain.pem": file(bundle.certificate + bundle.chain_pem, config.certificate_mode),
        }
        if bundle.private_key is not None:
            files["privkey.pem"] = file(bundle.private_key.get_secret_value(), config.key_mode)
        return files
    key = _needed_key(bundle, config.format)
    if config.format == "combined":
        return {"combined.pem": file(key + bundle.certificate + bundle.chain_pem, config.key_mode)}
    content, password = _pkcs12(bundle, key, config.password_bytes()), config.password_bytes()

    def equals(other: bytes) -> bool:
        # Encrypted with fresh salt, equal content has other bytes each time.
        return read_pkcs12(other, password) == read_pkcs12(content, password)

    return {"bundle.p12": File(content, int(config.key_mode, 8), owner, group, equals)}


def _needed_key(bundle: Bundle, form: str) -> str:
    if bundle.private_key is None:
        raise Permanent(
            f"The format {form} needs the private key, which certrail does not hold for this certificate.",
            action="Choose the format pem for this sync, or let certrail make the key.",
        )
    return bundle.private_key.get_secret_value()


def _pkcs12(bundle: Bundle, private_key: str, password: bytes | None) -> bytes:
    key = load_pem_private_key(private_key.encode(), None)
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
