"""Whether what was delivered is served: looked at after a delivery and at intervals, and reported once."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select
from tests.integration.folder_world import FolderWorld
from tests.support.tls_server import TlsServer

from certrail.crypto.purposes import CERTIFICATE_KEY_PURPOSE, of_row
from certrail.domain.content import Subject
from certrail.domain.endpoints.probes import Endpoint, ProbeSettings
from certrail.domain.errors import BadInput
from certrail.network.handshake import Presented
from certrail.persistence.tables import Incident, Probe, Sync
from certrail.pki.revocation import Reason
from certrail.services.alerting.alerts import Escalation
from certrail.services.delivery.probes.looks import LEASE
from certrail_fakes.tls import ThrowAwayCa

GRACE = timedelta(minutes=10)


@pytest.fixture
def server(folder_world: FolderWorld, tmp_path: Path) -> Iterator[TlsServer]:
    context = folder_world.team.services.context
    context.probe_networks = frozenset({"127.0.0.0/8"})
    with TlsServer(tmp_path) as server:
        yield server


def probed(server: TlsServer, **more: Any) -> Sequence[ProbeSettings]:
    return [ProbeSettings("127.0.0.1", server.port, "{{common_name}}", **more)]


def present(world: FolderWorld, server: TlsServer, certificate: str, *, chain: bool = True) -> None:
    """The service is reloaded with a certificate."""
    context, row = world.team.services.context, world.team.services.inventory.get(certificate)
    key = context.keyring.open(row.key_sealed or "", of_row(CERTIFICATE_KEY_PURPOSE, row.id)).decode()
    server.present(row.pem, "".join(row.chain) if chain else "", key)


def at_once(*steps: Callable[[], int]) -> list[int]:
    """Steps of several workers, each in a thread, as they run."""
    with ThreadPoolExecutor(len(steps)) as pool:
        return [each.result() for each in [pool.submit(step) for step in steps]]


def look(world: FolderWorld) -> int:
    (count,) = at_once(world.team.services.sweeps["probes"])
    return count


def looked(world: FolderWorld, until: timedelta) -> int:
    """All looks that fall due within a time."""
    count, end = 0, world.team.clock.now + until
    while True:
        count += look(world)
        due = [row.due_at for row in probes(world) if row.due_at and row.due_at <= end]
        if not due:
            world.team.clock.now = end
            return count
        world.team.clock.now = max(world.team.clock.now, min(due))


def probes(world: FolderWorld) -> list[Probe]:
    return [shown.row for shown in world.team.services.probes.list(world.team.application)]


def probe(world: FolderWorld) -> Probe:
    (row,) = probes(world)
    return row


def renewed(world: FolderWorld, certificate: str) -> str:
    row = world.team.services.renewals.renew(world.team.admin, certificate)
    world.team.services.issuance.advance(row.id)
    return world.team.services.requests.get(row.id).certificate_id or ""


async def test_it_is_looked_at_after_the_delivery_and_at_intervals(
    folder_world: FolderWorld, server: TlsServer
) -> None:
    folder_world.sync(probes=probed(server))
    first = folder_world.issue()
    assert probes(folder_world) == []
    await folder_world.work()
    row = probe(folder_world)
    assert (row.verdict, row.due_at) == (None, folder_world.team.clock.now)
    present(folder_world, server, first)
    assert look(folder_world) == 1
    row = probe(folder_world)
    assert (row.verdict, row.reason, row.certificate_id) == ("served", "", first)
    assert server.names == ["a.example.com"]
    assert row.due_at == folder_world.team.clock.now + timedelta(hours=1)
    assert look(folder_world) == 0, "it is not due yet"
    assert looked(folder_world, timedelta(hours=3)) == 3
    assert len(folder_world.reported("probe.served")) == 1, "served again and again is no news"


async def test_within_the_grace_nothing_is_reported_and_after_it_once(
    folder_world: FolderWorld, server: TlsServer
) -> None:
    folder_world.sync(probes=probed(server))
    first = folder_world.issue()
    await folder_world.work()
    present(folder_world, server, first)
    look(folder_world)
    second = renewed(folder_world, first)
    await folder_world.work()
    assert looked(folder_world, GRACE - timedelta(seconds=1)) == 7
    assert (probe(folder_world).verdict, folder_world.reported("probe.not_served")) == ("older", [])
    assert looked(folder_world, timedelta(days=1)) > 20
    (reported,) = folder_world.reported("probe.not_served")
    inventory = folder_world.team.services.inventory
    assert reported["verdict"] == "older"
    assert reported["certificate_id"] == second
    assert reported["found"] == inventory.get(first).fingerprint
    assert inventory.get(first).serial in reported["message"]
    assert reported["sync"] == "files"
    assert reported["endpoint"] == f"tls://127.0.0.1:{server.port} as a.example.com"
    present(folder_world, server, second)
    looked(folder_world, timedelta(hours=1))
    assert (probe(folder_world).verdict, probe(folder_world).reported_at) == ("served", None)
    assert [event["certificate_id"] for event in folder_world.reported("probe.served")] == [first, second]
    server.present(*_stranger())
    looked(folder_world, timedelta(hours=3))
    assert [event["verdict"] for event in folder_world.reported("probe.not_served")] == ["older", "other"]


async def test_another_delivery_begins_another_grace_and_reports_no_more(
    folder_world: FolderWorld, server: TlsServer
) -> None:
    folder_world.sync(probes=probed(server))
    first = folder_world.issue()
    await folder_world.work()
    looked(folder_world, timedelta(hours=1))
    assert [event["verdict"] for event in folder_world.reported("probe.not_served")] == ["unreachable"]
    second = renewed(folder_world, first)
    await folder_world.work()
    assert probe(folder_world).verdict is None
    looked(folder_world, timedelta(hours=1))
    assert len(folder_world.reported("probe.not_served")) == 1, "it was reported already"
    present(folder_world, server, second)
    looked(folder_world, timedelta(hours=1))
    (served,) = folder_world.reported("probe.served")
    assert served["certificate_id"] == second


async def test_an_intermediate_is_missing(folder_world: FolderWorld, server: TlsServer) -> None:
    services, admin = folder_world.team.services, folder_world.team.admin
    services.authorities.create_intermediate(
        admin, slug="below", name="Below", subject=Subject(common_name="Below"), parent="root"
    )
    services.catalog.update_profile(admin, "web", ca="below")
    folder_world.sync(probes=probed(server, grace_seconds=0))
    certificate = folder_world.issue()
    await folder_world.work()
    present(folder_world, server, certificate, chain=False)
    look(folder_world)
    (reported,) = folder_world.reported("probe.not_served")
    assert (reported["verdict"], reported["message"]) == (
        "chain_broken",
        "The intermediate CN=Below is missing.",
    )
    present(folder_world, server, certificate)
    looked(folder_world, timedelta(minutes=1))
    assert probe(folder_world).verdict == "served"


async def test_two_sweeps_at_once_look_once_and_report_once(
    folder_world: FolderWorld, server: TlsServer
) -> None:
    folder_world.sync(probes=probed(server, grace_seconds=0))
    names = [f"{letter}.example.com" for letter in "abcdefgh"]
    for name in names:
        folder_world.issue(name)
    await folder_world.work()
    sweep = folder_world.team.services.sweeps["probes"]
    assert sum(at_once(sweep, sweep, sweep)) == len(names)
    assert len(folder_world.reported("probe.not_served")) == len(names)


async def test_a_look_that_an_older_sweep_began_says_nothing(
    folder_world: FolderWorld, server: TlsServer
) -> None:
    """A worker that died, or was slow: its look is due again after the lease, and its verdict is late."""
    folder_world.sync(probes=probed(server, grace_seconds=0))
    first = folder_world.issue()
    await folder_world.work()
    service = folder_world.team.services.probes
    (slow,) = service.claim()
    assert look(folder_world) == 0
    folder_world.team.clock.advance(LEASE)
    present(folder_world, server, first)
    assert look(folder_world) == 1
    assert service.record(slow, Presented(reason="late")) == 0
    assert probe(folder_world).verdict == "served"
    folder_world.team.clock.advance(timedelta(hours=1))
    (under_way,) = service.claim()
    renewed(folder_world, first)
    await folder_world.work()
    assert service.record(under_way, Presented(reason="of what was there before")) == 0
    assert folder_world.reported("probe.not_served") == []


async def test_a_look_that_ends_a_grace_twice_reports_once(
    folder_world: FolderWorld, server: TlsServer
) -> None:
    folder_world.sync(probes=probed(server, grace_seconds=0))
    folder_world.issue()
    await folder_world.work()
    service = folder_world.team.services.probes
    (one,) = service.claim()
    barrier = threading.Barrier(2)

    def record() -> int:
        barrier.wait()
        return service.record(one, Presented(reason="The connection was refused."))

    at_once(record, record)
    assert len(folder_world.reported("probe.not_served")) == 1


async def test_private_addresses_are_not_connected_to_unless_allowed(
    folder_world: FolderWorld, server: TlsServer
) -> None:
    folder_world.team.services.context.probe_networks = frozenset({"10.0.0.0/8"})
    folder_world.sync(probes=probed(server))
    folder_world.issue()
    await folder_world.work()
    look(folder_world)
    row = probe(folder_world)
    assert row.verdict == "unreachable"
    assert "CERTRAIL_PROBE_NETWORKS" in row.reason
    assert server.connections == 0


async def test_changed_probes_replace_those_before(folder_world: FolderWorld, server: TlsServer) -> None:
    folder_world.sync(probes=probed(server, grace_seconds=0))
    certificate = folder_world.issue()
    await folder_world.work()
    look(folder_world)
    before = probe(folder_world)
    folder_world.update(probes=[*probed(server, interval_seconds=60), ProbeSettings("127.0.0.1", 1)])
    rows = probes(folder_world)
    assert sorted((row.port, row.verdict) for row in rows) == [(1, None), (server.port, "unreachable")]
    assert before.id in {row.id for row in rows}, "one that stays keeps what it knows"
    folder_world.update(probes=[ProbeSettings("127.0.0.1", 1)])
    (ended,) = folder_world.reported("probe.ended")
    assert (ended["certificate_id"], probe(folder_world).port) == (certificate, 1)
    folder_world.update(probes=[])
    assert probes(folder_world) == []
    with pytest.raises(BadInput, match="given twice"):
        folder_world.update(probes=[*probed(server), *probed(server)])


@pytest.mark.parametrize("how", ["deleted", "revoked", "cleaned up", "application"])
async def test_what_is_not_delivered_any_more_is_not_looked_at(
    how: str, folder_world: FolderWorld, server: TlsServer
) -> None:
    services, admin, here = (
        folder_world.team.services,
        folder_world.team.admin,
        folder_world.team.application,
    )
    folder_world.sync(probes=probed(server, grace_seconds=0), prune=True)
    certificate = folder_world.issue()
    await folder_world.work()
    look(folder_world)
    if how == "revoked":
        services.revocation.revoke(admin, certificate, Reason.KEY_COMPROMISE)
        while services.sweeps["retirements"]():
            pass
    elif how == "application":
        services.deletions.delete(admin, here, services.deletions.preview(here).confirm)
    else:
        services.syncs.delete(admin, here, "files", cleanup=how == "cleaned up")
    if how != "application":
        await folder_world.work()
        assert len(folder_world.reported("probe.ended")) == 1
    with services.context.db.read() as session:
        assert session.exec(select(Probe)).all() == []
    folder_world.team.clock.advance(timedelta(days=1))
    assert look(folder_world) == 0


async def test_an_incident_is_opened_once_and_resolved(folder_world: FolderWorld, server: TlsServer) -> None:
    services, admin, here = (
        folder_world.team.services,
        folder_world.team.admin,
        folder_world.team.application,
    )
    services.connections.create(
        admin, slug="mail", name="M", type_="smtp", config={"host": "mail.example.com", "port": 587}
    )
    services.channels.create(
        admin,
        here,
        slug="mail",
        name="Mail",
        notifier="email",
        config={"sender": "a@example.com", "recipients": ["b@example.com"]},
        connection="mail",
    )
    services.alerts.create_alert(
        admin,
        here,
        slug="served",
        name="Served",
        events=["probe.not_served"],
        channels=["mail"],
        escalation=[Escalation(timedelta(hours=1), ("mail",))],
    )
    folder_world.sync(probes=probed(server, grace_seconds=0))
    certificate = folder_world.issue()
    await folder_world.work()
    looked(folder_world, timedelta(hours=2))

    def incidents() -> list[Incident]:
        with services.context.db.read() as session:
            return list(session.exec(select(Incident).order_by(col(Incident.created_at))).all())

    (incident,) = incidents()
    assert (incident.key, incident.closed_at) == (f"probe-{probe(folder_world).id}", None)
    present(folder_world, server, certificate)
    looked(folder_world, timedelta(hours=1))
    (incident,) = incidents()
    assert incident.closed_at is not None


class TestReports:
    """What the agent of a host saw."""

    def reported(self, world: FolderWorld, certificate: str, found: str | None, port: int = 443) -> Probe:
        return world.team.services.probes.report(
            world.team.admin,
            certificate,
            Endpoint("tls", "127.0.0.1", port, ""),
            found=found,
            reason="" if found else "The connection was refused.",
        )

    def test_verdicts_by_the_fingerprint(self, folder_world: FolderWorld) -> None:
        inventory = folder_world.team.services.inventory
        first = folder_world.issue()
        second, other = renewed(folder_world, first), folder_world.issue("b.example.com")
        for shown, verdict in ((second, "served"), (first, "older"), (other, "other"), (None, "unreachable")):
            found = inventory.get(shown).fingerprint if shown else None
            row = self.reported(folder_world, second, found)
            assert (row.verdict, row.due_at) == (verdict, None)
        assert len(folder_world.reported("probe.not_served")) == 1, (
            "what it is changes, and that it is not stays"
        )
        self.reported(folder_world, second, inventory.get(second).fingerprint)
        assert len(folder_world.reported("probe.served")) == 2
        assert look(folder_world) == 0

    def test_one_row_for_each_endpoint_and_each_lineage(self, folder_world: FolderWorld) -> None:
        first, other = folder_world.issue(), folder_world.issue("b.example.com")
        row = self.reported(folder_world, first, None)
        assert self.reported(folder_world, first, None).id == row.id
        moved = self.reported(folder_world, first, None, 8443)
        assert [each.id for each in probes(folder_world)] == [moved.id]
        taken = self.reported(folder_world, other, None, 8443)
        assert [each.id for each in probes(folder_world)] == [taken.id]
        assert len(folder_world.reported("probe.ended")) == 2


def test_a_sync_keeps_its_probes(folder_world: FolderWorld) -> None:
    folder_world.sync(probes=[ProbeSettings("mail.example.com")])
    services, here = folder_world.team.services, folder_world.team.application
    assert [ProbeSettings.stored(each) for each in services.syncs.get(here, "files").probes] == [
        ProbeSettings("mail.example.com")
    ]
    assert folder_world.reported("sync.updated") == []
    folder_world.update(name="Another")
    with services.context.db.read() as session:
        assert len(session.exec(select(Sync)).one().probes) == 1


def _stranger() -> tuple[str, str, str]:
    ca = ThrowAwayCa()
    ca.server_context("a.example.com")
    text = Path(ca.ca_file).with_name("server.pem").read_text()
    key, _, certificate = text.partition("-----BEGIN CERTIFICATE-----")
    return f"-----BEGIN CERTIFICATE-----{certificate}", "", key
