"""What all Applications share and nobody looks at every day: what ends, and plugins that cannot be used."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from certrail.domain.events.authorities import CaExpiring
from certrail.domain.events.integrations import ConnectionExpiring
from certrail.domain.events.operations import PluginRecovered, PluginUnhealthy
from certrail.domain.expiry import WARNING_THRESHOLDS, current_threshold
from certrail.domain.states import AuthorityStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    CaCertificate,
    CertificateAuthority,
    Connection,
    PluginHealthIssue,
)
from certrail.plugins.registry import READY, UNUSABLE, PluginRegistry
from certrail.services.alerting.expiry import in_words
from certrail.services.core.actor import SYSTEM
from certrail.services.core.sweeps import SweepItems
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.integrations.plugin_names import absent_plugins


class ExpiryWatch:
    """Any number may run at once: the threshold is stored under a row lock, with the event that warns of it."""

    def __init__(self, context: ServiceContext) -> None:
        self._context, self._items = context, SweepItems(context, "shared")

    def run(self) -> int:
        """Tell of all that is new; returns how much that was."""
        now = self._context.clock()
        with self._context.db.read() as session:
            authorities = [row.id for row in _ending_authorities(session, now)]
            connections = [row.id for row in _ending_connections(session, now)]
            unhealthy = _unhealthy(session, self._context.plugins)
            known = set(session.exec(select(PluginHealthIssue.key)))
        reported = self._items.run_each(authorities, self._tell_of_authority)
        reported += self._items.run_each(connections, self._tell_of_connection)
        if unhealthy.keys() != known:
            reported += self._tell_of_plugins(unhealthy)
        return reported

    def _tell_of_authority(self, ident: str) -> bool:
        with self._context.unit_of_work(SYSTEM) as uow:
            row = uow.session.exec(locked(select(CaCertificate).where(CaCertificate.id == ident))).one()
            left, stage = row.not_after - uow.now, _authority_stage(row, uow.now)
            if stage == row.last_warning_threshold:
                return False
            row.last_warning_threshold = stage
            uow.session.add(row)
            authority = uow.session.get_one(CertificateAuthority, row.ca_id)
            uow.record(
                CaExpiring(
                    authority.id,
                    slug=authority.slug,
                    version=row.version,
                    serial=row.serial,
                    action="Renew the authority: nothing that it issues is valid for longer than itself.",
                    not_after=row.not_after,
                    remaining=_remaining(left),
                )
            )
            return True

    def _tell_of_connection(self, ident: str) -> bool:
        with self._context.unit_of_work(SYSTEM) as uow:
            query = select(Connection).where(Connection.id == ident)
            row = uow.session.exec(locked(query)).one_or_none()
            if row is None or row.expires_at is None:
                return False
            left = row.expires_at - uow.now
            if (stage := current_threshold(left)) == row.last_warning_threshold:
                return False
            row.last_warning_threshold = stage
            uow.session.add(row)
            uow.record(
                ConnectionExpiring(
                    row.id,
                    slug=row.slug,
                    type=row.type,
                    action="Give the connection new credentials, and say until when they are good.",
                    not_after=row.expires_at,
                    remaining=_remaining(left),
                )
            )
            return True

    def _tell_of_plugins(self, unhealthy: dict[str, str]) -> int:
        with self._context.unit_of_work(SYSTEM) as uow:
            known = {row.key: row for row in uow.session.exec(locked(select(PluginHealthIssue))).all()}
            for key in unhealthy.keys() - known.keys():
                uow.session.add(PluginHealthIssue(key=key, since=uow.now, reason=unhealthy[key]))
                uow.record(
                    PluginUnhealthy(
                        key,
                        slug=key,
                        message=unhealthy[key],
                        action="See `certrail plugins`; install or mend it, and start certrail again.",
                    )
                )
            for key in known.keys() - unhealthy.keys():
                uow.session.delete(known[key])
                uow.record(PluginRecovered(key, slug=key))
            return len(unhealthy.keys() ^ known.keys())


def _ending_authorities(session: Session, now: datetime) -> Iterator[CaCertificate]:
    query = (
        select(CaCertificate)
        .join(CertificateAuthority, col(CertificateAuthority.id) == col(CaCertificate.ca_id))
        .where(
            col(CaCertificate.active).is_(True),
            CertificateAuthority.status == AuthorityStatus.ACTIVE,
            col(CaCertificate.not_after) <= now + timedelta(seconds=WARNING_THRESHOLDS[-1]),
        )
    )
    return (row for row in session.exec(query) if _authority_stage(row, now) != row.last_warning_threshold)


def _ending_connections(session: Session, now: datetime) -> Iterator[Connection]:
    soon = col(Connection.expires_at) <= now + timedelta(seconds=WARNING_THRESHOLDS[-1])
    rows = session.exec(select(Connection).where(soon))
    return (
        row
        for row in rows
        if row.expires_at and current_threshold(row.expires_at - now) != row.last_warning_threshold
    )


def _authority_stage(row: CaCertificate, now: datetime) -> int | None:
    return current_threshold(row.not_after - now, row.not_after - row.not_before)


def _remaining(left: timedelta) -> str:
    return in_words(left) if left > timedelta(0) else "it has ended"


def _unhealthy(session: Session, plugins: PluginRegistry) -> dict[str, str]:
    """Why a plugin cannot be used, by its key: each that failed to load, and each that something here needs."""
    ready = {info.key for info in plugins.all() if info.state == READY}
    # What is refused the name of another plugin says nothing of that one.
    issues = {i.key: i.reason for i in plugins.all() if i.state in UNUSABLE and i.key not in ready}
    return {key: absent.reason for key, absent in absent_plugins(session, plugins).items()} | issues
