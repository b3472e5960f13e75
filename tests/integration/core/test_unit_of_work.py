"""What is configured can be changed, on record with before and after, and secrets stay where they are."""

from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Team

from certrail.domain.errors import BadInput, Conflict
from certrail.persistence.tables import EventRow
from certrail.plugins.redaction import MASK
from certrail.services.approvals.policies import Step
from certrail.services.inventory.selectors import CertificateSelector


@pytest.fixture
def configured(team: Team, tmp_path: Path) -> Team:
    services, admin, here = team.services, team.admin, team.application
    for slug in ("one", "two"):
        root = tmp_path / slug
        root.mkdir()
        services.connections.create(admin, slug=slug, name=slug, type_="folder", config={"root": str(root)})
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
        admin, here, slug="told", name="Told", events=["certificate.issued"], channels=["mail"]
    )
    services.syncs.create(
        admin,
        here,
        slug="files",
        name="Files",
        destination="files",
        config={"format": "pkcs12", "password": "hunter2-hunter2"},
        connection="one",
        selection=CertificateSelector(metadata={"team": "payments"}),
    )
    return team


def last(team: Team, type_: str) -> EventRow:
    return team.services.audit_log.events(None, type_=type_, limit=1000)[-1]


def issue(installation: Team, /, **attributes: str) -> str:
    services = installation.services
    row = services.requests.submit(
        installation.admin,
        installation.application,
        profile="web",
        content={"sans": {"dns": ["a.example.com"]}},
        attributes=attributes,
    )
    services.issuance.advance(row.id)
    return services.requests.get(row.id).certificate_id or ""


def test_a_sync_is_changed_and_catches_up(configured: Team) -> None:
    services, here = configured.services, configured.application
    issue(configured, team="web")
    assert services.deliveries.list(here) == []
    changed = services.syncs.update(
        configured.admin,
        here,
        "files",
        name="Everything",
        connection="two",
        config={"format": "pkcs12", "password": MASK},
        selection=CertificateSelector(),
    )
    assert services.syncs.shown(changed) == {"format": "pkcs12", "password": MASK}
    destination = services.syncs.build(here, "files")
    assert destination.config.password.get_secret_value() == "hunter2-hunter2"
    assert destination.config.root.name == "two"
    assert len(services.deliveries.list(here)) == 1
    event = last(configured, "sync.updated")
    assert (event.data["before"]["name"], event.data["after"]["name"]) == ("Files", "Everything")
    assert "hunter2" not in str(event.data)
    outbox = len(services.deliveries.list(here))
    services.syncs.update(configured.admin, here, "files", name="Again")
    assert len(services.deliveries.list(here)) == outbox
    for wrong in ({"name_schema": "no placeholder"}, {"connection": "mail"}, {"config": {"format": "jpeg"}}):
        with pytest.raises(BadInput):
            services.syncs.update(configured.admin, here, "files", **wrong)


def test_an_unchanged_desired_is_not_made_twice(configured: Team) -> None:
    services, here = configured.services, configured.application
    issue(configured, team="payments")
    (delivery, _), *_ = services.deliveries.list(here)
    assert services.effects.deliver.begin(delivery.id, 1)
    services.syncs.update(configured.admin, here, "files", name="Renamed")
    assert services.deliveries.get(delivery.id)[0].status == "delivering"


def test_channels_and_alerts_are_changed(configured: Team) -> None:
    alerts, here, admin = configured.services.alerts, configured.application, configured.admin
    channels = configured.services.channels
    channels.update(admin, here, "mail", config={"sender": "a@example.com", "recipients": ["c@example.com"]})
    assert channels.shown(channels.list(here)[0])["recipients"] == ["c@example.com"]
    alerts.update_alert(admin, here, "told", events=["request.failed"], enabled=False)
    ((alert, used),) = alerts.list(here)
    assert (alert.events, alert.enabled, len(used)) == (["request.failed"], False, 1)
    data = last(configured, "alert.updated").data
    assert (data["before"]["enabled"], data["after"]["enabled"]) == (True, False)
    for wrong in (  # type: ignore[var-annotated]
        {"events": ["nonsense"]},
        {"channels": []},
        {"filters": CertificateSelector(profiles=["nonsense"])},
    ):
        with pytest.raises(BadInput):
            alerts.update_alert(admin, here, "told", **wrong)


def test_an_approval_policy_is_changed_but_not_what_runs_under_it(team: Team) -> None:
    services, here = team.services, team.application
    for slug in ("ann", "bob"):
        team.person(slug)
    team.guard(Step("Owners", ("ann",)))
    ((policy, _),) = services.approval_policies.list(here)
    _, running = team.ask(team.person("asker", kind="machine"))
    assert running
    services.approval_policies.update(
        team.admin, here, policy.slug, steps=[Step("Bob", ("bob",))], name="Bob's"
    )
    _, later = team.ask(team.admin, "b.example.com")
    assert later
    services.approvals.vote(team.actor("ann"), running, "approve")
    services.approvals.vote(team.actor("bob"), later, "approve")
    assert services.approvals.get(running)[0].status == services.approvals.get(later)[0].status == "approved"
    data = last(team, "approval_policy.updated").data
    assert [data[when]["steps"][0]["name"] for when in ("before", "after")] == ["Owners", "Bob"]
    wrongs: list[dict[str, Any]] = [{"steps": []}, {"profiles": []}, {"steps": [Step("x", ("ann",), 2)]}]
    for wrong in wrongs:
        with pytest.raises(BadInput):
            services.approval_policies.update(team.admin, here, policy.slug, **wrong)


def test_an_application_is_renamed(team: Team) -> None:
    applications = team.services.applications
    applications.create(team.admin, slug="other", name="Other")
    with pytest.raises(Conflict, match="taken"):
        applications.update(team.admin, team.application, slug="other")
    applications.update(team.admin, team.application, slug="renamed", name="Renamed", description="d")
    assert applications.get(team.application).slug == "renamed"
    request, _ = team.ask(team.admin)
    assert team.services.issuance.advance(request).status == "issued"
