"""What goes out: rows without their sealed columns, and pages of them."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from fastapi.encoders import jsonable_encoder
from sqlmodel import SQLModel

from certrail.domain.errors import BadInput
from certrail.persistence.tables import EventRow

Json = dict[str, Any]

HIDDEN = frozenset({"config_sealed", "config_revision", "key_sealed", "secret_hash", "key_shown_at"})


def shown(row: SQLModel, **more: Any) -> Json:
    """A row as the API shows it. Sealed and hashed columns never leave."""
    values: Json = jsonable_encoder(row.model_dump(exclude=set(HIDDEN)))
    if "attributes" in values:
        values["metadata"] = values.pop("attributes")
    return {**values, **jsonable_encoder(more)}


def items(rows: Sequence[Any], show: Callable[[Any], Json] = shown) -> Json:
    """A whole list."""
    return {"items": [show(row) for row in rows], "next_cursor": None}


def page(
    rows: Sequence[Any],
    limit: int,
    show: Callable[[Any], Json] = shown,
    position: Callable[[Any], tuple[datetime, str]] = lambda row: (row.created_at, row.id),
) -> Json:
    """One page of rows that were fetched with ``limit + 1``."""
    more = len(rows) > limit
    rows = rows[:limit]
    cursor = encode_cursor(*position(rows[-1])) if more else None
    return {"items": [show(row) for row in rows], "next_cursor": cursor}


def record_page(rows: Sequence[EventRow], limit: int) -> Json:
    """One page of the record, whose cursor is a `seq`."""
    return {
        "items": [shown(row) for row in rows],
        "next_cursor": rows[-1].seq if len(rows) == limit else None,
    }


def encode_cursor(moment: datetime, row_id: str) -> str:
    """An opaque position in a list."""
    text = json.dumps([moment.isoformat(), row_id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """The position that a cursor stands for. Raises BadInput."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        moment, row_id = json.loads(base64.urlsafe_b64decode(padded))
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None or not isinstance(row_id, str):
            raise ValueError
    except (ValueError, TypeError, binascii.Error):
        raise BadInput("The cursor is not one that this list gave out.", "cursor") from None
    return parsed, row_id
