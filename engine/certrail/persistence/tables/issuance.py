"""Certificate requests and their orders at remote signers."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from certrail.domain.states import RemoteOrderStatus
from certrail.persistence.tables.base import Row, json_column, only_where, timestamp
from certrail.persistence.types import UtcDateTime

RUNNING = "status in ('pending_approval', 'approved', 'issuing')"
"""Requests without a final status."""


class CertificateRequest(Row, table=True):
    """One ask. `content` is what a vote is bound to, `digest` its SHA-256.

    `renews_id` is the certificate that the new one supersedes, `same_key` whether it keeps its private key,
    `renewal_round` the round of its lineage whose workflow carries the request; others have a workflow of their own.
    `origin` is what it came from, `origin_by` the id of the principal (later: the account) behind it; empty for an
    automatic renewal.
    """

    __tablename__ = "certificate_request"
    __table_args__ = (
        Index("ix_certificate_request_list", "application_id", "created_at", "id"),
        Index("ix_certificate_request_renewal", "renews_id", unique=True, **only_where(RUNNING)),
        Index("ix_certificate_request_running", "id", **only_where(RUNNING)),
    )

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    profile_id: str = Field(foreign_key="certificate_profile.id", index=True, max_length=40)
    requester_id: str = Field(foreign_key="principal.id", max_length=40)
    origin: str = Field(max_length=16)
    origin_by: str | None = Field(default=None, max_length=80)
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
    renewal_round: int | None = None
    preapproval_id: str | None = Field(default=None, index=True, max_length=40)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class RemoteOrder(Row, table=True):
    """A certificate request at a remote signer; its id is the signer's idempotency key.

    `status` is ``open``, ``signed`` or ``refused``; `number` counts the orders of one request. `serial` and
    `created_at` make the same template in every attempt; `key_sealed` is the certificate's own private key until it is
    signed. `state` is sent back to the signer at `poll_at`; `attempts` counts calls, each before it is made.
    """

    __tablename__ = "remote_order"
    __table_args__ = (UniqueConstraint("request_id", "number"),)

    request_id: str = Field(foreign_key="certificate_request.id", max_length=40)
    number: int
    ca_certificate_id: str = Field(foreign_key="ca_certificate.id", max_length=40)
    signer: str = Field(max_length=64)
    status: str = Field(default=RemoteOrderStatus.OPEN, max_length=16)
    serial: str = Field(max_length=64)
    key_sealed: str | None = None
    state: dict[str, Any] = json_column()
    attempts: int = 0
    poll_at: datetime | None = timestamp()
