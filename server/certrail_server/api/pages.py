"""Lists that grow without end: which page is asked for, and where it ended."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from sqlmodel import SQLModel

from certrail.domain.errors import BadInput
from certrail.domain.timestamps import in_utc
from certrail.services.core.paging import PAGE, Position
from certrail_server.api.schemas.base import Listing

L = TypeVar("L", bound=Listing[Any])
Rows = Sequence[Any]


@dataclass(frozen=True)
class PageRequest:
    """Which page of a list is asked for; `after` is where the page before ended."""

    after: Position | None
    limit: int

    def of(
        self, listing: type[L], read: Callable[..., Rows], show: Callable[[Rows], Rows], **given: Any
    ) -> L:
        """The page of a list whose rows, or first parts of rows, know when they were made."""
        return page(listing, read(**given, after=self.after, limit=self.limit + 1), self.limit, show)


def _turn(
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="How many objects a page has at most.")] = PAGE,
) -> PageRequest:
    return PageRequest(decode_cursor(cursor), limit)


Page = Annotated[PageRequest, Depends(_turn)]
"""A parameter of a route: `cursor` and `limit` of the query."""


def _made(row: Any) -> Position:
    first: Any = row if isinstance(row, SQLModel) else row[0]
    return first.created_at, first.id


def page(
    listing: type[L],
    rows: Rows,
    limit: int,
    show: Callable[[Rows], Rows],
    position: Callable[[Any], Position] = _made,
) -> L:
    """One page of rows that were fetched with ``limit + 1``."""
    more = len(rows) > limit
    rows = rows[:limit]
    cursor = encode_cursor(*position(rows[-1])) if more else None
    return listing(items=list(show(rows)), next_cursor=cursor)


def encode_cursor(instant: datetime, row_id: str) -> str:
    """An opaque position in a list."""
    text = json.dumps([instant.isoformat(), row_id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> Position | None:
    """The position that a cursor stands for. Raises BadInput."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        instant, row_id = json.loads(base64.urlsafe_b64decode(padded))
        parsed = datetime.fromisoformat(instant)
        if parsed.tzinfo is None or not isinstance(row_id, str) or "\0" in row_id:
            raise ValueError
        return in_utc(parsed), row_id
    except (ValueError, TypeError, binascii.Error):
        raise BadInput("The cursor is not one that this list gave out.", "cursor") from None
