"""To which distribution the name of a plugin belongs: to the first one that is used under it.

What uses a plugin (a sync, channel or CRL mirror) records the plugin's distribution, and its configuration and keys are
given to no other one.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, union_all, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from certrail.domain.errors import BadInput, Conflict, ForeignPlugin, NotFound
from certrail.domain.events.operations import PluginTransferred
from certrail.persistence.database import Database
from certrail.persistence.tables import Channel, CrlMirror, Sync
from certrail.plugins.bundled import BUNDLED
from certrail.plugins.installed import normalized
from certrail.plugins.registry import PluginRegistry, UnknownPlugin
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext
from certrail_sdk import Destination, Plugin

Using = Sync | Channel | CrlMirror
_USES: tuple[tuple[str, str, type[Any], Any], ...] = (
    ("destination", "sync", Sync, col(Sync.destination)),
    ("destination", "CRL mirror", CrlMirror, col(CrlMirror.destination)),
    ("notifier", "channel", Channel, col(Channel.notifier)),
)
"""Kind, noun, table, and the column with the plugin's name."""


@dataclass(frozen=True)
class _Use:
    """So many rows of one table that use the plugin of one distribution."""

    kind: str
    noun: str
    name: str
    distribution: str
    since: datetime
    count: int

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.name}"


class PluginNames:
    """Names of plugins that change hands, such as when a distribution is renamed."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def transfer(self, actor: Actor, key: str, distribution: str) -> None:
        """Give what uses a plugin, with its secrets, to the plugin of another distribution; nothing if it has the name.

        Raises:
            NotFound: nothing uses a plugin of this name.
            BadInput: that distribution provides no such plugin here.
            Conflict: it is the name of a plugin that comes with certrail.
        """
        if key in BUNDLED and normalized(distribution) != f"certrail-{key}":
            raise Conflict("The names of the plugins that come with certrail belong to these.")
        offering = {
            normalized(info.distribution): info.distribution
            for info in self._context.plugins.all()
            if info.key == key
        }
        if (wanted := offering.get(normalized(distribution))) is None:
            listed = ", ".join(sorted(offering.values())) or "none"
            raise BadInput(
                f"{distribution} provides no plugin {key} here. Distributions that do: {listed}.",
                "distribution",
            )
        with self._context.unit_of_work(actor) as uow:
            before = _used(uow.session, key)
            if not before:
                raise NotFound("plugin that is in use", key)
            if before[key] == wanted:
                return
            kind, _, name = key.partition("-")
            for of_kind, _, table, column in _USES:
                if of_kind == kind:
                    uow.session.execute(update(table).where(column == name).values(distribution=wanted))
            uow.record(PluginTransferred(key, slug=key, before=before[key], after=wanted))


@dataclass(frozen=True)
class AbsentPlugin:
    """A plugin that something here uses, and that cannot be called.

    Attributes:
        reason: such as that it is not installed.
        uses: how many syncs, channels and CRL mirrors use it, by noun.
    """

    reason: str
    uses: Mapping[str, int]


def absent_plugins(session: Session, plugins: PluginRegistry) -> Mapping[str, AbsentPlugin]:
    """What is used and cannot be called in this process, by kind and name."""
    reasons, uses = dict[str, str](), dict[str, Counter[str]]()
    for use in _uses(session):
        if reason := _why_absent(plugins, use.kind, use.name, use.distribution):
            reasons.setdefault(use.key, reason)
            uses.setdefault(use.key, Counter())[use.noun] += use.count
    return {key: AbsentPlugin(reason, uses[key]) for key, reason in reasons.items()}


def used_distributions(database: Database) -> Mapping[str, str]:
    """The distributions whose plugins are in use, by kind and name; the one that was used first keeps the name.

    Empty where the database cannot be read: what is then loaded in place of another plugin is still given nothing.
    """
    try:
        with database.read() as session:
            return _used(session)
    except SQLAlchemyError:
        return {}


def distribution_of(context: ServiceContext, plugin: type[Plugin[Any]]) -> str:
    """The distribution that provides a loaded plugin."""
    return context.plugins.info(*_kind_and_name(plugin)).distribution


def claimed(context: ServiceContext, session: Session, plugin: type[Plugin[Any]]) -> str:
    """The distribution of a plugin, for something new that is to use it.

    Raises:
        ForeignPlugin: the plugin of another distribution is in use under this name.
    """
    key, own = key_of(plugin), distribution_of(context, plugin)
    owner = _used(session, key).get(key, own)
    _require(plugin, owner, own)
    return own


def require_owner(context: ServiceContext, row: Using, plugin: type[Plugin[Any]]) -> None:
    """Raises ForeignPlugin for the plugin of another distribution than the one that a sync or channel was made for."""
    _require(plugin, row.distribution, distribution_of(context, plugin))


def key_of(plugin: type[Plugin[Any]]) -> str:
    """Kind and name of a plugin, such as ``destination-files``."""
    return "-".join(_kind_and_name(plugin))


def _why_absent(plugins: PluginRegistry, kind: str, name: str, distribution: str) -> str:
    """Why the plugin that something was made for cannot be called; empty if it can."""
    try:
        plugin: type[Plugin[Any]] = (
            plugins.destination(name) if kind == "destination" else plugins.notifier(name)
        )
        _require(plugin, distribution, plugins.info(kind, name).distribution)
    except UnknownPlugin as absent:
        return str(absent)
    except ForeignPlugin as foreign:
        return foreign.detail
    return ""


def _kind_and_name(plugin: type[Plugin[Any]]) -> tuple[str, str]:
    return ("destination" if issubclass(plugin, Destination) else "notifier"), plugin.name


def _require(plugin: type[Plugin[Any]], owner: str, own: str) -> None:
    if normalized(owner) != normalized(own):
        raise ForeignPlugin(
            f"The name {key_of(plugin)} belongs to the distribution {owner}, which is used under it; {own} provides"
            " another plugin of this name here. Nothing is handed to that."
        )


def _used(session: Session, key: str | None = None) -> Mapping[str, str]:
    """Distributions by kind and name of the plugin, the one that was used first if there are several."""
    first: dict[str, tuple[Any, str]] = {}
    for use in _uses(session, key):
        found = (use.since, use.distribution)
        first[use.key] = min(first.get(use.key, found), found)
    return {used: distribution for used, (_, distribution) in first.items()}


def _uses(session: Session, key: str | None = None) -> Iterator[_Use]:
    """What uses plugins, by table, plugin and distribution, read by one statement; of one plugin if `key` is given."""
    parts = [
        select(
            literal(kind), literal(noun), column, table.distribution, func.min(table.created_at), func.count()
        )
        .where(*(() if key is None else (column == key.removeprefix(f"{kind}-"),)))
        .group_by(column, table.distribution)
        for kind, noun, table, column in _USES
        if key is None or key.startswith(f"{kind}-")
    ]
    return (_Use(*row) for row in session.execute(union_all(*parts))) if parts else iter(())
