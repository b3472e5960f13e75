"""Lists that grow without end are read page by page, newest first."""

from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, tuple_
from sqlmodel import col

Position = tuple[datetime, str]
"""When the last row of a page was created, and its id."""

PAGE = 50
Query = TypeVar("Query", bound="Select[*tuple[Any, ...]]")


def newest_first(query: Query, table: Any, after: Position | None, limit: int) -> Query:
    """One page of a statement about `table`; `after` is where the page before ended."""
    created, ident = col(table.created_at), col(table.id)
    if after is not None:
        query = query.where(tuple_(created, ident) < after)
    return query.order_by(created.desc(), ident.desc()).limit(limit)
