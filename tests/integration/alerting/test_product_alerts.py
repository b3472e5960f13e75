"""Alerts about everything, about some certificates only, and about what all share and nobody looks at every day."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from tests.integration.conftest import Team
from tests.support.sample_events import sample_event

from certrail.domain.content import Subject
from certrail.domain.errors import BadInput, PolicyViolation
from certrail.persistence.tables import CaCertificate, CertificateAuthority, EventRow, NotificationRow
from certrail.pki.revocation import Reason
from certrail.plugins.registry import PluginInfo, UnknownPlugin
from certrail.services.alerting.alerts import Escalation
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import SYSTEM
from certrail.services.inventory.selectors import CertificateSelector

pytestmark = pytest.mark.any_database

DAY = timedelta(days=1)
SHARED = ["ca.expiring", "ca.certificate_installed", "connection.expiring", "connection.expiry_extended"]
PLUGINS = ["plugin.unhealthy", "plugin.recovered"]


@pytest.fixture(autouse=True)
def channels(team: Team) -> None:
    mail = {"host": "mail.example.com", "port": 587}
    team.services.connections.create(team.admin, slug="smtp", name="SMTP", type_="smtp", config=mail)
    for scope in (team.application, None):
        team.services.channels.create(
            team.admin,
            scope,
            slug="mail",
            name="Mail",
            notifier="email",
            connection="smtp",
            config={"sender": "certrail@example.com", "recipients": ["ops@example.com"]},
            product_wide=scope is None,
        )


def alert(team: Team, *events: str, everywhere: bool = False, **options: Any) -> None:
    team.services.alerts.create_alert(
        team.admin,
        None if everywhere else team.application,
        slug="told",
        name="Told",
        events=events,
        channels=["mail"],
        product_wide=everywhere,
        **options,
    )


def reported(team: Team) -> list[str]:
    """The titles of all messages, in the order of what they are about."""
    with team.services.context.db.read() as session:
        places = dict(session.exec(select(EventRow.id, EventRow.seq)).all())
        rows = [row.content for row in session.exec(select(NotificationRow))]
    return [row["title"] for row in sorted(rows, key=lambda row: places[row["data"]["event_id"]])]  # type: ignore[arg-type, return-value]


def watch(team: Team) -> None:
    while team.services.sweeps["shared"]():
        pass


def issue(team: Team, name: str = "a.example.com", **attributes: str) -> str:
    request = team.services.requests.submit(
        team.admin,
        team.application,
        profile="web",
        content={"subject": {"common_name": name}, "sans": {"dns": [name]}},
        attributes=attributes,
    )
    team.services.issuance.advance(request.id)
    return team.services.requests.get(request.id).certificate_id or ""


class TestFilters:
    """One alert, some certificates."""

    @pytest.mark.parametrize(
        "wanted",
        [
            CertificateSelector(names=["*.Payments.example.com"]),
            CertificateSelector(metadata={"owner": "payments"}),
            CertificateSelector(profiles=["web"], names=["x", "api.*"], metadata={"owner": "payments"}),
        ],
    )
    def test_only_what_fits_is_reported_from_the_request_to_the_end(
        self, team: Team, wanted: CertificateSelector
    ) -> None:
        alert(team, "request.created", "certificate.issued", "certificate.revoked", filters=wanted)
        for name, owner in (("api.payments.example.com", "payments"), ("www.example.com", "web")):
            certificate = issue(team, name, owner=owner)
            team.services.revocation.revoke(team.admin, certificate, Reason.SUPERSEDED)
        assert reported(team) == [
            "Certificate requested: api.payments.example.com",
            "Certificate issued: api.payments.example.com",
            "Certificate revoked: api.payments.example.com",
        ]

    def test_a_delivery_is_about_its_certificate(self, team: Team) -> None:
        folder = {"slug": "disk", "name": "Disk", "type_": "folder", "config": {"root": "/nowhere"}}
        team.services.connections.create(team.admin, **folder)  # type: ignore[arg-type]
        team.services.syncs.create(
            team.admin,
            team.application,
            slug="files",
            name="Files",
            destination="files",
            config={},
            connection="disk",
        )
        alert(team, "delivery.drift_detected", filters=CertificateSelector(names=["api.*"]))
        for name in ("api.example.com", "www.example.com"):
            issue(team, name)
        for delivery, sync in team.services.deliveries.list(team.application):
            with team.services.context.unit_of_work(SYSTEM) as uow:
                facts = {"sync": sync.slug, "lineage_id": delivery.lineage_id}
                uow.record(sample_event("delivery.drift_detected", delivery.id, team.application, **facts))
        assert len(reported(team)) == 1

    def test_a_new_name_of_the_profile_changes_nothing(self, team: Team) -> None:
        alert(team, "certificate.issued", filters=CertificateSelector(profiles=["web"]))
        team.services.catalog.update_profile(team.admin, "web", slug="renamed")
        request = team.services.requests.submit(
            team.admin, team.application, profile="renamed", content={"sans": {"dns": ["a.example.com"]}}
        )
        team.services.issuance.advance(request.id)
        assert len(reported(team)) == 1

    def test_what_is_refused_is_reported_by_what_is_known_of_it(self, team: Team) -> None:
        team.services.catalog.update_policy(
            team.admin, team.services.catalog.policies()[0].slug, rules={"sans": {"dns": {"denied": ["*"]}}}
        )
        alert(
            team, "request.refused", filters=CertificateSelector(names=["*.example.com"], metadata={"a": "b"})
        )
        for name in ("api.example.com", "example.org"):
            with pytest.raises(PolicyViolation):
                issue(team, name)
        assert reported(team) == ["Certificate request refused: api.example.com"]

    def test_what_is_about_no_certificate_is_reported_all_the_same(self, team: Team) -> None:
        alert(team, *SHARED, everywhere=True, filters=CertificateSelector(names=["nobody"]))
        end_of_root(team, 20 * DAY)
        watch(team)
        assert reported(team) == ["Certificate authority ends soon: root"]

    def test_an_unknown_profile_is_named(self, team: Team) -> None:
        with pytest.raises(BadInput, match="'nonsense'"):
            alert(team, "certificate.issued", filters=CertificateSelector(profiles=["nonsense"]))


class TestEverywhere:
    """Product-wide alerts hear of all Applications."""

    def test_it_hears_what_happens_in_any_application(self, team: Team) -> None:
        alert(team, "certificate.issued", everywhere=True)
        issue(team)
        here = team.application
        team.application = team.services.applications.create(team.admin, slug="two", name="Two").id
        team.services.applications.attach_profile(team.admin, team.application, "web")
        issue(team, "b.example.com")
        assert reported(team) == ["Certificate issued: a.example.com", "Certificate issued: b.example.com"]
        assert not team.services.alerts.notifications(here)
        assert len(team.services.alerts.notifications(None)) == 2

    def test_ends_are_found_in_all_of_them_once(self, team: Team) -> None:
        alert(team, "certificate.expiring", everywhere=True, thresholds=[7 * DAY])
        certificate = team.services.inventory.get(issue(team))
        for _ in range(3):
            team.clock.now = certificate.not_after - 6 * DAY
            while team.services.sweeps["expiry"]():
                pass
        assert reported(team) == ["Certificate ends soon: a.example.com"]

    def test_its_failure_is_over_when_the_certificate_is_renewed(self, team: Team) -> None:
        steps = [Escalation(timedelta(hours=1), ["mail"])]
        alert(team, "certificate.expiring", everywhere=True, thresholds=[7 * DAY], escalation=steps)
        certificate = team.services.inventory.get(issue(team))
        team.clock.now = certificate.not_after - 6 * DAY
        while team.services.sweeps["expiry"]():
            pass
        assert len(team.services.incidents.list(None)) == 1
        request = team.services.renewals.renew(team.admin, certificate.id)
        team.services.issuance.advance(request.id)
        assert not team.services.incidents.list(None)

    def test_it_belongs_to_no_application(self, team: Team) -> None:
        with pytest.raises(BadInput) as refusal:
            team.services.alerts.create_alert(
                team.admin,
                team.application,
                slug="told",
                name="Told",
                events=["certificate.issued"],
                channels=["mail"],
                product_wide=True,
            )
        assert refusal.value.extra["field"] == "product_wide"


def end_of_root(team: Team, left: timedelta) -> None:
    with team.services.context.db.read() as session:
        team.clock.now = session.exec(select(CaCertificate.not_after)).one() - left


class TestEnds:
    """Authorities and credentials."""

    def test_an_authority_is_reported_again_and_again_and_each_time_once(self, team: Team) -> None:
        alert(team, *SHARED, everywhere=True)
        for days, so_far in (
            (366, 0),
            (364, 1),
            (200, 1),
            (179, 2),
            (20, 3),
            (13, 4),
            (6, 5),
            (0.5, 6),
            (-1, 7),
        ):
            end_of_root(team, days * DAY)
            for _ in range(2):
                watch(team)
            assert len(reported(team)) == so_far, days
        (event, *_) = team.services.audit_log.events(None, type_="ca.expiring", limit=100)
        assert event.data["remaining"] == "364 days"

    def test_a_renewed_authority_is_not_reported_of(self, team: Team) -> None:
        alert(team, *SHARED, everywhere=True)
        end_of_root(team, 20 * DAY)
        watch(team)
        team.services.authorities.renew(team.admin, "root")
        watch(team)
        assert reported(team) == [
            "Certificate authority ends soon: root",
            "Certificate authority has a new certificate: root",
        ]

    def test_a_disabled_authority_is_nobodys_worry(self, team: Team) -> None:
        alert(team, *SHARED, everywhere=True)
        end_of_root(team, 20 * DAY)
        with team.services.context.unit_of_work(team.admin) as uow:
            row = uow.session.exec(select(CertificateAuthority)).one()
            row.status = "disabled"
            uow.session.add(row)
        watch(team)
        assert not reported(team)

    def test_an_authority_that_was_made_for_a_short_time_is_not_ending_from_the_start(
        self, team: Team
    ) -> None:
        alert(team, "ca.expiring", everywhere=True)
        team.services.authorities.create_root(
            team.admin, slug="brief", name="B", subject=Subject(common_name="B"), lifetime=100 * DAY
        )
        watch(team)
        assert not reported(team)

    def test_credentials_are_reported_until_there_are_new_ones(self, team: Team) -> None:
        alert(team, *SHARED, everywhere=True)
        connections, now = team.services.connections, team.clock.now
        config = {"host": "mail.example.com", "port": 587}
        connections.update(team.admin, "smtp", config, expires_at=now + 100 * DAY)
        watch(team)
        assert not reported(team), "whoever says when it ends knows"
        team.clock.advance(71 * DAY)
        watch(team)
        assert reported(team) == ["Credentials end soon: smtp"]
        connections.update(team.admin, "smtp", config)
        connections.update(team.admin, "smtp", expires_at=now + 400 * DAY)
        watch(team)
        assert reported(team) == ["Credentials end soon: smtp", "Credentials are good for longer: smtp"]
        connections.update(team.admin, "smtp", config, expires_at=None)
        team.clock.now = now + 399 * DAY
        watch(team)
        assert len([title for title in reported(team) if "Credentials end" in title]) == 1

    def test_credentials_that_have_ended_are_refused(self, team: Team) -> None:
        with pytest.raises(BadInput) as refusal:
            team.services.connections.update(team.admin, "smtp", expires_at=team.clock.now)
        assert refusal.value.extra["field"] == "expires_at"


class TestPlugins:
    """What cannot be used is told of once, and once more when it can."""

    def test_one_that_failed_to_load(self, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
        alert(team, *PLUGINS, everywhere=True)
        plugins = team.services.context.plugins
        broken = PluginInfo("odd", "destination", "odd-dist", "1", "failed", "ImportError: no module")
        monkeypatch.setattr(plugins, "_info", [*plugins._info, broken])
        for _ in range(3):
            watch(team)
        (event,) = team.services.audit_log.events(None, type_="plugin.unhealthy", limit=100)
        assert event.data["message"] == "ImportError: no module"
        monkeypatch.undo()
        for _ in range(3):
            watch(team)
        assert reported(team) == [
            "A plugin cannot be used: destination-odd",
            "A plugin can be used again: destination-odd",
        ]

    def test_one_that_is_used_but_not_installed(self, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
        alert(team, *PLUGINS, everywhere=True)
        watch(team)
        assert not reported(team)

        def missing(name: str) -> None:
            raise UnknownPlugin(f"The notifier plugin {name!r} cannot be used: it is not installed here")

        monkeypatch.setattr(team.services.context.plugins, "notifier", missing)
        watch(team)
        (event,) = team.services.audit_log.events(None, type_="plugin.unhealthy", limit=100)
        assert (event.subject_id, "not installed" in event.data["message"]) == ("notifier-email", True)


def test_self_approval_and_tokens_for_others_are_notified_product_wide(team: Team) -> None:
    """In every product-wide channel, without an alert that names the event."""
    for slug in ("ann", "bob"):
        team.person(slug)
    team.guard(Step("Owners", ("ann",)))
    policies = team.services.approval_policies
    ((policy, _),) = policies.list(team.application)
    assert reported(team) == []
    policies.update(team.admin, team.application, policy.slug, allow_self_approval=True)
    policies.update(team.admin, team.application, policy.slug, allow_self_approval=True)
    assert reported(team) == [f"Requesters may approve their own requests: {policy.slug}"]
    policies.update(team.admin, team.application, policy.slug, allow_self_approval=False)
    policies.delete(team.admin, team.application, policy.slug)
    team.guard(Step("Owners", ("ann",)), allow_self_approval=True)
    assert len(reported(team)) == 2
    team.services.tokens.issue(team.admin, "bob", name="for bob")
    assert reported(team)[-1] == "API token made for somebody else: bob"
