"""Certificates, lineages, and what they are found by."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from certrail.domain.states import CertificateStatus
from certrail.persistence.tables.base import Row, Table, json_column, only_where, optional_json, timestamp
from certrail.persistence.types import BinaryCollatedString, UtcDateTime

WAITING = "renewal_wait is not null"
"""Lineages whose renewal waits in a round."""


class Lineage(Row, table=True):
    """The stable identity that a certificate and all its renewals share.

    `renew_at` is the time of its automatic renewal, empty when there is none or a workflow waits with it: then
    `renewal_wait` says for what, until `renewal_wakes_at`, in which `renewal_round`. `renewal_state` says why then, and
    what failed last. `auto_renew` and `renewal_override` override the rule of its profile. With `needs_replan` the
    sweep computes `renew_at` again.
    """

    __tablename__ = "lineage"
    __table_args__ = (
        Index("ix_lineage_due", "renew_at", "id", **only_where("renew_at is not null")),
        Index("ix_lineage_waiting", "id", **only_where(WAITING)),
    )

    application_id: str | None = Field(default=None, foreign_key="application.id", index=True, max_length=40)
    current_certificate_id: str | None = Field(default=None, max_length=40)
    renew_at: datetime | None = timestamp()
    auto_renew: bool | None = None
    renewal_override: dict[str, Any] | None = optional_json()
    needs_replan: bool = False
    renewal_round: int = 0
    renewal_wait: str | None = Field(default=None, max_length=16)
    renewal_wakes_at: datetime | None = timestamp()
    renewal_state: dict[str, Any] | None = optional_json()


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
    status: str = Field(default=CertificateStatus.ACTIVE, max_length=16)
    serial: str = Field(index=True, max_length=64)
    fingerprint: str = Field(unique=True, max_length=64)
    common_name: str = Field(default="", max_length=256)
    names: dict[str, list[str]] = json_column()
    unreadable: list[str] = json_column(list)
    key_algorithm: str = Field(max_length=32)
    not_before: datetime = Field(sa_type=UtcDateTime)
    not_after: datetime = Field(sa_type=UtcDateTime)
    pem: str
    chain: list[str] = json_column(list)
    root: str | None = None
    key_sealed: str | None = None
    key_shown_at: datetime | None = timestamp()
    revoked_at: datetime | None = timestamp()
    revocation_reason: str | None = Field(default=None, max_length=32)
    attributes: dict[str, Any] = json_column()


class CertificateSearchTerm(Table, table=True):
    """A name or a metadata entry by which a certificate is found; the certificate's row stays the truth.

    `kind` is ``name`` or ``metadata``; names are in lower case, metadata is ``name=value``, `reversed` is a name
    backwards. Application and time are those of the certificate, so that one index finds and sorts.
    """

    __tablename__ = "certificate_search_term"
    __table_args__ = (
        Index(
            "ix_certificate_search_term_here",
            "application_id",
            "kind",
            "value",
            "created_at",
            "certificate_id",
        ),
        Index("ix_certificate_search_term_value", "kind", "value", "created_at", "certificate_id"),
        Index("ix_certificate_search_term_reversed", "kind", "reversed", "certificate_id"),
    )

    certificate_id: str = Field(primary_key=True, foreign_key="certificate.id", max_length=40)
    kind: str = Field(primary_key=True, max_length=16)
    value: str = Field(primary_key=True, sa_type=BinaryCollatedString)
    reversed: str | None = Field(default=None, sa_type=BinaryCollatedString)
    application_id: str | None = Field(default=None, max_length=40)
    created_at: datetime = Field(sa_type=UtcDateTime)


class SavedSearch(Row, table=True):
    """A search of the inventory that was given a name."""

    __tablename__ = "saved_search"
    __table_args__ = (UniqueConstraint("application_id", "slug"),)

    application_id: str = Field(foreign_key="application.id", max_length=40)
    slug: str = Field(max_length=64)
    name: str = Field(max_length=128)
    filter: dict[str, Any] = json_column()
