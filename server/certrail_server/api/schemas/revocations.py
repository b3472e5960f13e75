"""Revocation requests."""

from datetime import datetime

from pydantic import Field

from certrail.domain.states import RevocationStatus
from certrail.pki.revocation import Reason
from certrail_server.api.schemas.base import Id, Listing, Out


class RevocationRequestOut(Out):
    """A revocation that an approval policy guards, and what has become of it."""

    id: Id = Field(description="Id of the request.")
    created_at: datetime = Field(description="When it was submitted.")
    updated_at: datetime = Field(description="When its status changed last.")
    status: RevocationStatus = Field(description="Where it is between submission and revocation.")
    reason: str | None = Field(description="Why it ended without a revocation, or waits.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    application: str | None = Field(description="Slug of its Application; null in the legacy scope.")
    certificate_id: Id = Field(description="Id of the certificate to revoke.")
    certificate: str = Field(description="Common name or first other name of the certificate.")
    requester_id: Id = Field(description="Id of the principal that submitted it.")
    requester: str = Field(description="Slug of the principal that submitted it.")
    revocation_reason: Reason = Field(
        description="Reason code (RFC 5280 section 5.3.1); `certificateHold` until it is released."
    )
    digest: str = Field(description="SHA-256 of the content, which votes are bound to.")
    approval_request_id: Id | None = Field(description="Id of the approval that it needs or needed.")


class RevocationRequestList(Listing[RevocationRequestOut]):
    """Revocation requests, newest first."""
