"""What every row has."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, text
from sqlmodel import Field, SQLModel

from certrail.persistence.types import UtcDateTime


class Row(SQLModel):
    """A row with an opaque id and the time it was created, both given by the service."""

    id: str = Field(primary_key=True, max_length=80)
    created_at: datetime = Field(sa_type=UtcDateTime)


def timestamp(**kwargs: Any) -> Any:
    """A nullable time in UTC."""
    return Field(default=None, sa_type=UtcDateTime, nullable=True, **kwargs)


def json_column(default: Any = dict) -> Any:
    """A JSON value; replaced as a whole, never changed in place."""
    return Field(default_factory=default, sa_column=Column(JSON, nullable=False))


def optional_json() -> Any:
    """A JSON value that may be missing."""
    return Field(default=None, sa_column=Column(JSON, nullable=True))


def only_where(condition: str) -> Any:
    """Arguments of an index over some rows only, on both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
