"""What the API takes and answers: keys and accounts of ACME."""

from datetime import datetime

from pydantic import Field

from certrail.domain.acme import AccountStatus
from certrail_server.api.schemas.base import Id, In, Listing, Name, Out, examples


class ExternalAccountKeyIn(In):
    """A key for external account bindings to create."""

    model_config = examples({"name": "web-servers"})

    name: Name = Field(max_length=64, description="What it is for; unique in the enrollment.")


class ExternalAccountKeyOut(Out):
    """A key for external account bindings (RFC 8555 section 7.3.4)."""

    id: Id = Field(description="The key identifier (`kid`).")
    name: str = Field(description="What it is for.")
    created_at: datetime = Field(description="When it was created.")
    last_used_at: datetime | None = Field(description="When it bound an account last; null for never.")
    revoked_at: datetime | None = Field(description="When it was revoked; null while it is valid.")


class NewExternalAccountKeyOut(ExternalAccountKeyOut):
    """A key with its MAC key, which is shown once."""

    mac_key: str = Field(description="The MAC key, base64url, as clients take it; in this answer only.")


class ExternalAccountKeyList(Listing[ExternalAccountKeyOut]):
    """Keys, by name."""


class AcmeAccountOut(Out):
    """An ACME account."""

    id: Id = Field(description="Id of the account; the last part of its URL.")
    created_at: datetime = Field(description="When it was created.")
    principal_id: Id = Field(description="Id of the principal that it is in the audit log.")
    status: AccountStatus = Field(description="Whether it may act.")
    thumbprint: str = Field(description="Of its public key (RFC 7638).")
    contacts: list[str] = Field(description="As the client gave them.")
    external_key_id: Id | None = Field(description="Id of the key that bound it; null for none.")


class AcmeAccountList(Listing[AcmeAccountOut]):
    """Accounts, oldest first."""
