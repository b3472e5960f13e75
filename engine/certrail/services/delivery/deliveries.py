"""Deliveries: one lineage at one sync, reconciled by a workflow; see `certrail.services.delivery.deploy`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select as sa_select
from sqlalchemy import text, union_all
from sqlmodel import col, func, or_, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from certrail.domain.errors import NotFound
from certrail.domain.events.delivery import DeliveryRetried
from certrail.persistence.database import cached
from certrail.persistence.tables import Delivery, Sync
from certrail.persistence.tables.delivery import PENDING, UNSUCCESSFUL
from certrail.services.access.reach import Scopes, in_scopes
from certrail.services.core.actor import Actor
from certrail.services.core.paging import PAGE, Position, newest_first
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.delivery import retirement_planner
from certrail.services.delivery.desired_state import bump_generation, facts_of
from certrail.services.delivery.locks import lock_delivery

HUNG_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class DeliveryState:
    """What the workflow decides by between its steps.

    Attributes:
        in_place: the observed generation is the desired one.
        retiring: a removal is due.
    """

    status: str
    in_place: bool
    retiring: bool = False


class Deliveries:
    """Reading deliveries, and retrying one by hand."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def state(self, delivery_id: str) -> DeliveryState:
        """Desired and observed state compared; a deleted delivery counts as in place."""
        with self._context.db.read() as session:
            query = select(
                Delivery.status,
                Delivery.observed_generation,
                Delivery.generation,
                retirement_planner.any_due(),
            )
            found = session.exec(query.where(Delivery.id == delivery_id)).first()
            if found is None:
                return DeliveryState("deleted", in_place=True)
            status, observed, desired, due = found
            return DeliveryState(status, observed == desired, due)

    def retry(self, actor: Actor, delivery_id: str) -> Delivery:
        """Deploy again now, by hand, also what is delivered: plugins change nothing where nothing differs.

        Raises:
            NotFound: unknown.
        """
        with self._context.unit_of_work(actor) as uow:
            delivery = lock_delivery(uow.session, delivery_id)
            if delivery is None:
                raise NotFound("delivery")
            bump_generation(uow, uow.session.get_one(Sync, delivery.sync_id), delivery)
            uow.record(DeliveryRetried(**facts_of(uow, delivery)))
            return delivery

    def get(self, delivery_id: str) -> tuple[Delivery, Sync]:
        """One delivery with its sync. Raises NotFound."""
        with self._context.db.read() as session:
            query = select(Delivery, Sync).join(Sync, col(Sync.id) == col(Delivery.sync_id))
            found = cached(
                session,
                ("delivery", delivery_id),
                lambda: session.exec(query.where(Delivery.id == delivery_id)).first(),
            )
            if found is None:
                raise NotFound("delivery")
            return found

    def unsuccessful_in(self, scopes: Scopes, limit: int = PAGE) -> Sequence[tuple[Delivery, Sync]]:
        """The deliveries of several Applications whose last attempt failed; the newest first."""
        with self._context.db.read() as session:
            return session.exec(_shown(_unsuccessful(scopes, limit))).all()

    def wrong_in(self, scopes: Scopes, limit: int = PAGE) -> Sequence[tuple[Delivery, Sync]]:
        """Those, and those that hang: they should have been made ten minutes ago, and no attempt failed.

        No worker serves the plugin of a delivery that hangs, or its call does not end.

        Args:
            limit: of each kind.
        """
        late = self._context.clock() - HUNG_AFTER
        hung: SelectOfScalar[str] = (
            select(col(Delivery.id).label("id"))
            .join(Sync, col(Sync.id) == col(Delivery.sync_id))
            .where(
                in_scopes(col(Sync.application_id), scopes),
                text(PENDING),
                text(f"not (delivery.{UNSUCCESSFUL})"),
                col(Delivery.desired_at) <= late,
                # Those that wait for their slot or their next attempt are not late.
                func.coalesce(Delivery.slot_at, late) <= late,
                func.coalesce(Delivery.next_try_at, late) <= late,
            )
            .order_by(col(Delivery.id))
            .limit(limit)
        )
        with self._context.db.read() as session:
            return session.exec(_shown(_unsuccessful(scopes, limit), hung)).all()

    def list(
        self,
        application_id: str | None,
        *,
        sync: str | None = None,
        lineage_id: str | None = None,
        status: str | None = None,
        after: Position | None = None,
        limit: int = PAGE,
    ) -> Sequence[tuple[Delivery, Sync]]:
        """One page of the deliveries of an Application, newest first: all, or those of one sync, lineage or status.

        Args:
            sync: slug or id.
        """
        with self._context.db.read() as session:
            query = select(Delivery, Sync).join(Sync, col(Sync.id) == col(Delivery.sync_id))
            query = query.where(Sync.application_id == application_id)
            if sync:
                query = query.where(or_(Sync.slug == sync, Sync.id == sync))
            if status:
                query = query.where(Delivery.status == status)
            if lineage_id:
                query = query.where(Delivery.lineage_id == lineage_id)
            return session.exec(newest_first(query, Delivery, after, limit)).all()


def _unsuccessful(scopes: Scopes, limit: int) -> SelectOfScalar[str]:
    query: SelectOfScalar[str] = select(col(Delivery.id).label("id")).join(
        Sync, col(Sync.id) == col(Delivery.sync_id)
    )
    # As a literal: the planner sees that the partial index has these rows.
    query = query.where(in_scopes(col(Sync.application_id), scopes), text(f"delivery.{UNSUCCESSFUL}"))
    changed, ident = col(Delivery.last_transition_at), col(Delivery.id)
    return query.order_by(changed.desc(), ident.desc()).limit(limit)


def _shown(*found: SelectOfScalar[str]) -> Select[Delivery, Sync]:
    """The deliveries with these ids; each part finds its own by its own index."""
    ids = union_all(*(sa_select(each.subquery().c.id) for each in found))
    query = select(Delivery, Sync).join(Sync, col(Sync.id) == col(Delivery.sync_id))
    query = query.where(col(Delivery.id).in_(ids))
    return query.order_by(col(Delivery.last_transition_at).desc(), col(Delivery.id).desc())
