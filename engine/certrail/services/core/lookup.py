"""Rows that people name: found by slug or id, and never two of one name."""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, col, func, or_, select

from certrail.domain.errors import Conflict, NotFound
from certrail.persistence.database import locked
from certrail.services.core.changes import UNCHANGED

T = TypeVar("T", bound=SQLModel)


class AnyScope(Enum):
    """Of a table whose rows belong to no Application."""

    ANY = auto()


def find(
    session: Session,
    table: type[T],
    reference: str,
    what: str,
    *,
    scope: str | AnyScope | None = AnyScope.ANY,
) -> T:
    """The row with this slug or id; `what` names it to a person. Raises NotFound.

    Args:
        scope: the Application's id, ``None`` for the legacy scope; left out where slugs are unique everywhere.
    """
    named: Any = table
    query = select(table).where(or_(col(named.id) == reference, col(named.slug) == reference))
    if scope is not AnyScope.ANY:
        query = query.where(col(named.application_id) == scope)
    if (found := session.exec(query).first()) is None:
        raise NotFound(what, reference)
    return found


def gathered(joined: Iterable[tuple[T, str | None]]) -> list[tuple[T, list[str]]]:
    """Each row once, with the ids that an outer join found for it; both in the order in which they come."""
    found: dict[str, tuple[T, list[str]]] = {}
    for row, ident in joined:
        named: Any = row
        _, idents = found.setdefault(named.id, (row, []))
        if ident is not None and ident not in idents:
            idents.append(ident)
    return list(found.values())


def lock(session: Session, row: T, what: str) -> T:
    """The row as it is once it is held, for a change that counts versions: another one waits, and counts on from it.

    Raises NotFound when it was deleted meanwhile.
    """
    table: type[T] = type(row)
    named: Any = table
    ident: Any = row
    query = select(table).where(col(named.id) == ident.id)
    if (held := session.exec(locked(query)).first()) is None:
        raise NotFound(what)
    return held


def refuse_taken(session: Session, table: type[SQLModel], slug: str) -> None:
    """Raises Conflict when the slug is in use."""
    named: Any = table
    if session.exec(select(table).where(col(named.slug) == slug)).first():
        raise Conflict(f"The name {slug!r} is taken.", kind="name-taken")


def require_room(
    session: Session, table: type[SQLModel], application_id: str | None, most: int, what: str
) -> None:
    """Raises Conflict when an Application has as many rows of a table as it may have; `what` names them to a person."""
    named: Any = table
    query = select(func.count()).select_from(table).where(col(named.application_id) == application_id)
    if session.exec(query).one() >= most:
        raise Conflict(f"There are {most} {what} already, and no more in one Application.", kind="too-many")


def patch(session: Session, row: SQLModel, **given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Set the attributes that are given; `UNCHANGED` keeps one.

    Returns:
        The values of all these attributes before and after, for the event of the change.

    Raises:
        Conflict: a new slug is in use.
    """
    before = {name: getattr(row, name) for name in given}
    changed = {
        name: value for name, value in given.items() if value is not UNCHANGED and value != before[name]
    }
    if "slug" in changed:
        refuse_taken(session, type(row), changed["slug"])
    for name, value in changed.items():
        setattr(row, name, value)
    session.add(row)
    return before, {name: getattr(row, name) for name in given}
