"""Connections: credentials for outside systems, shared by syncs and channels."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError, create_model
from sqlmodel import and_, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.domain.errors import AwaitsPlugin, BadInput, Conflict
from certrail.domain.events.integrations import (
    ConnectionCreated,
    ConnectionDeleted,
    ConnectionExpiryExtended,
    ConnectionUpdated,
)
from certrail.domain.expiry import current_threshold
from certrail.domain.states import RETIREMENT_PLANNED
from certrail.persistence.tables import (
    Channel,
    Connection,
    CrlMirror,
    Delivery,
    PreviousTarget,
    Retirement,
    Sync,
)
from certrail.services.core.actor import Actor
from certrail.services.core.changes import UNCHANGED, Unchanged
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.integrations.masking import keep_masked
from certrail.services.integrations.plugin_config import config_error, find_connection
from certrail.services.integrations.plugin_names import key_of
from certrail.services.integrations.stored_config import (
    connection_purpose,
    shown_connection,
    stored_of_connection,
    values_of_connection,
)
from certrail_sdk import Config, Plugin, connection_fields


class Connections:
    """Created by Product Admins; the credentials are never shown in clear again."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create(
        self,
        actor: Actor,
        *,
        slug: str,
        name: str,
        type_: str,
        config: Mapping[str, Any],
        expires_at: datetime | None = None,
        max_per_minute: int | None = None,
    ) -> Connection:
        """Store credentials.

        Args:
            expires_at: until when the outside system accepts them, if known; `connection.expiring` warns before.
            max_per_minute: how many deliveries and removals it bears; more wait for their turn. Left out, any number.

        Raises:
            BadInput: no installed plugin takes this type, a field is wrong, or they have ended.
            Conflict: the slug is taken.
        """
        values = self._validated(type_, config)
        with self._context.unit_of_work(actor) as uow:
            if uow.session.exec(select(Connection).where(Connection.slug == slug)).first():
                raise Conflict(f"A connection {slug!r} exists already.")
            ident = uow.new_id()
            row = Connection(
                id=ident,
                created_at=uow.now,
                slug=slug,
                name=name,
                type=type_,
                config_sealed=self._context.keyring.seal_json(values, connection_purpose(ident)),
                config_revisions=self._revisions(type_),
                max_per_minute=max_per_minute,
            )
            _set_end(uow, row, expires_at)
            uow.session.add(row)
            uow.record(ConnectionCreated(row.id, slug=slug, type=type_))
            return row

    def update(
        self,
        actor: Actor,
        reference: str,
        config: Mapping[str, Any] | Unchanged = UNCHANGED,
        *,
        expires_at: datetime | Unchanged | None = UNCHANGED,
        max_per_minute: int | Unchanged | None = UNCHANGED,
    ) -> Connection:
        """Change what is given. What failed with the connection is tried again.

        Args:
            config: replaced as a whole; a masked value stays as it was.
            expires_at: until when the credentials are accepted; ``None`` where nobody knows.
            max_per_minute: rate limit of deliveries and removals; ``None`` for any number.

        Raises:
            BadInput: a field is wrong, or they have ended.
        """
        with self._context.unit_of_work(actor) as uow:
            row = find_connection(uow.session, reference)
            stored = stored_of_connection(self._context, row)
            values = stored
            if config is not UNCHANGED:
                values = self._validated(row.type, keep_masked(config, self._present(row)))
                row.config_sealed = self._context.keyring.seal_json(values, connection_purpose(row.id))
                row.config_revisions = self._revisions(row.type)
            uow.session.add(row)
            changed = sorted(k for k in values.keys() | stored.keys() if values.get(k) != stored.get(k))
            uow.record(ConnectionUpdated(row.id, slug=row.slug, fields=changed))
            if max_per_minute is not UNCHANGED:
                row.max_per_minute, row.next_slot_at = max_per_minute, None
            if expires_at is not UNCHANGED:
                before = row.expires_at
                _set_end(uow, row, expires_at)
                if before and (expires_at is None or expires_at > before):
                    uow.record(ConnectionExpiryExtended(row.id, slug=row.slug))
            return row

    def delete(self, actor: Actor, reference: str) -> None:
        """Remove credentials that nothing uses.

        Raises:
            Conflict: naming the syncs, channels and mirrors that use them.
        """
        with self._context.unit_of_work(actor) as uow:
            row = find_connection(uow.session, reference)
            users = [
                *uow.session.exec(select(Sync.slug).where(Sync.connection_id == row.id)),
                *uow.session.exec(select(Channel.slug).where(Channel.connection_id == row.id)),
                *uow.session.exec(select(CrlMirror.slug).where(CrlMirror.connection_id == row.id)),
            ]
            if users:
                raise Conflict(f"It is used by {', '.join(users[:5])}. Change these first.", users=users)
            if pending := uow.session.exec(_still_there(row)).all():
                raise Conflict(
                    f"{', '.join(pending[:5])} still removes objects at a previous target with this connection.",
                    users=pending,
                )
            for target in uow.session.exec(
                select(PreviousTarget).where(PreviousTarget.connection_id == row.id)
            ).all():
                target.connection_id = None
                uow.session.add(target)
            uow.session.delete(row)
            uow.record(ConnectionDeleted(row.id, slug=row.slug))

    def list(self) -> Sequence[Connection]:
        """All connections."""
        with self._context.db.read() as session:
            return session.exec(select(Connection).order_by(Connection.slug)).all()

    def get(self, reference: str) -> Connection:
        """One connection by slug or id. Raises NotFound."""
        with self._context.db.read() as session:
            return find_connection(session, reference)

    def shown(self, row: Connection) -> dict[str, Any]:
        """The configuration with its secrets masked."""
        return shown_connection(self._context, row, self._context.plugins.with_connection(row.type))

    def _present(self, row: Connection) -> dict[str, Any]:
        """What masks stand for: the values under the names that they are shown with."""
        values = dict[str, Any]()
        for plugin in self._context.plugins.with_connection(row.type):
            with suppress(AwaitsPlugin, BadInput):
                values = values_of_connection(self._context, row, plugin) | values
        return values

    def _revisions(self, type_: str) -> dict[str, int]:
        plugins = self._context.plugins.with_connection(type_)
        return {key_of(plugin): plugin.config_type.revision for plugin in plugins}

    def _validated(self, type_: str, config: Mapping[str, Any]) -> dict[str, Any]:
        plugins = self._context.plugins.with_connection(type_)
        if not plugins:
            raise BadInput(f"No installed plugin takes a connection of type {type_!r}.", "type")
        known: set[str] = set().union(*(connection_fields(p.config_type) for p in plugins))
        if unknown := sorted(config.keys() - known):
            raise BadInput(
                f"Unknown fields: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.", unknown[0]
            )
        for plugin in plugins:
            _check_part(plugin, config)
        return dict(config)


def _still_there(row: Connection) -> SelectOfScalar[str]:
    """Slugs of retargeted syncs that still have objects to remove at a previous target."""
    delivered = select(Delivery.previous_target_id).where(col(Delivery.previous_target_id).is_not(None))
    planned = select(Retirement.previous_target_id).where(
        col(Retirement.previous_target_id).is_not(None), col(Retirement.status).in_(RETIREMENT_PLANNED)
    )
    target = col(PreviousTarget.id)
    return (
        select(Sync.slug)
        .join(PreviousTarget, col(PreviousTarget.sync_id) == col(Sync.id))
        .where(
            PreviousTarget.connection_id == row.id,
            or_(target.in_(planned), and_(col(Sync.prune), target.in_(delivered))),
        )
        .distinct()
    )


def _set_end(uow: UnitOfWork, row: Connection, expires_at: datetime | None) -> None:
    """Set the known end; only thresholds that are still ahead are warned of."""
    left = expires_at - uow.now if expires_at else None
    if left is not None and left <= timedelta(0):
        raise BadInput("These credentials have ended already.", "expires_at")
    row.expires_at = expires_at
    row.last_warning_threshold = current_threshold(left) if left is not None else None
    uow.session.add(row)


def _check_part(plugin: type[Plugin[Any]], config: Mapping[str, Any]) -> None:
    """Validate the fields that a connection supplies by the plugin's own rules for them."""
    fields = plugin.config_type.model_fields
    part: dict[str, Any] = {
        name: (fields[name].rebuild_annotation(), fields[name])
        for name in connection_fields(plugin.config_type)
    }
    model = create_model(f"{plugin.__name__}Connection", __base__=Config, **part)
    try:
        model.model_validate({name: value for name, value in config.items() if name in part})
    except ValidationError as err:
        raise config_error(err) from None
