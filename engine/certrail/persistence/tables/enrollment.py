"""What clients of EST and SCEP authenticate with, and which request each of their transactions is."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from certrail.persistence.tables.base import Row, json_column, only_where, timestamp
from certrail.persistence.types import UtcDateTime


class EnrollmentSecret(Row, table=True):
    """A passphrase of EST or a challenge of SCEP; only its hash is kept.

    `kind` is ``passphrase``, ``challenge`` or ``one_time_challenge``. The first two are used by many clients, for any
    number of requests, and kept as a slow hash. A one-time challenge is random, is found by its SHA-256 and is used
    once: `used_at` is set in the transaction that accepts the request.
    """

    __tablename__ = "enrollment_secret"
    __table_args__ = (
        Index("ix_enrollment_secret_hash", "hash", unique=True),
        Index("ix_enrollment_secret_pending", "enrollment_id", **only_where("used_at is null")),
    )

    enrollment_id: str = Field(foreign_key="enrollment.id", index=True, max_length=40)
    kind: str = Field(max_length=24)
    name: str = Field(max_length=64)
    hash: str = Field(max_length=160)
    created_by: str | None = Field(default=None, max_length=40)
    expires_at: datetime | None = timestamp(index=True)
    revoked_at: datetime | None = timestamp()
    used_at: datetime | None = timestamp(index=True)


class Agent(Row, table=True):
    """The agent of one host, and all that it may request.

    `token_hash` is the SHA-256 of its one-time token. The first call that shows the token sets `enrolled_at` and
    `principal_id` and clears `expires_at`; a call with another credential is refused from then on. `names` are the DNS
    names, addresses and common names that its certificates may have.
    """

    __tablename__ = "agent"
    __table_args__ = (UniqueConstraint("enrollment_id", "name"),)

    enrollment_id: str = Field(foreign_key="enrollment.id", max_length=40)
    name: str = Field(max_length=64)
    names: list[str] = json_column(list)
    token_hash: str = Field(unique=True, max_length=64)
    created_by: str | None = Field(default=None, max_length=40)
    expires_at: datetime | None = timestamp(index=True)
    enrolled_at: datetime | None = timestamp()
    principal_id: str | None = Field(default=None, foreign_key="principal.id", unique=True, max_length=40)


class EnrollmentExchange(Row, table=True):
    """Which certificate request a client's message belongs to, so that a repeated message finds it.

    `key` is the SHA-256 of what makes two messages the same: the client, the operation and its CSR, and for SCEP the
    transactionID. `transaction` is the SHA-256 of a transactionID and `signer_key` that of the public key that signed
    its first message, by which a poll is matched. `answered_at` is when the certificate was first handed out.
    """

    __tablename__ = "enrollment_exchange"
    __table_args__ = (
        UniqueConstraint("enrollment_id", "key"),
        Index("ix_enrollment_exchange_transaction", "enrollment_id", "transaction", "created_at"),
    )

    enrollment_id: str = Field(foreign_key="enrollment.id", max_length=40)
    key: str = Field(max_length=64)
    request_id: str = Field(foreign_key="certificate_request.id", index=True, max_length=40)
    transaction: str | None = Field(default=None, max_length=64)
    signer_key: str | None = Field(default=None, max_length=64)
    answered_at: datetime | None = timestamp(index=True)


class ScepRa(Row, table=True):
    """The certificate of the registration authority to which SCEP clients encrypt (RFC 8894 section 2.2).

    `key_sealed` is its RSA key; `serial`, hex, is by which a message names it.
    """

    __tablename__ = "scep_ra"
    __table_args__ = (Index("ix_scep_ra", "enrollment_id", "not_after"),)

    enrollment_id: str = Field(foreign_key="enrollment.id", max_length=40)
    ca_certificate_id: str = Field(foreign_key="ca_certificate.id", index=True, max_length=40)
    pem: str
    serial: str = Field(max_length=64)
    key_sealed: str
    not_after: datetime = Field(sa_type=UtcDateTime)
