"""Certificates: search, import, export."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Base64Bytes, Field, SecretStr, StringConstraints, ValidationError, model_validator

from certrail.domain.content import KeyAlgorithm
from certrail.domain.errors import BadInput
from certrail.domain.search import CertificateFilter
from certrail.domain.states import CertificateStatus
from certrail.persistence.tables import Certificate
from certrail.pki.parse import CertificateBundle, from_pem_text, from_pkcs12
from certrail_server.api import samples
from certrail_server.api.schemas.base import Id, In, Listing, Metadata, Out, Pem, Reference, examples

Password = Annotated[SecretStr, Field(max_length=1024)]


class CertificateSearch(CertificateFilter):
    """A search, and which page of it; what is given is added to the saved search, if one is named."""

    saved_search: Reference | None = Field(
        default=None, description="Slug or id of a saved search of the Application, to add to."
    )
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, description="`next_cursor` of the page before."
    )
    limit: int = Field(default=50, ge=1, le=200, description="How many certificates a page has at most.")

    def wanted(self, saved: Mapping[str, Any] | None = None) -> CertificateFilter:
        """What to look for. Raises BadInput when saved search and query contradict each other."""
        given = self.model_dump(include=set(CertificateFilter.model_fields), exclude_unset=True)
        try:
            return CertificateFilter.model_validate({**(saved or {}), **given})
        except ValidationError as err:
            faults = "; ".join(fault["msg"] for fault in err.errors())
            raise BadInput(
                f"Together with the saved search this cannot be searched. {faults}", "saved_search"
            ) from None


class WideCertificateSearch(CertificateSearch):
    """A search of all Applications, or of the legacy scope."""

    application: Literal["none"] | None = Field(
        default=None, description="`none`: only what belongs to no Application."
    )


class CertificateOut(Out):
    """A certificate, without its private key."""

    id: Id = Field(description="Id of the certificate.")
    created_at: datetime = Field(description="When it was issued or imported here.")
    status: CertificateStatus = Field(description="Whether it is the present one of its lineage, and valid.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    application: str | None = Field(description="Slug of its Application; null in the legacy scope.")
    lineage_id: Id = Field(description="Id that a certificate and all its renewals share.")
    request_id: Id | None = Field(description="Id of the request that it was issued for; null if imported.")
    profile_id: Id | None = Field(description="Id of its profile; null if imported without one.")
    profile: str | None = Field(description="Slug of its profile; null if imported without one.")
    ca_certificate_id: Id | None = Field(description="Id of the CA version that signed it, if known here.")
    issuer: str | None = Field(description="Slug of the certificate authority, if known here.")
    serial: str = Field(description="Serial number, lower-case hex.")
    fingerprint: str = Field(description="SHA-256 of the DER encoding, hex.")
    common_name: str = Field(description="Common name of the subject; may be empty.")
    names: dict[str, list[str]] = Field(
        description="Subject alternative names by type, and further common names as `cn`."
    )
    unreadable: list[str] = Field(
        description="Parts of an imported certificate that break a rule and were read only as far as possible."
    )
    key_algorithm: KeyAlgorithm | str = Field(description="Algorithm of its key.")
    not_before: datetime = Field(description="Start of the validity period.")
    not_after: datetime = Field(description="End of the validity period.")
    pem: str = Field(description="The certificate, PEM.")
    chain: list[str] = Field(
        description="The intermediates above it, PEM, the issuer first, without the root."
    )
    root: str | None = Field(description="The root above the chain, PEM, if known.")
    has_private_key: bool = Field(description="Whether certrail holds its private key.")
    revoked_at: datetime | None = Field(description="When it was revoked or put on hold.")
    revocation_reason: str | None = Field(description="Why (RFC 5280 section 5.3.1).")
    metadata: dict[str, str] = Field(description="Names and values to search and select by.")

    @classmethod
    def about(cls, row: Certificate, **named: Any) -> Self:
        """From a row and the names of what it points to."""
        return cls.of(row, metadata=row.attributes, has_private_key=row.key_sealed is not None, **named)


class CertificateList(Listing[CertificateOut]):
    """Certificates, newest first or what expires next first."""


class CertificateImportIn(In):
    """A certificate that was issued elsewhere: PEM, or PKCS#12 in base64; with a profile its policy must allow it."""

    model_config = examples(
        {
            "certificate": samples.CERTIFICATE,
            "chain": samples.CHAIN,
            "private_key": samples.PRIVATE_KEY,
            "password": samples.PASSWORD,
            "profile": "web",
            "metadata": {"team": "payments"},
        },
        {"pkcs12": samples.PKCS12, "password": samples.PASSWORD, "entry": "former"},
    )

    certificate: Pem | None = Field(default=None, description="The certificate, PEM.")
    chain: Pem = Field(default="", description="All above it, PEM, with or without the root.")
    private_key: Annotated[SecretStr, Field(max_length=20_000)] | None = Field(
        default=None, description="Its key, PEM, encrypted or not, if certrail is to hold it."
    )
    pkcs12: Annotated[Base64Bytes, Field(max_length=500_000)] | None = Field(
        default=None, description="Certificate, chain and key in one file, base64, instead of PEM."
    )
    password: Password | None = Field(default=None, description="Of the private key or of the PKCS#12 file.")
    entry: Annotated[str, StringConstraints(max_length=500)] | None = Field(
        default=None, description="Friendly name of the entry, where a PKCS#12 file has several."
    )
    profile: Reference | None = Field(
        default=None, description="Slug or id of the profile by which it is renewed; its policy is evaluated."
    )
    metadata: Metadata = Field(default_factory=dict, description="Names and values to search and select by.")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.certificate is None) == (self.pkcs12 is None):
            raise ValueError("give either certificate or pkcs12")
        if self.pkcs12 is not None and (self.chain or self.private_key):
            raise ValueError("with pkcs12 the chain and the key come from the file; leave them out")
        return self

    def bundle(self) -> CertificateBundle:
        """What is imported. Raises BadInput."""
        password = self.password.get_secret_value() if self.password else None
        if self.pkcs12 is not None:
            return from_pkcs12(self.pkcs12, password or "", self.entry)
        key = self.private_key.get_secret_value() if self.private_key else None
        return from_pem_text(self.certificate or "", self.chain, key, password)


class ExportIn(In):
    """How to write a certificate. PKCS#12 and JKS hold the private key, under the password."""

    model_config = examples(
        {"format": "pkcs12", "password": samples.PASSWORD, "include_root": True}, {"format": "pem"}
    )

    format: Literal["pem", "der", "pkcs12", "jks"] = Field(description="Format of the file.")
    password: Password | None = Field(default=None, description="For PKCS#12 and JKS.")
    include_root: bool = Field(default=False, description="Whether the root is in the chain, too.")


class PrivateKeyOut(Out):
    """A private key, shown once."""

    private_key: str = Field(description="PKCS#8, PEM.")
