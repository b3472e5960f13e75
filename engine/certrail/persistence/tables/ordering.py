"""The order in which a transaction writes: what a foreign key points to comes first, and goes last."""

from collections.abc import Iterable

from sqlalchemy import inspect
from sqlalchemy.orm import Mapper, relationship
from sqlmodel import SQLModel


def follow_foreign_keys(tables: Iterable[type[SQLModel]]) -> None:
    """Let the unit of work sort the rows of different tables by their foreign keys.

    It does so by relationships only (SQLAlchemy, "Unit of Work"), and there are none here: rows know each other by
    their ids. Without this every row would have to be flushed before the first that points to it.
    """
    mappers: dict[object, Mapper[SQLModel]] = {inspect(table).local_table: inspect(table) for table in tables}
    for mapper in mappers.values():
        for key in mapper.local_table.foreign_keys:
            target = mappers[key.column.table]
            if target is not mapper:
                # No cascade: they are for sorting only, and each `add` would walk along all of them.
                points = relationship(
                    target,
                    primaryjoin=key.parent == key.column,
                    foreign_keys=[key.parent],
                    lazy="raise",
                    cascade="",
                )
                mapper.add_property(f"{key.parent.name}_row", points)
