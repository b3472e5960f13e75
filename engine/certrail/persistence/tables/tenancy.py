"""Applications, their members and their profiles."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from certrail.persistence.tables.base import Row, json_column, only_where


class Application(Row, table=True):
    """One service or workload, where a team works."""

    __tablename__ = "application"

    slug: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=128)
    description: str = Field(default="", max_length=2000)


class Membership(Row, table=True):
    """One principal's one role in one Application; without one, among the objects that belong to none."""

    __tablename__ = "membership"
    __table_args__ = (
        UniqueConstraint("application_id", "principal_id"),
        Index("ix_membership_outside", "principal_id", unique=True, **only_where("application_id is null")),
    )

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    principal_id: str = Field(foreign_key="principal.id", index=True, max_length=40)
    role: str = Field(max_length=16)


class ApplicationProfile(SQLModel, table=True):
    """A profile attached to an Application, and how it may be used there."""

    __tablename__ = "application_profile"

    application_id: str = Field(primary_key=True, foreign_key="application.id", max_length=40)
    profile_id: str = Field(primary_key=True, foreign_key="certificate_profile.id", index=True, max_length=40)
    api: dict[str, Any] = json_column()
