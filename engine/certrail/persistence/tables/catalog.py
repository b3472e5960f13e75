"""Certificate policies and certificate profiles."""

from typing import Any

from sqlmodel import Field

from certrail.persistence.tables.base import Row, json_column


class CertificatePolicy(Row, table=True):
    """What may be requested."""

    __tablename__ = "certificate_policy"

    slug: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=128)
    rules: dict[str, Any] = json_column()
    version: int = 1


class CertificateProfile(Row, table=True):
    """One authority, one policy, and defaults: what a certificate looks like."""

    __tablename__ = "certificate_profile"

    slug: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=128)
    issuer_type: str = Field(default="ca", max_length=16)
    ca_id: str | None = Field(default=None, foreign_key="certificate_authority.id", max_length=40)
    policy_id: str = Field(foreign_key="certificate_policy.id", max_length=40)
    defaults: dict[str, Any] = json_column()
    ttl_seconds: int
    version: int = 1
