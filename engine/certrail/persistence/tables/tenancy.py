"""Applications, their members and their enrollments."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

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


class Enrollment(Row, table=True):
    """How a profile is used by one method, in an Application or in the legacy scope.

    A profile is attached to an Application as long as it has a row there. `settings` are those of the method
    (`certrail.domain.enrollment`).
    """

    __tablename__ = "enrollment"
    __table_args__ = (
        UniqueConstraint("application_id", "profile_id", "method"),
        # NULLs are distinct in a unique constraint, so the legacy scope needs an index of its own.
        Index(
            "ix_enrollment_legacy",
            "profile_id",
            "method",
            unique=True,
            **only_where("application_id is null"),
        ),
    )

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    profile_id: str = Field(foreign_key="certificate_profile.id", index=True, max_length=40)
    method: str = Field(max_length=16)
    enabled: bool = True
    settings: dict[str, Any] = json_column()


class SavedView(Row, table=True):
    """The filter of a list of the console that a person keeps under a name."""

    __tablename__ = "saved_view"
    __table_args__ = (Index("ix_saved_view_name", "principal_id", "name"),)

    principal_id: str = Field(foreign_key="principal.id", max_length=40)
    application_id: str | None = Field(default=None, foreign_key="application.id", index=True, max_length=40)
    list: str = Field(max_length=16)
    name: str = Field(max_length=64)
    filter: dict[str, Any] = json_column()
