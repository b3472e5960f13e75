"""Filters of lists that a person keeps under a name; nobody else sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, func, select

from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.persistence.database import locked
from certrail.persistence.tables import Application, Principal, SavedView
from certrail.services.access.viewed_lists import LONGEST_NAME, MOST_VIEWS, ViewedList, fault_of
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext


@dataclass(frozen=True)
class Kept:
    """A view with the slug of its Application; ``None`` where it is of none."""

    row: SavedView
    application: str | None


class SavedViews:
    """Each person's own. They are no facts about certificates, so they leave no events."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def keep(
        self,
        actor: Actor,
        application_id: str | None,
        *,
        list_: ViewedList,
        name: str,
        filter_: Mapping[str, str],
    ) -> Kept:
        """Keep a filter under a name; one that the same list has under it already is replaced.

        Args:
            application_id: of the list; the caller must be let in there first.

        Raises:
            BadInput: the list has no such filter, or the name is empty or too long.
            Conflict: the person has as many views as there may be.
        """
        name = name.strip()
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
            raise BadInput(f"A name has 1 to {LONGEST_NAME} printable characters.", "name")
        given = {key: value for key, value in filter_.items() if value}
        if fault := fault_of(list_, application_id is not None, given):
            raise BadInput(*fault)
        with self._context.unit_of_work(actor) as uow:
            session, owner = uow.session, actor.principal_id or ""
            # Two that are kept at once wait here: the second sees the first one's name, and the number.
            session.exec(locked(select(Principal.id).where(Principal.id == owner))).one()
            row = _named(session, owner, list_, application_id, name)
            if row is None:
                count = select(func.count()).where(SavedView.principal_id == owner)
                if session.exec(count).one() >= MOST_VIEWS:
                    raise Conflict(
                        f"You keep {MOST_VIEWS} views, which is as many as there may be. Delete one first.",
                        kind="too-many-views",
                    )
                row = SavedView(
                    id=uow.new_id(),
                    created_at=uow.now,
                    principal_id=owner,
                    application_id=application_id,
                    list=list_,
                    name=name,
                )
            row.filter = given
            session.add(row)
            uow.created_id = row.id
            application = session.get(Application, application_id) if application_id else None
            return Kept(row, application.slug if application else None)

    def delete(self, actor: Actor, ident: str) -> None:
        """Forget a view. Raises NotFound, also for somebody else's."""
        with self._context.unit_of_work(actor) as uow:
            row = uow.session.get(SavedView, ident)
            if row is None or row.principal_id != actor.principal_id:
                raise NotFound("saved view")
            uow.session.delete(row)

    def get(self, actor: Actor, ident: str) -> Kept:
        """One of the caller's views. Raises NotFound."""
        found = next((kept for kept in self.list(actor) if kept.row.id == ident), None)
        if found is None:
            raise NotFound("saved view")
        return found

    def list(self, actor: Actor) -> Sequence[Kept]:
        """All views of the caller, by name."""
        with self._context.db.read() as session:
            query = (
                select(SavedView, Application.slug)
                .join(Application, col(Application.id) == col(SavedView.application_id), isouter=True)
                .where(SavedView.principal_id == actor.principal_id)
                .order_by(col(SavedView.name), col(SavedView.id))
            )
            return [Kept(row, slug) for row, slug in session.exec(query).all()]


def _named(
    session: Session, owner: str, list_: ViewedList, application_id: str | None, name: str
) -> SavedView | None:
    query = select(SavedView).where(
        SavedView.principal_id == owner,
        SavedView.list == list_,
        SavedView.application_id == application_id,
        SavedView.name == name,
    )
    return session.exec(query).first()
