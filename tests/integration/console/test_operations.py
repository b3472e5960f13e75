"""Forms that are one operation of the API each: they show what is there, change what was changed, overwrite nothing."""

import re

import pytest
from tests.integration.console.conftest import Site
from tests.integration.console.documents import faults_of
from tests.integration.console.filled import opened, sent, went
from tests.integration.console.operation_forms import FORMS, ROLES, name_objects
from tests.integration.console.test_pages import LARGEST_COLD, MOST_STATEMENTS
from tests.support.statements import statements

from certrail.domain.access import Role
from certrail.domain.enrollment import EnrollmentMethod
from certrail.plugins.redaction import MASK

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
APP = "/console/applications/app"


@pytest.fixture
def full(full_site: Site) -> Site:
    """With something of each kind."""
    name_objects(full_site)
    return full_site


def test_every_form_opens_for_whoever_may_and_nobody_else(full: Site) -> None:
    for who in ROLES:
        with full.browser(who) as browser:
            for form in FORMS:
                path = full.path(form.path)
                with statements(full.team.services.context.db) as seen:
                    answer = browser.get(path)
                expected = {200} if who in form.readers else {403, 404}
                if form.operation.api == "rotate_token":
                    expected = {200}  # whose it is is looked at once it is sent
                assert answer.status_code in expected, f"{who} {path}: {answer.status_code}"
                assert faults_of(answer) == [], f"{who} {path}"
                assert len(seen) <= MOST_STATEMENTS, f"{path}: {len(seen)}"
                assert len(answer.content) < LARGEST_COLD / 2, path


def test_what_was_not_changed_is_not_sent(full: Site) -> None:
    """A form that is sent as it was opened changes nothing, whatever it is about."""
    head = full.team.services.audit_log.head
    with full.browser("above") as browser:
        for form in FORMS:
            if form.operation.current is None or form.operation.danger:
                continue
            before = form.operation.current
            path = full.path(form.path)
            shown = opened(browser, path)
            answer = browser.post(path, data=shown)
            assert answer.status_code == 303, f"{path}: {answer.text[-800:]}"
            after = opened(browser, path)
            for ours in ("csrf", "once", "back"):
                shown.pop(ours), after.pop(ours)
            assert after == shown, path
            assert before is not None
    assert head().seq


def test_a_sync_is_edited_paused_and_deleted(full: Site) -> None:
    syncs, app, path = full.team.services.syncs, full.team.application, f"{APP}/syncs/files"
    with full.browser("bob") as browser:
        before = syncs.get(app, "files")
        answer = sent(
            browser,
            f"{path}/edit",
            name="Other files",
            selection__names="*.example.com\n*.example.net",
            selection__metadata="team=shop",
            selection__profiles=["web"],
            prune_grace="3d",
            prune="yes",
        )
        assert went(answer) == path
        row = syncs.get(app, "files")
        assert (row.name, row.prune, row.prune_grace_seconds) == ("Other files", True, 3 * 86400)
        assert row.selection["names"] == ["*.example.com", "*.example.net"]
        assert row.selection["metadata"] == {"team": "shop"}
        assert (syncs.shown(row), row.connection_id) == (syncs.shown(before), before.connection_id)
        sent(browser, f"{path}/edit", selection__names="", selection__metadata="", selection__profiles=[])
        assert not any(syncs.get(app, "files").selection.values()), "what was emptied is cleared"
        given = opened(browser, f"{path}/edit")
        browser.post(f"{path}/auto", data={**given, "auto": ""})
        assert not syncs.get(app, "files").auto
        assert "It is paused" in browser.get(path).text
        browser.post(f"{path}/auto", data={**given, "auto": "yes"})
        assert syncs.get(app, "files").auto
        refused = sent(browser, f"{path}/edit", name_schema="{{nothing}}")
        assert refused.status_code == 400
        assert "{{nothing}}" in refused.text, "what was typed is there still"
        assert "They stay there" in browser.get(f"{path}/delete").text
        assert went(sent(browser, f"{path}/delete")) == f"{APP}/syncs"
        assert not syncs.list(app)


def test_nothing_that_somebody_else_changed_is_overwritten(full: Site) -> None:
    alerts, app = full.team.services.alerts, full.team.application
    path = f"{APP}/alerts/told/edit"
    with full.browser("bob") as browser:
        form = opened(browser, path)
        alerts.update_alert(full.team.admin, app, "told", name="Changed above", enabled=False)
        answer = browser.post(path, data={**form, "name": "Changed by Bob"})
        assert answer.status_code == 409
        assert "Somebody changed it since this form was opened" in answer.text
        assert 'value="Changed by Bob"' in answer.text, "what was typed is there still"
        assert "Changed above" in answer.text, "and what is set now beside it"
        assert alerts.get(app, "told")[0].name == "Changed above"
        seen = re.findall('name="seen" value="([^"]+)"', answer.text)
        browser.post(path, data={**form, "seen": seen, "name": "Changed by Bob", "enabled": "no"})
        row = alerts.get(app, "told")[0]
        assert (row.name, row.enabled) == ("Changed by Bob", False)
        gone = opened(browser, f"{APP}/alerts/told/delete")
        alerts.update_alert(full.team.admin, app, "told", name="Something else")
        assert browser.post(f"{APP}/alerts/told/delete", data=gone).status_code == 409
        assert alerts.get(app, "told")


def test_alerts_and_channels_have_rows_and_ticks(full: Site) -> None:
    services, app = full.team.services, full.team.application
    with full.browser("bob") as browser:
        answer = sent(
            browser,
            f"{APP}/new-alert",
            slug="new",
            name="New",
            events=["delivery.failed", "certificate.expiring"],
            channels=["mail"],
            thresholds="30d\n7d",
            escalation__0__after="2h",
            escalation__0__channels=["mail"],
        )
        assert went(answer) == f"{APP}/alerts"
        row, _ = services.alerts.get(app, "new")
        assert (sorted(row.events), row.thresholds) == (
            ["certificate.expiring", "delivery.failed"],
            [30 * 86400, 7 * 86400],
        )
        assert row.escalation[0]["after_seconds"] == 7200
        edit = f"{APP}/alerts/new/edit"
        sent(browser, edit, escalation__0__after="", escalation__0__channels=[])
        assert not services.alerts.get(app, "new")[0].escalation, "a row that is emptied is gone"
        refused = sent(browser, edit, channels=[])
        assert refused.status_code == 400
        window = {"days": ["sat", "sun"], "begins": "18:00", "ends": "08:00", "zone": "Europe/Berlin"}
        quiet = {f"quiet_hours.0.{name}": value for name, value in window.items()}
        sent(browser, f"{APP}/channels/mail/edit", **quiet, digest="1h")
        channel = services.channels.get(app, "mail")
        assert (channel.digest_seconds, channel.quiet_hours[0]["zone"]) == (3600, "Europe/Berlin")
        refused = sent(browser, f"{APP}/channels/mail/delete")
        assert refused.status_code == 409, "an alert uses it"
        sent(browser, edit.replace("edit", "delete"))
        assert [alert.slug for alert, _ in services.alerts.list(app)] == ["told"]
    with full.browser("above") as browser:
        given = {"slug": "two", "name": "Two", "sender": "a@example.com", "recipients": "b@example.com"}
        named = {
            ("config." + name if name in ("sender", "recipients") else name): text
            for name, text in given.items()
        }
        answer = sent(browser, "/console/new-channel?choice=email", **named, connection="smtp")
        assert went(answer) == "/console/channels"
        assert services.channels.get(None, "two").product_wide


def test_secrets_stay_unless_they_are_typed_again(full: Site) -> None:
    services = full.team.services
    given = {"host": "a.example.com", "port": 587, "username": "us", "password": "not-for-anybody-to-read"}
    services.connections.create(full.team.admin, slug="hook", name="Mail", type_="smtp", config=given)
    path = "/console/connections/hook/edit"
    with full.browser("above") as browser:
        assert "not-for-anybody" not in browser.get(path).text
        answer = sent(browser, path, config__host="b.example.com", max_per_minute="30")
        assert went(answer) == "/console/connections/hook"
        row = services.connections.get("hook")
        assert row.max_per_minute == 30
        shown = services.connections.shown(row)
        assert (shown["host"], shown["password"]) == ("b.example.com", MASK)
        sent(browser, path, max_per_minute="")
        assert services.connections.get("hook").max_per_minute is None
        assert went(sent(browser, "/console/connections/hook/delete")) == "/console/connections"
        assert sent(browser, "/console/connections/one/delete").status_code == 409, "a sync uses it"


def test_approval_policies_are_made_and_changed(full: Site) -> None:
    policies, app = full.team.services.approval_policies, full.team.application
    with full.browser("bob") as browser:
        answer = sent(
            browser,
            f"{APP}/new-approval-policy",
            slug="two",
            name="Two steps",
            profiles=["web"],
            guards=["revocation"],
            steps__0__name="Owners",
            steps__0__approvers=["ann"],
            steps__1__name="Security",
            steps__1__approvers=["bob", "ann"],
            steps__1__quorum="2",
            reminder="4h",
            renewal_preapproval__renewals="8",
            renewal_preapproval__days="400",
        )
        assert went(answer) == f"{APP}/approval-policies"
        edit = f"{APP}/approval-policies/two/edit"
        row = policies.get(app, "two")[0]
        assert [step["quorum"] for step in row.steps] == [1, 2]
        sent(browser, edit, name="Renamed", renewal_preapproval__renewals="", renewal_preapproval__days="")
        row = policies.get(app, "two")[0]
        assert (row.name, row.renewal_preapproval, len(row.steps)) == ("Renamed", None, 2)
        assert row.guards == ["revocation"]
        sent(browser, edit.replace("edit", "delete"))
        assert "two" not in [found[0].slug for found in policies.list(app)]


def test_methods_are_set_and_their_secrets_shown_once(full: Site) -> None:
    services, app, base = full.team.services, full.team.application, f"{APP}/enrollment/web"
    with full.browser("bob") as browser:
        answer = sent(
            browser, f"{base}/acme/settings", orders_per_hour="17", challenges=["dns-01"], enabled="yes"
        )
        assert went(answer) == f"{base}#acme"
        _, states = services.enrollment_methods.of(app, "web", "")
        acme = next(state for state in states if state.method is EnrollmentMethod.ACME)
        assert (acme.settings["orders_per_hour"], acme.settings["challenges"]) == (17, ["dns-01"])
        sent(browser, f"{base}/api/settings", auto_renew__before="20d", auto_renew__fraction="")
        (link, _) = services.applications.profile(app, "web")
        assert "20d" in str(link.settings)
        form = opened(browser, f"{base}/est/new-passphrase") | {"name": ["printers"]}
        made, again = (browser.post(f"{base}/est/new-passphrase", data=form).text for _ in range(2))
        (text,) = re.findall(r"<pre[^>]*>([^<]+)</pre>", made)
        assert len(text) >= 16
        assert "It was shown before." in again
        assert "printers" in browser.get(base).text
        assert text not in browser.get(base).text
        rotated = sent(browser, f"{base}/acme/keys/{full.objects['key']}/rotate").text
        assert "MAC key:" in rotated
        for ending in (
            f"est/passphrases/{full.objects['secret']}/revoke",
            f"acme/keys/{full.objects['key']}/revoke",
            f"api/agents/{full.objects['agent']}/delete",
        ):
            assert went(sent(browser, f"{base}/{ending}")) == base
        after = browser.get(base).text
        assert full.objects["secret"] not in after
        assert full.objects["agent"] not in after


def test_people_groups_machines_and_tokens_are_made(full: Site) -> None:
    principals, tokens = full.team.services.principals, full.team.services.tokens
    with full.browser("above") as browser:
        sent(browser, "/console/new-user", slug="max", name="Max", email="max@example.com")
        sent(browser, "/console/new-machine-identity", slug="program", name="Program")
        sent(browser, "/console/new-group", slug="team", name="Team", members=["max"])
        assert (principals.get("max").kind, principals.get("program").kind) == ("user", "machine")
        sent(browser, "/console/people/team/add-member", principal="program")
        sent(browser, "/console/people/team/members/max/remove")
        assert [row.slug for row in principals.group_members("team")] == ["program"]
        sent(browser, "/console/people/max/edit", product_role="admin")
        assert (principals.get("max").product_role, principals.get("max").name) == ("admin", "Max")
        made = sent(browser, "/console/people/max/new-token", name="Pipeline", scopes="certificate:read").text
        (text,) = re.findall(r"<pre[^>]*>(crt_[^<]+)</pre>", made)
        assert tokens.authenticate(text).scopes == {"certificate:read"}
        row = next(row for row in tokens.list(full.team.admin, "max") if row.name == "Pipeline")
        rotated = sent(browser, f"/console/tokens/{row.id}/rotate", overlap="1h").text
        (next_text,) = re.findall(r"<pre[^>]*>(crt_[^<]+)</pre>", rotated)
        assert next_text != text
        refused = sent(browser, "/console/new-user", slug="Not a slug", name="Max")
        assert (refused.status_code, 'value="Not a slug"' in refused.text) == (400, True)


def test_policies_profiles_and_authorities_are_made_changed_and_deleted(full: Site) -> None:
    services = full.team.services
    catalog = services.catalog
    with full.browser("above") as browser:
        sent(
            browser,
            "/console/new-policy",
            slug="short",
            name="Short",
            rules__max_ttl="7d",
            rules__sans='{"dns": {}}',
        )
        policy = catalog.policy("short")
        assert (policy.rules["max_ttl"], policy.rules["sans"]) == (
            "7d",
            {"dns": {"required": [], "denied": []}},
        )
        sent(browser, "/console/policies/short/edit", rules__max_ttl="14d")
        policy = catalog.policy("short")
        assert (policy.rules["max_ttl"], policy.rules["sans"] is None) == ("14d", False), "the rest stays"
        wrong = sent(browser, "/console/policies/short/edit", rules__sans="{dns}")
        assert "this is no JSON" in wrong.text
        sent(
            browser,
            "/console/new-profile",
            slug="brief",
            name="Brief",
            ca="root",
            policy="short",
            ttl="5d",
            defaults__subject__organization="Example Ltd",
        )
        sent(browser, "/console/profiles/brief/edit", ttl="6d")
        profile = catalog.profile("brief")
        assert (profile.ttl_seconds, profile.defaults["subject"]) == (
            6 * 86400,
            {"organization": "Example Ltd"},
        )
        assert sent(browser, "/console/policies/short/delete").status_code == 409
        sent(browser, "/console/profiles/brief/delete")
        sent(browser, "/console/policies/short/delete")
        assert "short" not in [row.slug for row in catalog.policies()]
        made = sent(
            browser,
            "/console/new-authority",
            slug="next",
            name="Next",
            kind="intermediate",
            parent="root",
            subject__common_name="Issuing CA",
        )
        assert went(made) == "/console/authorities/next"
        sent(browser, "/console/authorities/next/renew", new_key="yes")
        assert "2</b><span>versions" in browser.get("/console/authorities/next").text
        waits = sent(
            browser,
            "/console/new-authority",
            slug="below",
            name="Below",
            kind="intermediate",
            subject__common_name="Below",
        )
        assert "Install the certificate" in browser.get(went(waits)).text
        assert "BEGIN CERTIFICATE REQUEST" in browser.get("/console/authorities/below/install").text
        assert went(sent(browser, "/console/authorities/below/delete")) == "/console/authorities"


def test_an_application_is_renamed_and_deleted_as_it_was_shown(full: Site) -> None:
    services = full.team.services
    other = services.applications.create(full.team.admin, slug="other", name="Other", profiles=["web"])
    with full.browser("above") as browser:
        path = "/console/applications/other"
        assert went(sent(browser, f"{path}/edit", slug="another")) == "/console/applications/another"
        path = "/console/applications/another"
        form = opened(browser, f"{path}/delete")
        assert "1 members" in browser.get(f"{path}/delete").text
        services.applications.set_member(full.team.admin, other.id, "zoe", Role.AUDITOR)
        assert browser.post(f"{path}/delete", data=form).status_code == 409
        assert went(sent(browser, f"{path}/delete")) == "/console/applications"
        assert "another" not in [row.slug for row in services.applications.visible_to(full.team.admin)]


def test_a_sync_is_looked_at_before_it_is_made(full: Site) -> None:
    syncs, app, path = full.team.services.syncs, full.team.application, f"{APP}/new-sync"
    with full.browser("bob") as browser:
        form = opened(browser, f"{path}?destination=files") | {
            "slug": ["next"],
            "name": ["Next"],
            "connection": ["one"],
        }
        seen = browser.post(f"{path}/preview", data=form).text
        assert re.search("It would deliver [1-9][0-9]* certificates?[.]", seen)
        assert 'value="Next"' in seen, "what was typed is there still"
        assert (
            "It would deliver 0 certificates."
            in browser.post(f"{path}/preview", data={**form, "names": "*.net"}).text
        )
        assert "The check has passed." in browser.post(f"{path}/check", data=form).text
        assert [row.slug for row in syncs.list(app)] == ["files"], "nothing is stored"


def test_the_renewal_of_a_certificate_is_planned(full: Site) -> None:
    path = full.path("/console/certificates/{certificate_id}")
    with full.browser("ann") as browser:
        sent(browser, f"{path}/renewal", auto_renew="no")
        assert full.team.services.renewals.explained(full.objects["certificate_id"])["auto_renew"] is False
        sent(browser, f"{path}/renewal", auto_renew="", renewal_override__before="5d")
        plan = full.team.services.renewals.explained(full.objects["certificate_id"])
        assert plan["auto_renew"] is None
        assert plan["renewal_override"]
