"""Faults of plugins: recorded once per series, quarantined where a process was harmed, released by a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from certrail.domain.errors import NotFound
from certrail.domain.events.operations import (
    PluginFaulted,
    PluginQuarantined,
    PluginRecovered,
    PluginReleased,
)
from certrail.persistence.database import Database, locked
from certrail.persistence.tables import PluginFault
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

QUIET = timedelta(hours=2)
"""A series ends after this time without a fault: a failed call is repeated after an hour at the latest."""
SUSPECT_QUIET = timedelta(minutes=10)
"""The same for a suspect: its process of its own would have shown within this time that it is the culprit."""
LONGEST_WHAT = 500
REPORT = "Report it to the makers of the plugin"
IN_QUARANTINE = f"{REPORT}. When it is mended: certrail plugin release"


@dataclass(frozen=True)
class CallFault:
    """One fault in one call.

    Attributes:
        plugin: kind and name, such as ``destination-files``.
        version: of its distribution.
        what: in words, without any text of the plugin.
        harmful: the call held, ended or filled its process: quarantine.
        suspect: one of several calls that were open when that happened.
    """

    plugin: str
    version: str
    verb: str
    what: str
    harmful: bool = False
    suspect: bool = False

    @property
    def message(self) -> str:
        """One sentence that names plugin, version, verb and what happened."""
        said = f"{self.plugin} {self.version} {self.what} in the verb {self.verb}"
        return f"{said}; several calls were open, and this was one of them" if self.suspect else said


class PluginFaults:
    """The one place that decides about quarantine. Workers read it every second, and act."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def all(self) -> Mapping[str, PluginFault]:
        """The open faults by plugin key."""
        return open_faults(self._context.db)

    def quarantined(self) -> frozenset[str]:
        """Keys of the plugins that run in processes of their own."""
        with self._context.db.read() as session:
            query = select(PluginFault.key).where(col(PluginFault.quarantined_at).is_not(None))
            return frozenset(session.exec(query).all())

    def record(self, fault: CallFault) -> None:
        """Record a fault. The first of a series, a quarantine, and a suspect that is found guilty are events."""
        with self._context.unit_of_work(SYSTEM) as uow:
            row, first = _row(uow, fault)
            convicted = row.suspect and fault.harmful and not fault.suspect
            quarantines = fault.harmful and (row.quarantined_at is None or convicted)
            row.version, row.verb, row.what = fault.version, fault.verb, fault.what[:LONGEST_WHAT]
            row.last_at = uow.now
            if not first:
                row.count += 1
            if quarantines:
                row.quarantined_at, row.suspect = row.quarantined_at or uow.now, fault.suspect
            uow.session.add(row)
            if quarantines:
                uow.record(
                    PluginQuarantined(
                        row.key,
                        slug=row.key,
                        version=row.version,
                        verb=row.verb,
                        message=fault.message,
                        action=f"{IN_QUARANTINE} {row.key}.",
                        suspect=fault.suspect,
                    )
                )
            elif first:
                uow.record(
                    PluginFaulted(
                        row.key,
                        slug=row.key,
                        version=row.version,
                        verb=row.verb,
                        message=fault.message,
                        action=f"{REPORT}; its calls are repeated.",
                    )
                )

    def release(self, actor: Actor, key: str) -> None:
        """End a plugin's quarantine and its series of faults. Raises NotFound where there is none."""
        with self._context.unit_of_work(actor) as uow:
            row = _locked(uow, key)
            if row is None:
                raise NotFound("open fault of the plugin", key)
            uow.session.delete(row)
            uow.record(PluginReleased(key, slug=key))

    def close_quiet(self) -> int:
        """End the series without a recent fault; only a person ends the quarantine of a culprit."""
        ended = 0
        for key, row in self.all().items():
            if self._is_quiet(row):
                ended += self._close(key)
        return ended

    def _close(self, key: str) -> int:
        with self._context.unit_of_work(SYSTEM) as uow:
            row = _locked(uow, key)
            if row is None or not self._is_quiet(row):
                return 0
            uow.session.delete(row)
            uow.record(PluginRecovered(key, slug=key))
            return 1

    def _is_quiet(self, row: PluginFault) -> bool:
        if row.quarantined_at is not None and not row.suspect:
            return False
        return self._context.clock() - row.last_at > (SUSPECT_QUIET if row.suspect else QUIET)


def open_faults(database: Database) -> Mapping[str, PluginFault]:
    """The open faults by plugin key, for commands that build no services."""
    with database.read() as session:
        return {row.key: row for row in session.exec(select(PluginFault)).all()}


def described(row: PluginFault) -> str:
    """Version, verb, fault and time in one line, and how to end the quarantine."""
    times = f", {row.count} times" if row.count > 1 else ""
    line = f"version {row.version} {row.what} in the verb {row.verb} at {row.last_at:%Y-%m-%d %H:%M:%S} UTC{times}"
    if row.quarantined_at is None:
        return line
    kind = "suspected: it runs" if row.suspect else "quarantined: it runs"
    return f"{line}; {kind} in a process of its own. When it is mended: certrail plugin release {row.key}"


def _row(uow: UnitOfWork, fault: CallFault) -> tuple[PluginFault, bool]:
    """The plugin's row under ``FOR NO KEY UPDATE``, and whether it is new."""
    if (found := _locked(uow, fault.plugin)) is not None:
        return found, False
    fresh = PluginFault(
        key=fault.plugin,
        version=fault.version,
        verb=fault.verb,
        what=fault.what[:LONGEST_WHAT],
        since=uow.now,
        last_at=uow.now,
    )
    try:
        # The primary key decides between two workers that record the first fault at once.
        with uow.attempt():
            uow.session.add(fresh)
    except IntegrityError:
        found = _locked(uow, fault.plugin)
        assert found is not None
        return found, False
    return fresh, True


def _locked(uow: UnitOfWork, key: str) -> PluginFault | None:
    return uow.session.exec(locked(select(PluginFault).where(PluginFault.key == key))).one_or_none()
