"""Searches of the inventory that were given a name."""

from collections.abc import Sequence

from sqlmodel import Session, select

from certrail.domain.errors import Conflict
from certrail.domain.events.inventory import ViewCreated, ViewDeleted, ViewUpdated
from certrail.domain.search import CertificateFilter
from certrail.persistence.tables import SavedSearch
from certrail.services.core.actor import Actor
from certrail.services.core.changes import UNCHANGED, Unchanged
from certrail.services.core.lookup import find, patch
from certrail.services.core.unit_of_work import ServiceContext


class SavedSearches:
    """Shared by all members of an Application."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create(
        self, actor: Actor, application_id: str, *, slug: str, name: str, wanted: CertificateFilter
    ) -> SavedSearch:
        """Give a search a name. Raises Conflict when it is taken."""
        with self._context.unit_of_work(actor) as uow:
            if _named(uow.session, application_id, slug):
                raise Conflict(f"The name {slug!r} is taken.", kind="name-taken")
            row = SavedSearch(
                id=uow.new_id(),
                created_at=uow.now,
                application_id=application_id,
                slug=slug,
                name=name,
                filter=_stored(wanted),
            )
            uow.session.add(row)
            uow.record(ViewCreated(row.id, application_id, slug=slug, filter=row.filter))
            return row

    def update(
        self,
        actor: Actor,
        application_id: str,
        reference: str,
        *,
        name: str | Unchanged = UNCHANGED,
        wanted: CertificateFilter | Unchanged = UNCHANGED,
    ) -> SavedSearch:
        """Change what is given."""
        with self._context.unit_of_work(actor) as uow:
            row = find_view(uow.session, application_id, reference)
            stored = UNCHANGED if wanted is UNCHANGED else _stored(wanted)
            before, after = patch(uow.session, row, name=name, filter=stored)
            uow.record(ViewUpdated(row.id, application_id, before=before, after=after))
            return row

    def delete(self, actor: Actor, application_id: str, reference: str) -> None:
        """Forget a search; what it found stays."""
        with self._context.unit_of_work(actor) as uow:
            row = find_view(uow.session, application_id, reference)
            uow.session.delete(row)
            uow.record(ViewDeleted(row.id, application_id, slug=row.slug))

    def list(self, application_id: str) -> Sequence[SavedSearch]:
        """All views of an Application."""
        with self._context.db.read() as session:
            query = select(SavedSearch).where(SavedSearch.application_id == application_id)
            return session.exec(query.order_by(SavedSearch.slug)).all()

    def get(self, application_id: str, reference: str) -> SavedSearch:
        """One view, by slug or id. Raises NotFound."""
        with self._context.db.read() as session:
            return find_view(session, application_id, reference)


def find_view(session: Session, application_id: str, reference: str) -> SavedSearch:
    """By slug or id, inside one Application. Raises NotFound."""
    return find(session, SavedSearch, reference, "view", scope=application_id)


def _named(session: Session, application_id: str, slug: str) -> SavedSearch | None:
    return session.exec(
        select(SavedSearch).where(SavedSearch.application_id == application_id, SavedSearch.slug == slug)
    ).first()


def _stored(wanted: CertificateFilter) -> dict[str, object]:
    return wanted.model_dump(mode="json", exclude_defaults=True)
