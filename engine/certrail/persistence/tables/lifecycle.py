"""Revocation requests."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from certrail.persistence.tables.base import Row, only_where
from certrail.persistence.types import UtcDateTime

OPEN = "status in ('pending_approval', 'approved')"
"""Of revocation requests that are not decided or not carried out yet."""


class RevocationRequest(Row, table=True):
    """A revocation that a policy guards: what was requested, and what became of it.

    `revocation_reason` is a reason of RFC 5280 section 5.3.1, `digest` the SHA-256 of what votes are bound to,
    `reason` why the request has its status. A certificate has one open request at most.
    """

    __tablename__ = "revocation_request"
    __table_args__ = (
        Index("ix_revocation_request_list", "application_id", "created_at", "id"),
        Index("ix_revocation_request_open", "certificate_id", unique=True, **only_where(OPEN)),
        Index("ix_revocation_request_running", "id", **only_where(OPEN)),
    )

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    certificate_id: str = Field(foreign_key="certificate.id", index=True, max_length=40)
    requester_id: str = Field(foreign_key="principal.id", max_length=40)
    revocation_reason: str = Field(max_length=32)
    status: str = Field(max_length=32)
    reason: str | None = None
    digest: str = Field(max_length=64)
    updated_at: datetime = Field(sa_type=UtcDateTime)
