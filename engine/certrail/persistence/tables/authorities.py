"""Certificate authorities, their certificates, CRLs and OCSP signers."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field

from certrail.domain.states import AuthorityStatus
from certrail.persistence.tables.base import Row, Table, json_column, optional_json, timestamp
from certrail.persistence.tables.effects import EffectColumns
from certrail.persistence.types import UtcDateTime

UNPUBLISHED = "status in ('pending', 'retrying')"
"""Copies of revocation lists that are to be published."""


class CertificateAuthority(Row, table=True):
    """An internal authority, `pending` until it has its first certificate.

    `key_algorithm` is that of the key that it signs with now; `parent_id` is empty for a root, and for an
    authority that somebody else's authority signs. `next_slot_at` is the end of the queue of its automatic renewals,
    `next_permit_at` the theoretical arrival time of their next permit, `advice` by when the authority wants what it
    had issued replaced.
    """

    __tablename__ = "certificate_authority"

    slug: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=128)
    kind: str = Field(max_length=16)
    status: str = Field(default=AuthorityStatus.ACTIVE, max_length=16)
    parent_id: str | None = Field(default=None, foreign_key="certificate_authority.id", max_length=40)
    subject: dict[str, Any] = json_column()
    key_algorithm: str = Field(max_length=32)
    max_path_length: int | None = None
    renewals_per_minute: int | None = None
    next_slot_at: datetime | None = timestamp()
    next_permit_at: datetime | None = timestamp()
    advice: dict[str, Any] | None = optional_json()


class CaKey(Row, table=True):
    """One key of an authority; only the signing port reads it.

    `signer` names who holds the private key: ``built-in`` keeps it in `key_sealed`, an envelope of the keyring; of a
    remote signer's key there is no envelope. `spki` is the SHA-256 of the SubjectPublicKeyInfo, by which the key of a
    certificate is found; `public_key` is that structure, PEM. Old keys stay: they sign CRLs and OCSP signers for the
    certificates that they issued.
    """

    __tablename__ = "ca_key"
    __table_args__ = (UniqueConstraint("ca_id", "spki"),)

    ca_id: str = Field(foreign_key="certificate_authority.id", max_length=40)
    algorithm: str = Field(max_length=32)
    spki: str = Field(max_length=64)
    public_key: str
    signer: str = Field(default="built-in", max_length=64)
    key_sealed: str | None = None


class CaCertificate(Row, table=True):
    """One version of an authority's own certificate.

    `spki` is the SHA-256 of its SubjectPublicKeyInfo, so that its key is found without parsing `pem`.
    `ca_certificate_id` is the version of an authority here that signed it; empty for one that signs itself or was
    signed elsewhere. Serial number and revocation are found by it, as those of leaves are.
    `last_warning_threshold` is the last threshold (seconds before expiry) that was reported.
    """

    __tablename__ = "ca_certificate"
    __table_args__ = (UniqueConstraint("ca_id", "version"),)

    ca_id: str = Field(foreign_key="certificate_authority.id", max_length=40)
    version: int
    active: bool = True
    spki: str = Field(max_length=64)
    pem: str
    chain: list[str] = json_column(list)
    serial: str = Field(max_length=64)
    fingerprint: str = Field(max_length=64)
    not_before: datetime = Field(sa_type=UtcDateTime)
    not_after: datetime = Field(sa_type=UtcDateTime)
    last_warning_threshold: int | None = None
    ca_certificate_id: str | None = Field(
        default=None, foreign_key="ca_certificate.id", index=True, max_length=40
    )
    revoked_at: datetime | None = timestamp()
    revocation_reason: str | None = Field(default=None, max_length=32)


class Crl(Row, table=True):
    """The present revocation list of one key of an authority. `refresh_at` comes well before `next_update`."""

    __tablename__ = "crl"
    __table_args__ = (UniqueConstraint("ca_id", "spki"),)

    ca_id: str = Field(foreign_key="certificate_authority.id", max_length=40)
    spki: str = Field(max_length=64)
    number: int = Field(sa_type=BigInteger)
    this_update: datetime = Field(sa_type=UtcDateTime)
    next_update: datetime = Field(sa_type=UtcDateTime)
    refresh_at: datetime = Field(sa_type=UtcDateTime, index=True)
    entries: int
    pem: str


class CrlMirror(Row, table=True):
    """A destination that holds copies of an authority's revocation lists.

    `url` is where others find them there; it is named in the certificates that are issued from then on. `distribution`
    is the Python distribution of the destination plugin.
    """

    __tablename__ = "crl_mirror"
    __table_args__ = (UniqueConstraint("ca_id", "slug"),)

    ca_id: str = Field(foreign_key="certificate_authority.id", max_length=40)
    slug: str = Field(max_length=64)
    destination: str = Field(max_length=64)
    distribution: str
    connection_id: str | None = Field(default=None, foreign_key="connection.id", index=True, max_length=40)
    config_sealed: str
    config_revision: int = 1
    url: str | None = Field(default=None, max_length=256)


class CrlCopy(EffectColumns, Row, table=True):
    """One CRL at one mirror. `number` is the CRL number (RFC 5280 5.2.3) of the list that is published there."""

    __tablename__ = "crl_copy"
    __table_args__ = (UniqueConstraint("mirror_id", "crl_id"),)

    mirror_id: str = Field(foreign_key="crl_mirror.id", max_length=80)
    crl_id: str = Field(foreign_key="crl.id", index=True, max_length=80)
    object_name: str = Field(max_length=128)
    number: int | None = Field(default=None, sa_type=BigInteger)
    published_at: datetime | None = timestamp()


class OcspSigner(Row, table=True):
    """Who answers questions of status for one key of an authority."""

    __tablename__ = "ocsp_signer"
    __table_args__ = (Index("ix_ocsp_signer", "ca_id", "spki", "not_after"),)

    ca_id: str = Field(foreign_key="certificate_authority.id", max_length=40)
    spki: str = Field(max_length=64)
    pem: str
    key_sealed: str
    not_after: datetime = Field(sa_type=UtcDateTime)


class RevocationTombstone(Table, table=True):
    """Status of a certificate that is not in the inventory, until its expiry: it was deleted, or revoked before its
    authority was adopted. The fingerprint of the latter is unknown; a hash of issuer and serial number replaces it.
    """

    __tablename__ = "revocation_tombstone"
    __table_args__ = (Index("ix_revocation_tombstone", "ca_certificate_id", "serial"),)

    fingerprint: str = Field(primary_key=True, max_length=64)
    ca_certificate_id: str = Field(foreign_key="ca_certificate.id", max_length=40)
    serial: str = Field(max_length=64)
    not_after: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = timestamp()
    revocation_reason: str | None = Field(default=None, max_length=32)


class CompromisedKey(Table, table=True):
    """A key for which nothing is signed: a certificate with it was revoked for keyCompromise. `spki` as in CaKey."""

    __tablename__ = "compromised_key"

    spki: str = Field(primary_key=True, max_length=64)
    noted_at: datetime = Field(sa_type=UtcDateTime)
