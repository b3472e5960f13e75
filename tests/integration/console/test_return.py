"""A button leads back to the page on which it was pressed, and never to another server."""

import re
from html import unescape

import pytest
from tests.integration.console.conftest import Site, csrf

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
APP = "/console/applications/app"
ELSEWHERE = (
    "https://elsewhere.example/console",
    "//elsewhere.example/console",
    "/\\elsewhere.example/console",
    "/console\n.elsewhere.example",
    "\t//elsewhere.example",
    "/auth/sign-out",
    "/consoles",
    "console",
    "",
)


def forms(text: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that a page sends to an address."""
    _, found, rest = text.partition(f'action="{action}"')
    assert found, action
    form = rest.partition("</form>")[0]
    return {
        name: unescape(value)
        for name, value in re.findall('type="hidden" name="([^"]+)" value="([^"]*)"', form)
    }


def test_small_buttons_return_where_they_were_pressed(site: Site) -> None:
    retry = site.path("/console/deliveries/{delivery_id}/retry")
    acknowledge = site.path("/console/incidents/{incident_id}/acknowledge")
    presses = (
        ("ann", f"{APP}/syncs/files?status=failed", retry),
        ("ann", site.path("/console/certificates/{certificate_id}"), retry),
        ("ann", f"{APP}/syncs/files?status=delivered", f"{APP}/syncs/files/check"),
        ("bob", f"{APP}/alerts", acknowledge),
        ("ann", "/console", site.path("/console/approvals/{approval_id}")),
        ("above", "/console/people/zoe", "/console/people/zoe/active"),
    )
    for who, page, action in presses:
        with site.browser(who) as browser:
            text = browser.get(page).text
            given = forms(text, action)
            assert given["back"] == page
            given |= {"decision": "approve"} if "digest" in given else {}
            answer = browser.post(action, data=given)
            assert (answer.status_code, answer.headers["location"]) == (303, page), action
            assert "alert-ok" in browser.get(page).text, "and there it is said what was done"


def test_a_form_cannot_lead_to_another_place(site: Site) -> None:
    path = f"{APP}/syncs/files"
    with site.browser("ann") as browser:
        token = csrf(browser.get(path).text)
        for back in ELSEWHERE:
            answer = browser.post(f"{path}/check", data={"csrf": token, "back": back})
            assert answer.headers["location"] == path, back


def test_a_form_that_is_shown_again_keeps_its_way_back(site: Site) -> None:
    with site.browser("bob") as browser:
        page = f"{APP}/members"
        given = forms(browser.get(page).text, f"{page}/{site.team.services.principals.get('bob').id}/remove")
        refused = browser.post(page, data={**given, "principal": "nobody", "role": "auditor"})
        assert refused.status_code == 404
        assert f'name="back" value="{page}"' in refused.text
        evil = browser.post(page, data={**given, "principal": "nobody", "back": ELSEWHERE[0]})
        assert "elsewhere.example" not in evil.text
