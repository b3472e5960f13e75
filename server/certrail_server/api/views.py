"""What goes out: rows without their sealed columns."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi.encoders import jsonable_encoder
from sqlmodel import SQLModel

from certrail.persistence.tables import EventRow

Json = dict[str, Any]

HIDDEN = frozenset({"config_sealed", "config_revision", "key_sealed", "secret_hash", "key_shown_at"})


def shown(row: SQLModel, **more: Any) -> Json:
    """A row as the API shows it. Sealed and hashed columns never leave."""
    dumped = row.model_dump(exclude=set(HIDDEN))
    # A row that was read dumps its columns as they came; people and programs find them where the table has them.
    values: Json = jsonable_encoder({name: dumped[name] for name in type(row).model_fields if name in dumped})
    if "attributes" in values:
        values["metadata"] = values.pop("attributes")
    return {**values, **jsonable_encoder(more)}


def items(rows: Sequence[Any], show: Callable[[Any], Json] = shown) -> Json:
    """A whole list."""
    return {"items": [show(row) for row in rows], "next_cursor": None}


def record_page(rows: Sequence[EventRow], limit: int) -> Json:
    """One page of the record, whose cursor is a `seq`."""
    return {
        "items": [shown(row) for row in rows],
        "next_cursor": rows[-1].seq if len(rows) == limit else None,
    }
