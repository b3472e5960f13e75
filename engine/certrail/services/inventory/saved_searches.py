"""Searches of the inventory that were given a name."""

from collections.abc import Sequence

from sqlmodel import Session, select

from certrail.domain.errors import Conflict, NotFound
from certrail.domain.search import CertificateFilter
from certrail.persistence.tables import InventoryView
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import Kernel


class InventoryViews:
    """Shared by all members of an Application."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def create(
        self, actor: Actor, application_id: str, *, slug: str, name: str, wanted: CertificateFilter
    ) -> InventoryView:
        """Give a search a name. Raises Conflict when it is taken."""
        with self._kernel.change(actor) as change:
            if _named(change.session, application_id, slug):
                raise Conflict(f"The name {slug!r} is taken.", kind="name-taken")
            row = InventoryView(
                id=change.new_id(),
                created_at=change.now,
                application_id=application_id,
                slug=slug,
                name=name,
                filter=_stored(wanted),
            )
            change.session.add(row)
            change.event("view.created", "view", row.id, application_id, slug=slug, filter=row.filter)
            return row

    def update(
        self,
        actor: Actor,
        application_id: str,
        reference: str,
        *,
        name: str | None = None,
        wanted: CertificateFilter | None = None,
    ) -> InventoryView:
        """Change what is given."""
        with self._kernel.change(actor) as change:
            row = find_view(change.session, application_id, reference)
            before = {"name": row.name, "filter": row.filter}
            row.name = name if name is not None else row.name
            row.filter = _stored(wanted) if wanted is not None else row.filter
            change.session.add(row)
            after = {"name": row.name, "filter": row.filter}
            change.event("view.updated", "view", row.id, application_id, before=before, after=after)
            return row

    def delete(self, actor: Actor, application_id: str, reference: str) -> None:
        """Forget a search; what it found stays."""
        with self._kernel.change(actor) as change:
            row = find_view(change.session, application_id, reference)
            change.session.delete(row)
            change.event("view.deleted", "view", row.id, application_id, slug=row.slug)

    def list(self, application_id: str) -> Sequence[InventoryView]:
        """All views of an Application."""
        with self._kernel.db.read() as session:
            query = select(InventoryView).where(InventoryView.application_id == application_id)
            return session.exec(query.order_by(InventoryView.slug)).all()

    def get(self, application_id: str, reference: str) -> InventoryView:
        """One view, by slug or id. Raises NotFound."""
        with self._kernel.db.read() as session:
            return find_view(session, application_id, reference)


def find_view(session: Session, application_id: str, reference: str) -> InventoryView:
    """By slug or id, inside one Application. Raises NotFound."""
    found = session.get(InventoryView, reference) or _named(session, application_id, reference)
    if found is None or found.application_id != application_id:
        raise NotFound("view", reference)
    return found


def _named(session: Session, application_id: str, slug: str) -> InventoryView | None:
    return session.exec(
        select(InventoryView).where(
            InventoryView.application_id == application_id, InventoryView.slug == slug
        )
    ).first()


def _stored(wanted: CertificateFilter) -> dict[str, object]:
    return wanted.model_dump(mode="json", exclude_defaults=True)
