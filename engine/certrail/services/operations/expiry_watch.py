"""What all Applications share and nobody looks at every day: what ends, and plugins that cannot be used."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from certrail.persistence.database import locked
from certrail.persistence.tables import (
    CaCertificate,
    CertificateAuthority,
    Channel,
    Connection,
    CrlMirror,
    PluginTrouble,
    Sync,
)
from certrail.plugins.registry import PluginRegistry, UnknownPlugin
from certrail.services.alerting.expiry import in_words
from certrail.services.core.actor import SYSTEM
from certrail.services.core.sweeps import Isolation
from certrail.services.core.unit_of_work import Change, Kernel

DAY = 86400
AHEAD = tuple(days * DAY for days in (0, 1, 3, 7, 14, 30, 90, 180, 365))
"""So many seconds before an end it is told of, each time once."""


def stage_of(left: timedelta, lifetime: timedelta = timedelta.max) -> int | None:
    """Which of the times to tell of an end was passed last; one that is longer than the whole life does not count."""
    passed = (ahead for ahead in AHEAD if left <= timedelta(seconds=ahead) < lifetime)
    return next(passed, None)


class SharedWatch:
    """Any number may look at once: what was told is written down in the transaction that tells it."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel, self._isolation = kernel, Isolation(kernel, "shared")

    def run(self) -> int:
        """Tell of all that is new; returns how much that was."""
        now = self._kernel.clock()
        with self._kernel.db.read() as session:
            authorities = [row.id for row in _ending_authorities(session, now)]
            connections = [row.id for row in _ending_connections(session, now)]
            unhealthy = _unhealthy(session, self._kernel.plugins)
            known = set(session.exec(select(PluginTrouble.key)))
        told = self._isolation.each(authorities, self._tell_of_authority)
        told += self._isolation.each(connections, self._tell_of_connection)
        if unhealthy.keys() != known:
            told += self._tell_of_plugins(unhealthy)
        return told

    def _tell_of_authority(self, ident: str) -> bool:
        with self._kernel.change(SYSTEM) as change:
            row = change.session.exec(locked(select(CaCertificate).where(CaCertificate.id == ident))).one()
            left, stage = row.not_after - change.now, _authority_stage(row, change.now)
            if stage == row.told_seconds:
                return False
            row.told_seconds = stage
            change.session.add(row)
            authority = change.session.get_one(CertificateAuthority, row.ca_id)
            change.event(
                "ca.expiring",
                "ca",
                authority.id,
                slug=authority.slug,
                version=row.version,
                serial=row.serial,
                action="Renew the authority: nothing that it issues is valid for longer than itself.",
                **_end(left, row.not_after),
            )
            return True

    def _tell_of_connection(self, ident: str) -> bool:
        with self._kernel.change(SYSTEM) as change:
            query = select(Connection).where(Connection.id == ident)
            row = change.session.exec(locked(query)).one_or_none()
            if row is None or row.expires_at is None:
                return False
            left = row.expires_at - change.now
            if (stage := stage_of(left)) == row.told_seconds:
                return False
            row.told_seconds = stage
            change.session.add(row)
            change.event(
                "connection.expiring",
                "connection",
                row.id,
                slug=row.slug,
                type=row.type,
                action="Give the connection new credentials, and say until when they are good.",
                **_end(left, row.expires_at),
            )
            return True

    def _tell_of_plugins(self, unhealthy: dict[str, str]) -> int:
        with self._kernel.change(SYSTEM) as change:
            known = {row.key: row for row in change.session.exec(locked(select(PluginTrouble))).all()}
            for key in unhealthy.keys() - known.keys():
                change.session.add(PluginTrouble(key=key, since=change.now, reason=unhealthy[key]))
                _plugin_event(
                    change,
                    "plugin.unhealthy",
                    key,
                    message=unhealthy[key],
                    action="See `certrail plugins`; install or mend it, and start certrail again.",
                )
            for key in known.keys() - unhealthy.keys():
                change.session.delete(known[key])
                _plugin_event(change, "plugin.recovered", key)
            return len(unhealthy.keys() ^ known.keys())


def _ending_authorities(session: Session, now: datetime) -> Iterator[CaCertificate]:
    query = (
        select(CaCertificate)
        .join(CertificateAuthority, col(CertificateAuthority.id) == col(CaCertificate.ca_id))
        .where(
            col(CaCertificate.active).is_(True),
            CertificateAuthority.status == "active",
            col(CaCertificate.not_after) <= now + timedelta(seconds=AHEAD[-1]),
        )
    )
    return (row for row in session.exec(query) if _authority_stage(row, now) != row.told_seconds)


def _ending_connections(session: Session, now: datetime) -> Iterator[Connection]:
    soon = col(Connection.expires_at) <= now + timedelta(seconds=AHEAD[-1])
    rows = session.exec(select(Connection).where(soon))
    return (row for row in rows if row.expires_at and stage_of(row.expires_at - now) != row.told_seconds)


def _authority_stage(row: CaCertificate, now: datetime) -> int | None:
    return stage_of(row.not_after - now, row.not_after - row.not_before)


def _end(left: timedelta, at: datetime) -> dict[str, str]:
    return {
        "not_after": at.isoformat(),
        "remaining": in_words(left) if left > timedelta(0) else "it has ended",
    }


def _unhealthy(session: Session, plugins: PluginRegistry) -> dict[str, str]:
    """Why a plugin cannot be used, by its key: each that failed to load, and each that something here needs."""
    troubles = {info.key: info.reason for info in plugins.all() if info.state == "failed"}
    destinations = {*session.exec(select(Sync.destination).distinct())}
    destinations |= {*session.exec(select(CrlMirror.destination).distinct())}
    needed: dict[str, Any] = {f"destination-{name}": (plugins.destination, name) for name in destinations}
    notifiers = session.exec(select(Channel.notifier).distinct())
    needed |= {f"notifier-{name}": (plugins.notifier, name) for name in notifiers}
    for key, (find, name) in needed.items():
        try:
            find(name)
        except UnknownPlugin as why:
            troubles.setdefault(key, str(why))
    return troubles


def _plugin_event(change: Change, type_: str, key: str, **data: str) -> None:
    change.event(type_, "plugin", key, slug=key, **data)
