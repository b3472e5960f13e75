"""What every row has."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, literal_column, text
from sqlmodel import Field, SQLModel

from certrail.persistence.types import UtcDateTime


class Table(SQLModel):
    """A table. SQLModel does not validate its rows, and neither does this."""

    def __init__(self, **values: Any) -> None:
        """Fill a new row at once, with what it has by default.

        SQLModel sets each attribute by itself, in SQLAlchemy and again in pydantic, which was a fourth of the time of
        a mass renewal. An INSERT takes its values from the instance's `__dict__`; history is kept from then on.
        """
        defaults = _defaults(type(self))
        for name, made in defaults.items():
            if name not in values:
                values[name] = made()
        self.__dict__.update(values)
        object.__setattr__(self, "__pydantic_fields_set__", set(values))


class Row(Table):
    """A row with an opaque id and the time it was created, both given by the service."""

    id: str = Field(primary_key=True, max_length=80)
    created_at: datetime = Field(sa_type=UtcDateTime)


@cache
def _defaults(table: type[SQLModel]) -> Mapping[str, Callable[[], Any]]:
    return {
        name: field.default_factory or partial(_same, field.default)  # type: ignore[misc]
        for name, field in table.model_fields.items()
        if not field.is_required()
    }


def _same(value: Any) -> Any:
    return value


def timestamp(**kwargs: Any) -> Any:
    """A nullable time in UTC."""
    return Field(default=None, sa_type=UtcDateTime, nullable=True, **kwargs)


def json_column(default: Any = dict) -> Any:
    """A JSON value; replaced as a whole, never changed in place."""
    return Field(default_factory=default, sa_column=Column(JSON, nullable=False))


def optional_json() -> Any:
    """A JSON value that may be missing."""
    return Field(default=None, sa_column=Column(JSON, nullable=True))


def where(condition: str) -> ColumnElement[bool]:
    """The condition of a partial index, word by word: SQLite uses the index for no other, nor for bound values.

    Without the type of a boolean, for which SQLAlchemy would write ``(…) = 1`` on SQLite: another condition.
    """
    return literal_column(f"({condition})")


def only_where(condition: str) -> Any:
    """Arguments of an index over some rows only, on both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
