"""The audit log."""

from datetime import datetime
from typing import Any

from pydantic import Field

from certrail_server.api.schemas.base import Id, Out


class EventOut(Out):
    """An immutable fact."""

    seq: int = Field(description="Position in the audit log, without gaps.")
    id: Id = Field(description="Id of the event.")
    created_at: datetime = Field(description="When it happened.")
    type: str = Field(description="What happened, such as certificate.issued.")
    application_id: Id | None = Field(description="Id of the Application that it is about, if of one.")
    subject_type: str = Field(description="Kind of the object that it is about.")
    subject_id: str = Field(description="Id of the object that it is about.")
    actor_id: Id | None = Field(description="Id of the principal that did it; null for certrail itself.")
    actor_name: str = Field(description="Name of the principal that did it.")
    request_id: str | None = Field(description="Id of the API call that did it.")
    data: dict[str, Any] = Field(description="Facts of this type of event.")
    hash: str = Field(description="SHA-256 over the event and the hash of the one before it.")


class EventList(Out):
    """Events, oldest first."""

    items: list[EventOut] = Field(description="The events of this page.")
    next_cursor: int | None = Field(description="Give it as `after` to read on; null at the end.")


class AuditHeadOut(Out):
    """The end of the audit chain."""

    seq: int = Field(description="Position of the last event.")
    hash: str = Field(description="Its hash.")
    seal: str = Field(description="The hash, sealed under the keyring.")
