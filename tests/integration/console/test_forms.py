"""What the forms of pages change, for whom, and who is refused."""

import pytest
from tests.integration.console.conftest import Site, csrf

pytestmark = pytest.mark.any_database


def fields(text: str) -> dict[str, str]:
    """What the form of an approval holds besides what is typed."""
    _, _, rest = text.partition('name="digest" value="')
    return {"csrf": csrf(text), "digest": rest.partition('"')[0]}


def test_the_link_of_a_message_leads_to_a_page_where_one_votes(site: Site) -> None:
    ident = site.objects["approval_id"]
    path = f"/console/approvals/{ident}"
    with site.browser("ann") as browser:
        assert browser.get(f"/approvals/{ident}").headers["location"] == path
        seen = browser.get(path).text
        assert "waits.example.com" in seen
        assert "differs from the profile: 47 days" in seen
        given = fields(seen)
        assert browser.post(path, data={**given, "csrf": "0", "decision": "approve"}).status_code == 403
        stale = browser.post(path, data={**given, "digest": "0" * 64, "decision": "approve"})
        assert stale.status_code == 409
        assert "The content has changed" in stale.text
        silent = browser.post(path, data={**given, "decision": "reject", "comment": " "})
        assert (silent.status_code, "Say why you reject it." in silent.text) == (409, True)
        assert site.team.services.approvals.get(ident)[1] == []
        voted = browser.post(path, data={**given, "decision": "approve", "comment": "Ordered."})
        assert (voted.status_code, voted.headers["location"]) == (303, path)
        after = browser.get(path).text
        assert "Your vote is recorded." in after
        assert "Ordered." in after
        assert "<textarea" not in after, "nobody is offered a second vote"
        assert "Your vote is recorded." not in browser.get(path).text
    (vote,) = site.team.services.approvals.get(ident)[1]
    assert (vote.decision, vote.via) == ("approve", "page")


def test_one_votes_on_the_page_of_today(site: Site) -> None:
    with site.browser("bob") as browser:
        today = browser.get("/console").text
        given = {**fields(today), "back": "/console", "decision": "reject", "comment": "Not ours."}
        answer = browser.post(f"/console/approvals/{site.objects['approval_id']}", data=given)
        assert answer.headers["location"] == "/console"
        assert "Nothing waits for your vote." in browser.get("/console").text
    assert site.team.services.approvals.get(site.objects["approval_id"])[0].status == "rejected"


def test_who_may_not_vote_is_offered_nothing(site: Site) -> None:
    path = site.path("/console/approvals/{approval_id}")
    for who, status in (("eve", 403), ("above", 404)):
        with site.browser(who) as browser:
            seen = browser.get(path).text
            assert 'name="decision"' not in seen
            answer = browser.post(path, data={"csrf": csrf(seen), "decision": "approve", "digest": "0" * 64})
            assert answer.status_code == status, who
    with site.browser("zoe") as browser:
        token = csrf(browser.get("/console").text)
        assert browser.post(path, data={"csrf": token, "decision": "approve"}).status_code == 404


def test_a_certificate_is_renewed_once_and_revoked(site: Site) -> None:
    path = site.path("/console/certificates/{certificate_id}")
    services = site.team.services
    with site.browser("ann") as browser:
        seen = browser.get(path).text
        _, _, rest = seen.partition('name="once" value="')
        given = {"csrf": csrf(seen), "once": rest.partition('"')[0]}
        for _ in range(2):
            answer = browser.post(f"{path}/renew", data=given)
            assert (answer.status_code, answer.headers["location"]) == (303, path)
        renewals = [row for row in services.requests.list(site.team.application) if row.renews_id]
        assert len(renewals) == 1
        wrong = browser.post(
            f"{path}/revoke", data={**given, "reason": "no"}, headers={"referer": f"{site.url}{path}"}
        )
        assert (wrong.status_code, f'href="{path}"' in wrong.text) == (400, True)
        browser.post(f"{path}/revoke", data={**given, "once": "a", "reason": "certificateHold"})
        assert services.inventory.get(site.objects["certificate_id"]).status == "held"
        browser.post(f"{path}/release", data=given)
        browser.post(f"{path}/revoke", data={**given, "once": "b", "reason": "superseded"})
        assert services.inventory.get(site.objects["certificate_id"]).status == "revoked"
        assert "The certificate is revoked." in browser.get(path).text


def test_a_certificate_is_exported(site: Site) -> None:
    path = site.path("/console/certificates/{certificate_id}")
    with site.browser("ann") as browser:
        given = {"csrf": csrf(browser.get(path).text)}
        pem = browser.post(f"{path}/export", data={**given, "format": "pem"})
        assert pem.text.startswith("-----BEGIN CERTIFICATE-----")
        assert "attachment" in pem.headers["content-disposition"]
        weak = browser.post(f"{path}/export", data={**given, "format": "pkcs12", "password": "short"})
        assert weak.status_code == 400
        assert browser.post(f"{path}/export", data={**given, "format": "x"}).status_code == 400


def test_a_delivery_is_made_again_and_an_incident_acknowledged(site: Site) -> None:
    services = site.team.services
    with site.browser("ann") as browser:
        token = csrf(browser.get("/console").text)
        before = services.deliveries.get(site.objects["delivery_id"])[0].generation
        again = browser.post(site.path("/console/deliveries/{delivery_id}/retry"), data={"csrf": token})
        assert again.headers["location"] == site.path("/console/certificates/{certificate_id}")
        assert services.deliveries.get(site.objects["delivery_id"])[0].generation == before + 1
        browser.post(
            site.path("/console/incidents/{incident_id}/acknowledge"),
            data={"csrf": token, "comment": "Mine."},
        )
        assert services.incidents.get(site.objects["incident_id"]).comment == "Mine."


def test_forms_of_other_sites_change_nothing(site: Site) -> None:
    path = site.path("/console/approvals/{approval_id}")
    with site.browser("ann") as browser:
        given = {**fields(browser.get(path).text), "decision": "approve"}
        for headers in (
            {"origin": "https://evil.example"},
            {"origin": f"https://{site.url.removeprefix('http://')}.evil.example"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ):
            assert browser.post(path, data=given, headers=headers).status_code == 403, headers
        assert browser.post(path, json=given).status_code == 400
        many = {f"f{number}": "x" for number in range(300)}
        assert browser.post(path, data={**many, **given}).status_code == 400
        assert browser.post(path, data=given, headers={"origin": site.url}).status_code == 303
