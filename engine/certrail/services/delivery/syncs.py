"""Syncs: which certificates of an Application belong at which destination."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import inspect
from sqlmodel import Session, select

from certrail.domain.endpoints.probes import ProbeSettings, require_distinct
from certrail.domain.errors import BadInput, Conflict
from certrail.domain.events.delivery import SyncCleanup, SyncCreated, SyncTriggered, SyncUpdated
from certrail.domain.object_names import ObjectNameSchema
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, Sync
from certrail.persistence.tables.delivery import GRACE_SECONDS
from certrail.services.core.actor import Actor
from certrail.services.core.changes import UNCHANGED, Unchanged
from certrail.services.core.lookup import find, patch, require_room
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery import stable_names
from certrail.services.delivery.desired_state import (
    NameTraits,
    desired_at,
    lock_scope,
    named_at,
    object_name,
    set_desired_each,
)
from certrail.services.delivery.probes.schedule import replan_probes
from certrail.services.delivery.redelivery import redeliver_all, retry_failing_deliveries
from certrail.services.delivery.retirement_planner import (
    clean_up,
    discard,
    replan,
    retarget,
    target_of,
    target_snapshot,
)
from certrail.services.delivery.taken_over import Delivered, take_over
from certrail.services.integrations.plugin_config import (
    built,
    destination_class,
    destination_of,
    find_connection,
    installed,
    plugin_settings,
    reconfigure,
    validated,
)
from certrail.services.integrations.stored_config import shown, sync_purpose
from certrail.services.inventory.selectors import CertificateSelector, selected
from certrail_sdk import Destination, Removes

MOST_SYNCS = 200
"""Of one Application: all are matched in the transaction that issues a certificate, which holds up other writers."""
PRUNING = ("selection", "prune", "prune_grace_seconds")
"""Settings by which removals are planned."""


class Syncs:
    """Configured by Application Admins."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create(
        self,
        actor: Actor,
        application_id: str | None,
        *,
        slug: str,
        name: str,
        destination: str,
        config: Mapping[str, Any],
        connection: str | None = None,
        selection: CertificateSelector | None = None,
        name_schema: str | None = None,
        include_root: bool = False,
        keep_identity: bool = True,
        auto: bool = True,
        prune: bool = False,
        prune_grace_seconds: int = GRACE_SECONDS,
        probes: Sequence[ProbeSettings] = (),
        delivered: Sequence[Delivered] = (),
    ) -> Sync:
        """Create a sync; certificates that it selects already are delivered at once, except those in `delivered`.

        Args:
            name_schema: how objects are named; ``None``: as the destination has it by default.
            prune: remove objects that are not desired any more: superseded, revoked, expired, or not selected.
            prune_grace_seconds: how long they stay before that; a revoked certificate is removed at once.

        Raises:
            BadInput: the plugin, its configuration, the connection, the name schema or a probe does not fit; two of the
                certificates would have the same name.
            Conflict: the slug is taken in this Application.
        """
        plugin = destination_class(self._context, destination)
        name_schema = _usable_name_schema(name_schema, plugin)
        _check_removal(prune, plugin)
        require_distinct(probes)
        selection = selection or CertificateSelector()
        with self._context.unit_of_work(actor) as uow:
            session = uow.session
            lock_scope(session, application_id)
            if session.exec(
                select(Sync).where(Sync.application_id == application_id, Sync.slug == slug)
            ).first():
                raise Conflict(f"A sync {slug!r} exists already in this Application.")
            require_room(session, Sync, application_id, MOST_SYNCS, "syncs")
            ident = uow.new_id()
            settings = plugin_settings(
                self._context, session, plugin, sync_purpose(ident), config, connection
            )
            sync = Sync(
                id=ident,
                created_at=uow.now,
                application_id=application_id,
                slug=slug,
                name=name,
                destination=destination,
                **settings,
                selection=selection.stored_for(session, Sync, ident, application_id),
                name_schema=name_schema,
                name_pattern=plugin.name_pattern,
                name_length=plugin.name_length,
                include_root=include_root,
                keep_identity=keep_identity,
                auto=auto,
                prune=prune,
                prune_grace_seconds=prune_grace_seconds,
                probes=[probe.values() for probe in probes],
            )
            session.add(sync)
            uow.record(SyncCreated(sync.id, application_id, slug=slug, destination=destination))
            for known in delivered:
                take_over(uow, sync, known)
            self._refuse_clashes(uow, sync)
            if auto:
                self._catch_up(uow, sync)
            return sync

    def update(
        self,
        actor: Actor,
        application_id: str | None,
        reference: str,
        *,
        name: str | Unchanged = UNCHANGED,
        config: Mapping[str, Any] | Unchanged = UNCHANGED,
        connection: str | Unchanged | None = UNCHANGED,
        selection: CertificateSelector | Unchanged = UNCHANGED,
        name_schema: str | Unchanged = UNCHANGED,
        include_root: bool | Unchanged = UNCHANGED,
        keep_identity: bool | Unchanged = UNCHANGED,
        auto: bool | Unchanged = UNCHANGED,
        prune: bool | Unchanged = UNCHANGED,
        prune_grace_seconds: int | Unchanged = UNCHANGED,
        probes: Sequence[ProbeSettings] | Unchanged = UNCHANGED,
    ) -> Sync:
        """Change what is given. Newly selected certificates are delivered; a new target or chain redeploys
        everything. A new name schema names new objects only.

        Args:
            config: replaced as a whole; a masked value stays as it was.
            connection: slug or id; ``None`` for none.

        Raises:
            BadInput: the configuration, the connection or the name schema does not fit; two of the certificates would
                have the same name.
            Conflict: it is being deleted.
        """
        with self._context.unit_of_work(actor) as uow:
            session = uow.session
            lock_scope(session, application_id)
            sync = _held(session, application_id, reference)
            _check_stays(sync)
            plugin = destination_class(self._context, sync.destination)
            _check_removal(prune is True, plugin)
            if name_schema is not UNCHANGED:
                _usable_name_schema(name_schema, plugin)
            before, deployed = _facts(sync), (target_of(uow, sync), sync.include_root)
            former = target_snapshot(uow, sync)
            configured = reconfigure(self._context, session, plugin, sync, config, connection)
            if selection is not UNCHANGED:
                sync.selection = selection.stored_for(session, Sync, sync.id, application_id)
            sync.name_pattern, sync.name_length = plugin.name_pattern, plugin.name_length
            patch(
                session,
                sync,
                name=name,
                name_schema=name_schema,
                include_root=include_root,
                keep_identity=keep_identity,
                auto=auto,
                prune=prune,
                prune_grace_seconds=prune_grace_seconds,
            )
            if probes is not UNCHANGED:
                require_distinct(probes)
                sync.probes = [probe.values() for probe in probes]
            session.flush()
            fields = [] if config is UNCHANGED else ["config"]
            after = _facts(sync)
            uow.record(SyncUpdated(sync.id, application_id, before=before, after=after, secret_fields=fields))
            if (target_of(uow, sync), sync.include_root) != deployed:
                retarget(uow, sync, former)
                redeliver_all(uow, sync)
            elif configured or name_schema is not UNCHANGED:
                retry_failing_deliveries(uow, sync)
            if not (name_schema is UNCHANGED and selection is UNCHANGED):
                self._refuse_clashes(uow, sync)
            if sync.auto:
                self._catch_up(uow, sync)
            if before["probes"] != after["probes"]:
                replan_probes(uow, sync)
            if any(before[part] != after[part] for part in PRUNING):
                replan(uow, sync)
            return sync

    def trigger(
        self, actor: Actor, application_id: str | None, reference: str, lineages: Collection[str] = ()
    ) -> int:
        """Deploy again, by hand, what the sync selects, also what is delivered; returns how many certificates.

        Args:
            lineages: these only.

        Raises:
            NotFound: unknown.
            BadInput: it does not select one of the lineages.
            Conflict: it is being deleted.
        """
        with self._context.unit_of_work(actor) as uow:
            sync = _held(uow.session, application_id, reference)
            _check_stays(sync)
            wanted = [
                c
                for c in selected(uow.session, application_id, sync.selection)
                if not lineages or c.lineage_id in lineages
            ]
            if missing := sorted(set(lineages) - {certificate.lineage_id for certificate in wanted}):
                listed = ", ".join(missing[:5])
                raise BadInput(
                    f"The sync selects no active certificate of these lineages: {listed}.", "lineages"
                )
            set_desired_each(self._context, uow, sync, wanted)
            uow.record(SyncTriggered(sync.id, application_id, slug=sync.slug, certificates=len(wanted)))
            return len(wanted)

    def preview(
        self,
        application_id: str | None,
        *,
        destination: str,
        selection: CertificateSelector,
        name_schema: str | None = None,
    ) -> Sequence[tuple[Certificate, str]]:
        """What a sync would deliver, each certificate with the name of its object; nothing is delivered.

        Raises:
            BadInput: the plugin, the selection or the name schema does not fit; two of the certificates would have the
                same name.
        """
        plugin = destination_class(self._context, destination)
        name_schema = _usable_name_schema(name_schema, plugin)
        traits = NameTraits(plugin.name_pattern, plugin.name_length)
        with self._context.db.read() as session:
            rows = selected(session, application_id, selection.stored(session, application_id, "selection"))
            named = [(row, object_name(session, traits, name_schema, row)) for row in rows]
        if stable_names.is_stable(name_schema):
            names = {row.id: name for row, name in named}
            named = [(row, names[row.id]) for row in stable_names.newest_of_each(named)]
        return named

    def delete(
        self, actor: Actor, application_id: str | None, reference: str, *, cleanup: bool = False
    ) -> Sync | None:
        """Stop a sync.

        Args:
            cleanup: remove what it delivered, and delete it with the last object; else all objects stay.

        Returns:
            The sync, while objects of it are left to be removed.

        Raises:
            NotFound: unknown.
            BadInput: the destination cannot remove anything.
        """
        with self._context.unit_of_work(actor) as uow:
            # Exclusive: certificates that are issued meanwhile wait, and find the sync gone.
            lock_scope(uow.session, application_id)
            sync = _held(uow.session, application_id, reference)
            if not cleanup:
                discard(uow, sync)
                return None
            _check_removal(True, destination_class(self._context, sync.destination), "cleanup")
            uow.record(SyncCleanup(sync.id, application_id, slug=sync.slug))
            clean_up(uow, sync)
            return None if sync in uow.session.deleted or inspect(sync).deleted else sync

    def list(self, application_id: str | None) -> Sequence[Sync]:
        """The syncs of an Application."""
        with self._context.db.read() as session:
            return session.exec(
                select(Sync).where(Sync.application_id == application_id).order_by(Sync.slug)
            ).all()

    def get(self, application_id: str | None, reference: str) -> Sync:
        """One sync by slug or id. Raises NotFound."""
        with self._context.db.read() as session:
            return find_sync(session, application_id, reference)

    def shown(self, sync: Sync) -> dict[str, Any]:
        """The configuration with its secrets masked."""
        return shown(self._context, sync, installed(self._context.plugins.destination, sync.destination))

    def build(self, application_id: str | None, reference: str) -> Destination[Any]:
        """The plugin object of a sync, to check its credentials."""
        with self._context.db.read() as session:
            sync = find_sync(session, application_id, reference)
            return destination_of(self._context, session, sync, f"sync {sync.slug}")

    def trial(self, destination: str, config: Mapping[str, Any], connection: str | None) -> Destination[Any]:
        """A plugin object of a configuration that is not saved yet."""
        plugin = destination_class(self._context, destination)
        with self._context.db.read() as session:
            link = find_connection(session, connection) if connection else None
            return built(self._context, plugin, validated(self._context, plugin, config, link), "a trial")

    def _refuse_clashes(self, uow: UnitOfWork, sync: Sync) -> None:
        """Raises BadInput where two certificates would have the same object name."""
        if stable_names.is_stable(sync.name_schema):
            found = selected(uow.session, sync.application_id, sync.selection)
            stable_names.newest_of_each(
                [
                    (one, name)
                    for one in found
                    for _, name in named_at(self._context, uow.session, [sync], one)
                ]
            )

    def _catch_up(self, uow: UnitOfWork, sync: Sync) -> None:
        present = desired_at(uow.session, sync)
        found = selected(uow.session, sync.application_id, sync.selection)
        missing = [certificate for certificate in found if certificate.id not in present]
        set_desired_each(self._context, uow, sync, missing)


def find_sync(session: Session, application_id: str | None, reference: str) -> Sync:
    """By slug or id, inside one Application. Raises NotFound."""
    return find(session, Sync, reference, "sync", scope=application_id)


def _held(session: Session, application_id: str | None, reference: str) -> Sync:
    """The same under ``FOR NO KEY UPDATE``; locked before its deliveries, so that two writers never deadlock."""
    ident = find_sync(session, application_id, reference).id
    return session.exec(locked(select(Sync).where(Sync.id == ident))).one()


def _facts(sync: Sync) -> dict[str, Any]:
    hidden = {"id", "created_at", "config_sealed", "config_revision", "application_id"}
    hidden |= {"name_pattern", "name_length", "distribution"}
    return sync.model_dump(mode="json", exclude=hidden)


def _check_stays(sync: Sync) -> None:
    if sync.deletion_requested:
        raise Conflict("The sync is being deleted; it waits for the removal of its last object.")


def _check_removal(wanted: bool, plugin: type[Destination[Any]], field: str = "prune") -> None:
    if wanted and not issubclass(plugin, Removes):
        raise BadInput("This destination cannot remove anything; what was delivered stays there.", field)


def _usable_name_schema(given: str | None, plugin: type[Destination[Any]]) -> str:
    text = plugin.default_name_schema if given is None else given
    ObjectNameSchema.parse(text).require_fit(pattern=plugin.name_pattern, length=plugin.name_length)
    return text
