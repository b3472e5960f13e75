"""Accounts, orders, authorizations, challenges and nonces of the ACME server."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from certrail.domain.acme import AccountStatus, AuthorizationStatus, ChallengeStatus, OrderStatus
from certrail.persistence.tables.base import Row, Table, json_column, only_where, optional_json, timestamp
from certrail.persistence.types import UtcDateTime

VALIDATED = "status = 'processing'"
"""Challenges that are being validated."""


class AcmeNonce(Table, table=True):
    """A nonce that was given out and not used yet (RFC 8555 section 6.5); using it deletes the row."""

    __tablename__ = "acme_nonce"

    value: str = Field(primary_key=True, max_length=48)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class ExternalAccountKey(Row, table=True):
    """A key for external account bindings (RFC 8555 section 7.3.4); its id is the `kid`, the MAC key is sealed.

    `scope` is the Application id or empty: a unique constraint sees no two NULLs as equal.
    """

    __tablename__ = "external_account_key"
    __table_args__ = (UniqueConstraint("scope", "profile_id", "name"),)

    scope: str = Field(max_length=40)
    application_id: str | None = Field(default=None, foreign_key="application.id", index=True, max_length=40)
    profile_id: str = Field(foreign_key="certificate_profile.id", index=True, max_length=40)
    name: str = Field(max_length=64)
    secret_sealed: str
    revoked_at: datetime | None = timestamp()
    last_used_at: datetime | None = timestamp()


class AcmeAccount(Row, table=True):
    """An account with its public key (JWK, RFC 7517), and the principal that it is in the audit log.

    `thumbprint` is that of the key (RFC 7638), one account each in a scope and profile; `past_thumbprints` are those
    of its keys before, the oldest first.
    """

    __tablename__ = "acme_account"
    __table_args__ = (UniqueConstraint("scope", "profile_id", "thumbprint"),)

    scope: str = Field(max_length=40)
    application_id: str | None = Field(default=None, foreign_key="application.id", index=True, max_length=40)
    profile_id: str = Field(foreign_key="certificate_profile.id", index=True, max_length=40)
    principal_id: str = Field(foreign_key="principal.id", max_length=40)
    status: str = Field(default=AccountStatus.VALID, max_length=16)
    jwk: dict[str, Any] = json_column()
    thumbprint: str = Field(max_length=64)
    past_thumbprints: list[str] = json_column(list)
    contacts: list[str] = json_column(list)
    external_key_id: str | None = Field(default=None, foreign_key="external_account_key.id", max_length=40)


class AcmeOrderApproval(Row, table=True):
    """What is approved for orders of one account for the same names: an approval's subject.

    `content` is what is signed but for the key, under these versions of profile and certificate policy; `digest` is
    what votes are bound to; `status` is that of the approval.
    """

    __tablename__ = "acme_order_approval"
    __table_args__ = (Index("ix_acme_order_approval_account", "account_id", "created_at"),)

    application_id: str | None = Field(default=None, foreign_key="application.id", index=True, max_length=40)
    profile_id: str = Field(foreign_key="certificate_profile.id", max_length=40)
    account_id: str = Field(foreign_key="acme_account.id", max_length=40)
    requester_id: str = Field(foreign_key="principal.id", max_length=40)
    names: str
    status: str = Field(max_length=16)
    content: dict[str, Any] = json_column()
    profile_version: int
    policy_version: int
    digest: str = Field(max_length=64)


class AcmeOrder(Row, table=True):
    """An order. Whether it is ``valid`` follows from its certificate request.

    `csr`, base64url of its DER, is kept while the order waits for `order_approval_id`.
    `names` is equal for equal sets of identifiers; `replaces` is the certificate as the client named it by ARI (RFC
    9773 section 5), and `replaces_id` its id; `error` is the problem of an invalid order. `ends_at` is from when on it
    is not needed any more: when it expires; the housekeeping then sets it to when its certificate does.
    """

    __tablename__ = "acme_order"
    __table_args__ = (Index("ix_acme_order_account", "account_id", "created_at"),)

    application_id: str | None = Field(default=None, foreign_key="application.id", index=True, max_length=40)
    account_id: str = Field(foreign_key="acme_account.id", max_length=40)
    status: str = Field(default=OrderStatus.PENDING, max_length=16)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime, index=True)
    identifiers: list[dict[str, str]] = json_column(list)
    names: str
    replaces: str | None = Field(default=None, max_length=128)
    order_approval_id: str | None = Field(
        default=None, foreign_key="acme_order_approval.id", index=True, max_length=40
    )
    csr: str | None = None
    replaces_id: str | None = Field(default=None, index=True, max_length=40)
    request_id: str | None = Field(
        default=None, unique=True, foreign_key="certificate_request.id", max_length=40
    )
    error: dict[str, Any] | None = optional_json()


class AcmeAuthorization(Row, table=True):
    """An account's authorization for one identifier of one order; `value` has no wildcard, as RFC 8555 wants it."""

    __tablename__ = "acme_authorization"
    __table_args__ = (Index("ix_acme_authorization_account", "account_id", "value"),)

    order_id: str = Field(foreign_key="acme_order.id", index=True, max_length=40)
    account_id: str = Field(foreign_key="acme_account.id", max_length=40)
    type: str = Field(max_length=8)
    value: str = Field(max_length=255)
    wildcard: bool = False
    status: str = Field(default=AuthorizationStatus.PENDING, max_length=16)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class AcmeChallenge(Row, table=True):
    """A challenge. While it is ``processing``, a workflow validates it: `attempts` so far, the next at `next_try_at`.

    `error` is the problem of the last attempt, `failed_at` when its validation failed for good; `account_url` is how
    the client names its account, which some challenges have in DNS.
    """

    __tablename__ = "acme_challenge"
    __table_args__ = (Index("ix_acme_challenge_validated", "id", **only_where(VALIDATED)),)

    authorization_id: str = Field(foreign_key="acme_authorization.id", index=True, max_length=40)
    type: str = Field(max_length=24)
    token: str = Field(max_length=64)
    status: str = Field(default=ChallengeStatus.PENDING, max_length=16)
    attempts: int = 0
    next_try_at: datetime | None = timestamp()
    validated_at: datetime | None = timestamp()
    failed_at: datetime | None = timestamp()
    account_url: str | None = Field(default=None, max_length=512)
    error: dict[str, Any] | None = optional_json()
