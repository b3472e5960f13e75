"""Forms of an Application's pages: what they change, for whom, and what is said when they are refused."""

import pytest
from tests.integration.console.conftest import Site, csrf

from certrail.domain.access import Role
from certrail.domain.enrollment import EnrollmentMethod

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
APP = "/console/applications/app"


def test_a_certificate_is_requested_once_and_withdrawn(site: Site) -> None:
    services, path = site.team.services, f"{APP}/requests/new"
    with site.browser("ann") as browser:
        seen = browser.get(path).text
        given = {
            "csrf": csrf(seen),
            "once": "a",
            "profile": "web",
            "dns": "new.example.com\nmore.example.com",
        }
        wrong = browser.post(path, data={**given, "dns": "", "ttl": "soon"})
        assert (wrong.status_code, "Bad input" in wrong.text) == (400, True)
        assert 'value="soon"' in wrong.text, "what was typed is there still"
        made = [browser.post(path, data={**given, "metadata": "team=shop"}) for _ in range(2)]
        assert {answer.status_code for answer in made} == {303}
        (there,) = {answer.headers["location"] for answer in made}
        row = services.requests.get(there.rpartition("/")[2])
        assert (row.status, row.attributes) == ("pending_approval", {"team": "shop"})
        assert "Who must act:</b> 1 more approval of bob." in browser.get(there).text
        assert browser.post(f"{there}/cancel", data={"csrf": csrf(seen)}).headers["location"] == there
        after = browser.get(there).text
        assert "The request is withdrawn." in after
        assert "Withdraw the request" not in after
        assert services.requests.get(row.id).status == "cancelled"
        assert "no equals sign" in browser.post(path, data={**given, "metadata": "team"}).text


def test_a_policy_says_every_reason_on_the_form(site: Site) -> None:
    site.team.services.catalog.update_policy(
        site.team.admin, "tls", rules={"sans": {"dns": {"allowed": ["*.example.com"]}}, "max_ttl": "60d"}
    )
    with site.browser("ann") as browser:
        path = f"{APP}/requests/new"
        given = {
            "csrf": csrf(browser.get(path).text),
            "profile": "web",
            "dns": "a.elsewhere.net",
            "ttl": "99d",
        }
        refused = browser.post(path, data=given)
        assert refused.status_code == 422
        assert "a.elsewhere.net" in refused.text
        assert refused.text.count('<li class="wrap">') == 2


def test_a_sync_is_triggered_and_checked(site: Site) -> None:
    services, path = site.team.services, f"{APP}/syncs/files"
    with site.browser("ann") as browser:
        token = csrf(browser.get(path).text)
        before = services.deliveries.get(site.objects["delivery_id"])[0].generation
        assert browser.post(f"{path}/trigger", data={"csrf": token}).headers["location"] == path
        assert services.deliveries.get(site.objects["delivery_id"])[0].generation == before + 1
        assert "is delivered again now" in browser.get(path).text
        assert browser.post(f"{path}/check", data={"csrf": token}).headers["location"] == path
        assert "The check has passed" in browser.get(path).text
        assert "There is none." in browser.get(f"{path}?status=delivered").text


def test_members_are_set_and_removed(site: Site) -> None:
    services, path = site.team.services, f"{APP}/members"
    with site.browser("bob") as browser:
        token = csrf(browser.get(path).text)
        for principal, role in (("nobody", "auditor"), ("zoe", "owner")):
            refused = browser.post(path, data={"csrf": token, "principal": principal, "role": role})
            assert refused.status_code in (400, 404)
            assert f'value="{principal}"' in refused.text
        browser.post(path, data={"csrf": token, "principal": "zoe@example.com", "role": "auditor"})
        assert services.applications.member(site.team.application, "zoe")[0].role == Role.AUDITOR
        zoe = services.principals.get("zoe")
        assert browser.post(f"{path}/{zoe.id}/remove", data={"csrf": token}).headers["location"] == path
        bob = services.principals.get("bob")
        left = browser.post(f"{path}/{bob.id}/remove", data={"csrf": token})
        assert left.headers["location"] == "/console/applications", "whoever leaves may not look any more"


def test_methods_and_alerts_are_switched(site: Site) -> None:
    services, path = site.team.services, f"{APP}/enrollment/web"
    with site.browser("bob") as browser:
        seen = browser.get(path).text
        given = {"csrf": csrf(seen)}
        assert "directory" not in browser.get(f"{APP}/enrollment").text
        browser.post(f"{path}/acme", data={**given, "enabled": "yes"})
        _, states = services.enrollment_methods.of(site.team.application, "web", "https://here.example")
        assert next(state for state in states if state.method is EnrollmentMethod.ACME).enabled
        assert "/directory" in browser.get(path).text
        assert browser.post(f"{path}/smoke", data=given).status_code == 404
        ((alert, _),) = services.alerts.list(site.team.application)
        browser.post(f"{APP}/alerts/{alert.slug}/switch", data=given)
        assert not services.alerts.get(site.team.application, alert.slug)[0].enabled


def test_the_record_is_read_page_by_page(site: Site) -> None:
    with site.browser("eve") as browser:
        path, seen = f"{APP}/record", 0
        rows = site.team.services.audit_log.newest([site.team.application], limit=1000)
        text = browser.get(path).text
        seen += text.count('class="what"')
        assert seen == min(50, len(rows))
        oldest = browser.get(f"{path}?before={(rows[-1].seq or 0) + 1}").text
        assert oldest.count('class="what"') == 1
        assert "First page" in oldest
