"""Authorities, policies, profiles, requests, certificates and lineages."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from certrail.persistence.tables.base import Row, json_column, moment, only_where, optional_json
from certrail.persistence.types import Bytewise, UtcDateTime

RUNNING = "status in ('pending_approval', 'approved')"
"""Of requests that are not decided yet."""


class CertificateAuthority(Row, table=True):
    """An internal authority, `pending` until it has its first certificate.

    `key_algorithm` is that of the key that it signs with now; `parent_id` is empty for a root, and for an
    authority that somebody else's authority signs. `next_slot_at` is when the next renewal by the clock has its turn,
    `advice` by when the authority wants what it had issued replaced.
    """

    __tablename__ = "certificate_authority"

    slug: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=128)
    kind: str = Field(max_length=16)
    status: str = Field(default="active", max_length=16)
    parent_id: str | None = Field(default=None, foreign_key="certificate_authority.id", max_length=40)
    subject: dict[str, Any] = json_column()
    key_algorithm: str = Field(max_length=32)
    max_path_length: int | None = None
    renewals_per_minute: int | None = None
    next_slot_at: datetime | None = moment()
    advice: dict[str, Any] | None = optional_json()


class CaKey(Row, table=True):
    """One private key of an authority, an envelope of the keyring.

    `spki` is the SHA-256 of the SubjectPublicKeyInfo, by which the key of a certificate is found. Old keys stay:
    they sign for what was issued with them.
    """

    __tablename__ = "ca_key"
    __table_args__ = (UniqueConstraint("ca_id", "spki"),)

    ca_id: str = Field(foreign_key="certificate_authority.id", max_length=40)
    algorithm: str = Field(max_length=32)
    spki: str = Field(max_length=64)
    key_sealed: str


class CaCertificate(Row, table=True):
    """One version of an authority's own certificate. `told_seconds`: how long before its end somebody was told last."""

    __tablename__ = "ca_certificate"
    __table_args__ = (UniqueConstraint("ca_id", "version"),)

    ca_id: str = Field(foreign_key="certificate_authority.id", max_length=40)
    version: int
    active: bool = True
    pem: str
    chain: list[str] = json_column(list)
    serial: str = Field(max_length=64)
    fingerprint: str = Field(max_length=64)
    not_before: datetime = Field(sa_type=UtcDateTime)
    not_after: datetime = Field(sa_type=UtcDateTime)
    told_seconds: int | None = None


class CertificatePolicy(Row, table=True):
    """What may be requested."""

    __tablename__ = "certificate_policy"

    slug: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=128)
    rules: dict[str, Any] = json_column()
    version: int = 1


class CertificateProfile(Row, table=True):
    """One authority, one policy, and defaults: what a certificate looks like.

    `legacy_enrollment` is that of a profile which was usable by itself before there were Applications.
    """

    __tablename__ = "certificate_profile"

    slug: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=128)
    issuer_type: str = Field(default="ca", max_length=16)
    ca_id: str | None = Field(default=None, foreign_key="certificate_authority.id", max_length=40)
    policy_id: str = Field(foreign_key="certificate_policy.id", max_length=40)
    defaults: dict[str, Any] = json_column()
    ttl_seconds: int
    version: int = 1
    legacy_enrollment: dict[str, Any] | None = optional_json()


class ApplicationProfile(SQLModel, table=True):
    """A profile attached to an Application, and how it may be used there."""

    __tablename__ = "application_profile"

    application_id: str = Field(primary_key=True, foreign_key="application.id", max_length=40)
    profile_id: str = Field(primary_key=True, foreign_key="certificate_profile.id", index=True, max_length=40)
    api: dict[str, Any] = json_column()


class Lineage(Row, table=True):
    """The stable identity that a certificate and all its renewals share.

    `renew_at` is when it is renewed by itself, empty when it is not; `renewal` says why, and what failed last.
    `auto_renew` and `moment` are what was said for this lineage, against the rule of its profile. One that is `stale`
    has its moment chosen anew by the sweep, because something changed for many.
    """

    __tablename__ = "lineage"
    __table_args__ = (Index("ix_lineage_due", "renew_at", "id", **only_where("renew_at is not null")),)

    application_id: str | None = Field(default=None, foreign_key="application.id", index=True, max_length=40)
    current_certificate_id: str | None = Field(default=None, max_length=40)
    renew_at: datetime | None = moment()
    auto_renew: bool | None = None
    moment: dict[str, Any] | None = optional_json()
    stale: bool = False
    renewal: dict[str, Any] | None = optional_json()


class CertificateRequest(Row, table=True):
    """One ask. `content` is what a vote is bound to, `digest` its SHA-256.

    `renews_id` is the certificate whose place the new one takes, `same_key` whether it keeps its private key.
    """

    __tablename__ = "certificate_request"
    __table_args__ = (
        Index("ix_certificate_request_list", "application_id", "created_at", "id"),
        Index("ix_certificate_request_renewal", "renews_id", unique=True, **only_where(RUNNING)),
    )

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    profile_id: str = Field(foreign_key="certificate_profile.id", index=True, max_length=40)
    requester_id: str = Field(foreign_key="principal.id", max_length=40)
    status: str = Field(max_length=32)
    reason: str | None = None
    content: dict[str, Any] = json_column()
    digest: str = Field(max_length=64)
    policy_version: int
    profile_version: int
    attributes: dict[str, Any] = json_column()
    certificate_id: str | None = Field(default=None, max_length=40)
    renews_id: str | None = Field(default=None, index=True, max_length=40)
    same_key: bool = False
    standing_approval_id: str | None = Field(default=None, index=True, max_length=40)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class Certificate(Row, table=True):
    """One issued certificate. `key_sealed` is an envelope, empty when the requester holds the key."""

    __tablename__ = "certificate"
    __table_args__ = (
        Index("ix_certificate_list", "application_id", "created_at", "id"),
        Index("ix_certificate_expiry", "application_id", "not_after", "id"),
        Index("ix_certificate_list_all", "created_at", "id"),
        Index("ix_certificate_expiry_all", "not_after", "id"),
        Index(
            "ix_certificate_revoked",
            "ca_certificate_id",
            "revoked_at",
            **only_where("revoked_at is not null"),
        ),
    )

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    lineage_id: str = Field(foreign_key="lineage.id", index=True, max_length=40)
    request_id: str | None = Field(
        default=None, unique=True, foreign_key="certificate_request.id", max_length=40
    )
    profile_id: str | None = Field(
        default=None, foreign_key="certificate_profile.id", index=True, max_length=40
    )
    ca_certificate_id: str | None = Field(
        default=None, foreign_key="ca_certificate.id", index=True, max_length=40
    )
    status: str = Field(default="active", max_length=16)
    serial: str = Field(index=True, max_length=64)
    fingerprint: str = Field(unique=True, max_length=64)
    common_name: str = Field(default="", max_length=256)
    names: dict[str, list[str]] = json_column()
    key_algorithm: str = Field(max_length=32)
    not_before: datetime = Field(sa_type=UtcDateTime)
    not_after: datetime = Field(sa_type=UtcDateTime)
    pem: str
    chain: list[str] = json_column(list)
    root: str | None = None
    key_sealed: str | None = None
    key_shown_at: datetime | None = moment()
    revoked_at: datetime | None = moment()
    revocation_reason: str | None = Field(default=None, max_length=32)
    attributes: dict[str, Any] = json_column()


class DeletedCertificate(SQLModel, table=True):
    """What is still told about a certificate that is not here, until it ends: deleted, or revoked before its authority
    came. Of the latter nobody knows the fingerprint, and another hash stands for it.
    """

    __tablename__ = "deleted_certificate"
    __table_args__ = (Index("ix_deleted_certificate", "ca_certificate_id", "serial"),)

    fingerprint: str = Field(primary_key=True, max_length=64)
    ca_certificate_id: str = Field(foreign_key="ca_certificate.id", max_length=40)
    serial: str = Field(max_length=64)
    not_after: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = moment()
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

    `url` is where others find them there; it is named in the certificates that are issued from then on.
    """

    __tablename__ = "crl_mirror"
    __table_args__ = (UniqueConstraint("ca_id", "slug"),)

    ca_id: str = Field(foreign_key="certificate_authority.id", max_length=40)
    slug: str = Field(max_length=64)
    destination: str = Field(max_length=64)
    connection_id: str | None = Field(default=None, foreign_key="connection.id", index=True, max_length=40)
    config_sealed: str
    config_revision: int = 1
    url: str | None = Field(default=None, max_length=256)


class CrlCopy(Row, table=True):
    """How one list stands at one mirror. `number` is that of the list which is there."""

    __tablename__ = "crl_copy"
    __table_args__ = (UniqueConstraint("mirror_id", "crl_id"),)

    mirror_id: str = Field(foreign_key="crl_mirror.id", max_length=80)
    crl_id: str = Field(foreign_key="crl.id", index=True, max_length=80)
    object_name: str = Field(max_length=128)
    status: str = Field(default="pending", max_length=16)
    number: int | None = Field(default=None, sa_type=BigInteger)
    receipt: dict[str, Any] | None = optional_json()
    intent_at: datetime | None = moment()
    attempts: int = 0
    last_error: dict[str, Any] | None = optional_json()
    next_try_at: datetime | None = moment()
    published_at: datetime | None = moment()


class OcspSigner(Row, table=True):
    """Who answers questions of status for one key of an authority."""

    __tablename__ = "ocsp_signer"
    __table_args__ = (Index("ix_ocsp_signer", "ca_id", "spki", "not_after"),)

    ca_id: str = Field(foreign_key="certificate_authority.id", max_length=40)
    spki: str = Field(max_length=64)
    pem: str
    key_sealed: str
    not_after: datetime = Field(sa_type=UtcDateTime)


class CertificateTerm(SQLModel, table=True):
    """A name or a metadata entry by which a certificate is found; the certificate's row stays the truth.

    `kind` is ``name`` or ``metadata``; names are in lower case, metadata is ``name=value``, `reversed` is a name
    backwards. Application and time are those of the certificate, so that one index finds and sorts.
    """

    __tablename__ = "certificate_term"
    __table_args__ = (
        Index("ix_certificate_term_here", "application_id", "kind", "value", "created_at", "certificate_id"),
        Index("ix_certificate_term_value", "kind", "value", "created_at", "certificate_id"),
        Index("ix_certificate_term_reversed", "kind", "reversed", "certificate_id"),
    )

    certificate_id: str = Field(primary_key=True, foreign_key="certificate.id", max_length=40)
    kind: str = Field(primary_key=True, max_length=16)
    value: str = Field(primary_key=True, sa_type=Bytewise)
    reversed: str | None = Field(default=None, sa_type=Bytewise)
    application_id: str | None = Field(default=None, max_length=40)
    created_at: datetime = Field(sa_type=UtcDateTime)


class InventoryView(Row, table=True):
    """A search of the inventory that was given a name."""

    __tablename__ = "inventory_view"
    __table_args__ = (UniqueConstraint("application_id", "slug"),)

    application_id: str = Field(foreign_key="application.id", max_length=40)
    slug: str = Field(max_length=64)
    name: str = Field(max_length=128)
    filter: dict[str, Any] = json_column()
