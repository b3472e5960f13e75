"""Principals, groups, tokens and sessions."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field

from certrail.persistence.tables.base import Row, Table, json_column, optional_json, timestamp
from certrail.persistence.types import UtcDateTime


class Principal(Row, table=True):
    """A user, a group, a machine identity, an agent, or an enrollment client such as an ACME account."""

    __tablename__ = "principal"
    __table_args__ = (
        CheckConstraint("kind in ('user', 'group', 'machine', 'agent', 'enrollment')", name="principal_kind"),
    )

    kind: str = Field(max_length=16)
    slug: str = Field(unique=True, max_length=128)
    name: str = Field(max_length=128)
    email: str | None = Field(default=None, unique=True, max_length=320)
    product_role: str | None = Field(default=None, max_length=16)
    active: bool = True


class GroupMember(Table, table=True):
    """A user or machine identity inside a group."""

    __tablename__ = "group_member"

    group_id: str = Field(primary_key=True, foreign_key="principal.id", max_length=40)
    principal_id: str = Field(primary_key=True, foreign_key="principal.id", index=True, max_length=40)


class AccessToken(Row, table=True):
    """A bearer token, of which only the SHA-256 of the secret part is kept.

    `made_with` is the id of the token or browser session that it was made with, and ends with; `made_by` the id of the
    principal who made it, if that is not its owner. One without `may_vote` casts no vote: somebody else has seen it.
    `auth_time` is when its owner authenticated for it, where a sign-in made it and the provider says so.
    """

    __tablename__ = "access_token"

    principal_id: str = Field(foreign_key="principal.id", index=True, max_length=40)
    name: str = Field(max_length=128)
    secret_hash: str = Field(max_length=64)
    scopes: list[str] = json_column(list)
    expires_at: datetime | None = timestamp()
    revoked_at: datetime | None = timestamp()
    made_with: str | None = Field(default=None, index=True, max_length=40)
    made_by: str | None = Field(default=None, max_length=40)
    may_vote: bool = True
    auth_time: datetime | None = timestamp()


class OidcIdentity(Row, table=True):
    """The user behind a subject of an OpenID Connect issuer."""

    __tablename__ = "oidc_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    issuer: str = Field(max_length=512)
    subject: str = Field(max_length=255)
    principal_id: str = Field(foreign_key="principal.id", index=True, max_length=40)


class BrowserSession(Row, table=True):
    """A user who signed in with a browser, of whose cookie only the SHA-256 of the secret part is kept.

    `auth_time` is when the user authenticated, where that is known. `draft` is a form that was interrupted by signing
    in again: ``{"path": …, "fields": {…}, "until": …}``.
    """

    __tablename__ = "browser_session"

    principal_id: str = Field(foreign_key="principal.id", index=True, max_length=40)
    secret_hash: str = Field(max_length=64)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = timestamp()
    auth_time: datetime | None = timestamp()
    draft: dict[str, Any] | None = optional_json()


class SignInLink(Row, table=True):
    """A link that signs a browser in once, of which only the SHA-256 of the secret part is kept.

    Without `principal_id` it is for the first Product Admin, whoever that is when it is used.
    """

    __tablename__ = "sign_in_link"

    principal_id: str | None = Field(default=None, foreign_key="principal.id", max_length=40)
    secret_hash: str = Field(max_length=64)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    used_at: datetime | None = timestamp()


class ChatIdentity(Row, table=True):
    """The member behind a verified sender id of a chat workspace."""

    __tablename__ = "chat_identity"
    __table_args__ = (UniqueConstraint("notifier", "workspace", "sender"),)

    notifier: str = Field(max_length=64)
    workspace: str = Field(max_length=128)
    sender: str = Field(max_length=128)
    principal_id: str = Field(foreign_key="principal.id", index=True, max_length=40)
