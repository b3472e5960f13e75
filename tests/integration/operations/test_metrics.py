"""Figures for monitoring: right across processes, in a bounded number of statements, for the token only."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.folder_world import FolderWorld
from tests.support.statements import statements
from tests.support.web import serving

from certrail.persistence.tables import Alert, Certificate, Incident, PluginHealthIssue
from certrail.pki.revocation import Reason
from certrail.services.integrations.plugin_faults import CallFault
from certrail.services.operations.heartbeats import FORGOTTEN_AFTER, GONE_AFTER, ProcessIdentity
from certrail.services.operations.metrics import EXPIRED_FOR, Metrics
from certrail_server.metrics.database import DatabaseCollector
from certrail_server.metrics.registry import MetricsRegistry

pytestmark = pytest.mark.any_database

TOKEN = "figures-0123456789abcdef"
MOST_STATEMENTS = 12
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def folder_world(team: Team, tmp_path: Path) -> FolderWorld:
    (folder := tmp_path / "delivered").mkdir(mode=0o700)
    team.services.connections.create(
        team.admin, slug="one", name="One", type_="folder", config={"root": str(folder)}
    )
    return FolderWorld(team)


@pytest.fixture
def registry(team: Team) -> MetricsRegistry:
    return MetricsRegistry(team.services.metrics, TOKEN)


def samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(registry: MetricsRegistry, name: str, **labels: str) -> float | None:
    """One sample of a scrape; ``None`` if it is missing."""
    return samples(registry.text().decode()).get((f"certrail_{name}", frozenset(labels.items())))


def scrape(url: str, token: str | None = TOKEN) -> httpx2.Response:
    headers = {"authorization": f"Bearer {token}"} if token is not None else {}
    return httpx2.get(f"{url}/metrics", headers=headers, trust_env=False)


def test_issuance_is_counted_and_timed_from_its_approval(team: Team, registry: MetricsRegistry) -> None:
    request, _ = team.ask(team.admin)
    assert of(registry, "queue_length", queue="requests") == 1
    team.clock.advance(timedelta(seconds=20))
    assert of(registry, "queue_oldest_age_seconds", queue="requests") == 20
    team.services.issuance.advance(request)
    assert of(registry, "requests_finished_total", outcome="issued") == 1
    assert of(registry, "requests_finished_total", outcome="failed") == 0
    assert of(registry, "issuance_duration_seconds_sum") == 20
    assert of(registry, "issuance_duration_seconds_bucket", le="10.0") == 0
    assert of(registry, "issuance_duration_seconds_bucket", le="30.0") == 1
    assert of(registry, "queue_length", queue="requests") == 0
    assert of(registry, "events_total", type="certificate.issued") == 1


async def test_deliveries_are_counted_and_timed_from_their_desire(
    folder_world: FolderWorld, registry: MetricsRegistry
) -> None:
    team = folder_world.team
    folder_world.sync()
    folder_world.issue()
    team.clock.advance(timedelta(seconds=7))
    assert of(registry, "queue_oldest_age_seconds", queue="deliveries") == 7
    folder_world.fail()
    assert of(registry, "deliveries_total", destination="files", outcome="failed") == 1
    folder_world.trigger(folder_world.delivery().lineage_id)
    team.clock.advance(timedelta(milliseconds=1500))
    await folder_world.work()
    assert of(registry, "deliveries_total", destination="files", outcome="delivered") == 1
    assert of(registry, "delivery_duration_seconds_sum", destination="files") == 1.5
    assert of(registry, "queue_length", queue="deliveries") == 0


def test_every_process_counts_what_any_of_them_did(team: Team, registry: MetricsRegistry) -> None:
    other = MetricsRegistry(Metrics(team.services.context), TOKEN)
    for number in range(3):
        request, _ = team.ask(team.admin, f"{number}.example.com")
        team.services.issuance.advance(request)
        assert of(other, "requests_finished_total", outcome="issued") == number + 1
    assert of(registry, "requests_finished_total", outcome="issued") == 3
    assert of(registry, "requests_finished_total", outcome="issued") == 3, "nothing is counted twice"


def test_the_first_look_is_bounded(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certrail.services.operations.metrics.LOOK_BACK", 2)
    first = team.services.metrics.since(None)
    assert sum(first.events.values()) == 2
    assert team.services.metrics.since(first.position).events == {}
    assert sum(team.services.metrics.since(0).events.values()) == first.position


def test_statements_do_not_grow_with_the_installation(team: Team, registry: MetricsRegistry) -> None:
    with statements(team.services.context.db) as first:
        registry.text()
    for number in range(8):
        team.services.applications.create(team.admin, slug=f"app-{number}", name="App", profiles=["web"])
        request, _ = team.ask(team.admin, f"{number}.example.com")
        team.services.issuance.advance(request)
    with statements(team.services.context.db) as later:
        registry.text()
    assert len(later) == len(first) <= MOST_STATEMENTS


def test_the_outbox_lags_until_it_is_sent(team: Team, registry: MetricsRegistry) -> None:
    assert of(registry, "outbox_lag_seconds") == 0
    team.ask(team.admin)
    team.clock.advance(timedelta(seconds=90))
    assert of(registry, "outbox_lag_seconds") == 90
    outbox = team.services.outbox
    for message in outbox.claim():
        outbox.deferred(message.seq, "no answer")
    assert of(registry, "outbox_lag_seconds") == 90, "a failed attempt does not make it younger"
    team.clock.advance(timedelta(minutes=10))
    assert of(registry, "queue_length", queue="outbox") == 1
    outbox.dispatched([message.seq for message in outbox.claim()])
    assert of(registry, "outbox_lag_seconds") == 0


def test_the_soonest_expiry_is_that_of_an_active_certificate(team: Team, registry: MetricsRegistry) -> None:
    def soonest(slug: str = "app") -> float | None:
        return of(registry, "certificate_soonest_expiry_timestamp_seconds", application=slug)

    def issue(name: str) -> Certificate:
        request, _ = team.ask(team.admin, name)
        team.services.issuance.advance(request)
        certificate = team.services.requests.get(request).certificate_id or ""
        return team.services.inventory.get(certificate)

    assert soonest() is None
    first = issue("a.example.com")
    team.clock.advance(timedelta(days=1))
    second = issue("b.example.com")
    assert soonest() == first.not_after.timestamp()
    team.services.revocation.revoke(team.admin, first.id, Reason.SUPERSEDED)
    assert soonest() == second.not_after.timestamp()
    team.clock.now = second.not_after + EXPIRED_FOR - timedelta(seconds=1)
    assert soonest() == second.not_after.timestamp(), "it has expired, and is named for a week"
    team.clock.advance(timedelta(seconds=1))
    assert soonest() is None
    assert soonest("-") is None


def test_the_legacy_scope_has_an_expiry_of_its_own(team: Team, registry: MetricsRegistry) -> None:
    request, _ = team.ask(team.admin)
    team.services.issuance.advance(request)
    with team.services.context.db.write() as session:
        row = session.exec(select(Certificate)).one()
        row.application_id = None
        expiry = row.not_after.timestamp()
    assert of(registry, "certificate_soonest_expiry_timestamp_seconds", application="-") == expiry
    assert of(registry, "certificate_soonest_expiry_timestamp_seconds", application="app") is None


def test_plugins_show_their_health(team: Team, registry: MetricsRegistry) -> None:
    faults, names = team.services.plugin_faults, {"plugin": "notifier-slack", "version": "2.0"}
    fault = CallFault("notifier-slack", "2.0", "notify", "held its event loop")
    faults.record(fault)
    faults.record(fault)
    assert of(registry, "plugin_faults", **names) == 2
    assert of(registry, "plugin_quarantined", **names) == 0
    faults.record(CallFault("notifier-slack", "2.0", "notify", "ended its process", harmful=True))
    assert of(registry, "plugin_quarantined", **names) == 1
    with team.services.context.db.write() as session:
        session.add(PluginHealthIssue(key="notifier-teams", since=team.clock(), reason="missing"))
    assert of(registry, "plugin_unusable", plugin="notifier-teams") == 1


def test_processes_are_counted_while_their_heart_beats(team: Team, registry: MetricsRegistry) -> None:
    heartbeats = team.services.heartbeats
    process = ProcessIdentity("one", "flows", "host:1", "1.0", team.clock())
    names = {"kind": "flows", "process": "host:1", "version": "1.0"}
    assert of(registry, "processes", kind="flows") == 0
    heartbeats.beat(process)
    team.clock.advance(timedelta(seconds=30))
    heartbeats.beat(process)
    team.clock.advance(GONE_AFTER)
    assert of(registry, "processes", kind="flows") == 1
    assert of(registry, "process_uptime_seconds", **names) == 30
    team.clock.advance(timedelta(seconds=1))
    assert of(registry, "processes", kind="flows") == 0
    assert of(registry, "process_heartbeat_age_seconds", **names) == 61
    other = ProcessIdentity("two", "flows", "host:2", "1.0", team.clock())
    heartbeats.beat(other)
    heartbeats.end(other)
    assert of(registry, "process_uptime_seconds", kind="flows", process="host:2", version="1.0") is None
    team.clock.advance(FORGOTTEN_AFTER)
    assert of(registry, "process_heartbeat_age_seconds", **names) is None


def test_incidents_are_counted_by_whether_somebody_works_on_them(
    team: Team, registry: MetricsRegistry
) -> None:
    now = team.clock()
    with team.services.context.db.write() as session:
        alert = Alert(id="alert", created_at=now, slug="alert", name="Alert", application_id=team.application)
        session.add(alert)
        session.flush()
        for number, (acknowledged, closed) in enumerate(
            [(None, None), (None, None), (now, None), (now, now)]
        ):
            session.add(
                Incident(
                    id=str(number),
                    created_at=now,
                    alert_id="alert",
                    key=f"key {number}",
                    acknowledged_at=acknowledged,
                    closed_at=closed,
                )
            )
    assert of(registry, "incidents_open", acknowledged="false") == 2
    assert of(registry, "incidents_open", acknowledged="true") == 1


def test_without_a_database_the_other_figures_are_there(
    registry: MetricsRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_self: Metrics, _position: int | None) -> None:
        raise OperationalError("select", {}, Exception("away"))

    monkeypatch.setattr(Metrics, "since", away)
    assert of(registry, "database_up") == 0
    assert of(registry, "queue_length", queue="outbox") is None
    monkeypatch.undo()
    assert of(registry, "database_up") == 1


def test_nobody_reads_them_without_the_token(team: Team, registry: MetricsRegistry) -> None:
    access = team.services.tokens.issue(team.admin, team.admin.principal_id or "", name="admin")[1]
    with serving(team.services, registry=registry) as url:
        for token in (None, "", "wrong", TOKEN[:-1], access, f"{TOKEN}\xe9"):
            shown = f"Bearer {token}".strip().encode("latin-1")
            headers = [] if token is None else [(b"authorization", shown)]
            answer = httpx2.get(f"{url}/metrics", headers=headers, trust_env=False)
            assert answer.status_code == 401
            assert "certrail_" not in answer.text
            assert answer.headers["www-authenticate"] == "Bearer"
        good = scrape(url)
        assert good.status_code == 200
        assert good.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert good.headers["cache-control"] == "no-store"
    (event, *_) = team.services.audit_log.events(None, type_="access.unauthenticated", limit=10)
    assert (event.subject_id, event.data["path"]) == ("127.0.0.1", "/metrics")


def test_without_a_token_in_the_settings_there_is_no_page(team: Team) -> None:
    with serving(team.services) as url:
        assert scrape(url).status_code == 404


def test_calls_are_counted_by_their_route_and_never_by_what_a_caller_makes_up(
    team: Team, registry: MetricsRegistry
) -> None:
    token = team.services.tokens.issue(team.admin, team.admin.principal_id or "", name="admin")[1]
    with (
        serving(team.services, registry=registry) as url,
        httpx2.Client(base_url=url, trust_env=False) as client,
    ):
        headers = {"authorization": f"Bearer {token}"}
        assert client.get("/api/v1/applications/app", headers=headers).is_success
        assert client.get("/api/v1/applications/app/certificates", headers=headers).is_success
        assert client.get("/api/v1/certificates", headers=headers).is_success
        assert client.get("/api/v1/applications/nothing", headers=headers).status_code == 404
        assert client.get("/made/up/canary").status_code == 404
        (authority, _), *_ = team.services.authorities.list()
        assert client.get(f"/ocsp/{authority.slug}/canary/canary").is_success
        assert client.request("CANARY", "/healthz").status_code == 405
        found = samples(scrape(url).text)

    def calls(method: str, route: str, status: str) -> float | None:
        labels = {"method": method, "route": route, "status": status}
        return found.get(("certrail_http_requests_total", frozenset(labels.items())))

    assert calls("GET", "/api/v1/applications/{application}", "200") == 1
    assert calls("GET", "/api/v1/applications/{application}", "404") == 1
    assert calls("GET", "/api/v1/applications/{application}/certificates", "200") == 1
    assert calls("GET", "/api/v1/certificates", "200") == 1
    assert calls("GET", "/ocsp/{ca}/{question}", "200") == 1
    assert calls("GET", "none", "404") == 1
    assert calls("other", "/healthz", "405") == 1
    timed = {"method": "GET", "route": "/api/v1/certificates"}
    assert found["certrail_http_request_duration_seconds_count", frozenset(timed.items())] == 1
    assert "canary" not in str(found).lower()


def test_two_scrapes_at_once_count_once(team: Team) -> None:
    collector = DatabaseCollector(team.services.metrics)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: list(collector.collect()), range(8)))
    happened = team.services.metrics.since(None)
    families = {family.name: family for family in collector.collect()}
    total = sum(s.value for s in families["certrail_events"].samples if s.name.endswith("_total"))
    assert total == sum(happened.events.values())


def test_a_heartbeat_is_no_event(team: Team) -> None:
    """The audit log would fill with them."""
    before = team.services.metrics.since(None).position
    team.services.heartbeats.beat(ProcessIdentity("one", "server", "host:1", "1.0", team.clock()))
    assert team.services.metrics.since(None).position == before
