"""Certificates as files."""

from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certrail.crypto.purposes import CERTIFICATE_KEY_PURPOSE, of_row
from certrail.domain.errors import BadInput, NotFound
from certrail.domain.events.inventory import CertificateExported
from certrail.persistence.tables import Certificate
from certrail.pki import keys
from certrail.pki.bundle import pkcs12
from certrail.pki.jks import keystore
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext

Format = Literal["pem", "der", "pkcs12", "jks"]
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128


@dataclass(frozen=True)
class Exported:
    """A file.

    Attributes:
        with_key: whether it holds the private key, under the password.
    """

    content: bytes
    media_type: str
    file_name: str
    with_key: bool


class Export:
    """PEM and DER hold what is public; PKCS#12 and JKS hold the private key too, where certrail has it."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def export(
        self,
        actor: Actor,
        certificate_id: str,
        format_: Format,
        *,
        password: str | None = None,
        include_root: bool = False,
    ) -> Exported:
        """Write a certificate with its chain, on record.

        Args:
            password: of 8 to 128 characters; for PKCS#12 and JKS only.

        Raises:
            BadInput: the password is missing, too short or too long, or not wanted.
        """
        _refuse_password(format_, password)
        with self._context.unit_of_work(actor) as uow:
            row = uow.session.get(Certificate, certificate_id)
            if row is None:
                raise NotFound("certificate")
            exported = self._written(row, format_, password or "", include_root)
            uow.record(
                CertificateExported(
                    row.id,
                    row.application_id,
                    common_name=row.common_name,
                    format=format_,
                    with_key=exported.with_key,
                )
            )
            return exported

    def _written(self, row: Certificate, format_: Format, password: str, include_root: bool) -> Exported:
        pems = [*row.chain, *([row.root] if include_root and row.root else [])]
        name = f"certificate-{row.serial}"
        if format_ == "pem":
            return Exported(
                "".join([row.pem, *pems]).encode(), "application/x-pem-file", f"{name}.pem", False
            )
        leaf, *chain = (x509.load_pem_x509_certificate(pem.encode()) for pem in (row.pem, *pems))
        if format_ == "der":
            return Exported(leaf.public_bytes(Encoding.DER), "application/pkix-cert", f"{name}.cer", False)
        key = self._key(row)
        alias = row.common_name or row.serial
        if format_ == "pkcs12":
            content = pkcs12(leaf, chain, key, password, alias)
            return Exported(content, "application/x-pkcs12", f"{name}.p12", key is not None)
        content = keystore(leaf, chain, key, password, alias.lower(), self._context.clock())
        return Exported(content, "application/x-java-keystore", f"{name}.jks", key is not None)

    def _key(self, row: Certificate) -> keys.PrivateKey | None:
        if row.key_sealed is None:
            return None
        return keys.from_own_pem(
            self._context.keyring.open(row.key_sealed, of_row(CERTIFICATE_KEY_PURPOSE, row.id))
        )


def _refuse_password(format_: Format, password: str | None) -> None:
    if format_ in ("pem", "der"):
        if password is not None:
            raise BadInput(f"The format {format_} is not encrypted; leave the password out.", "password")
        return
    if password is None or not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise BadInput(
            f"Give a password of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; the file holds the key.",
            "password",
        )
