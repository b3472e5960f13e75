"""A reader keeps the filter of a list under a name, finds it on the list and in the search, and deletes it."""

import httpx2
import pytest
from sqlmodel import select
from tests.integration.concurrency import meanwhile
from tests.integration.conftest import Team
from tests.integration.console.conftest import CANARY, Site, csrf

from certrail.domain.access import Role
from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.persistence.tables import SavedView
from certrail.services.access.viewed_lists import FILTERS, LONGEST_NAME, LONGEST_VALUE, MOST_VIEWS, ViewedList

HERE = "/console/applications/app/certificates"


def keep(browser: httpx2.Client, path: str, name: str) -> httpx2.Response:
    """Send the form of a list, as it is on the page."""
    page = browser.get(path).text
    assert f'name="here" value="{path.replace("&", "&amp;")}"' in page, "what is filtered can be kept"
    return browser.post("/console/saved-views", data={"csrf": csrf(page), "name": name, "here": path})


@pytest.mark.any_database
def test_a_view_is_kept_found_and_deleted(site: Site) -> None:
    with site.browser("ann") as browser, site.browser("bob") as other:
        assert 'action="/console/saved-views"' not in browser.get(HERE).text, "there is nothing to keep"
        done = keep(browser, f"{HERE}?search=a.exa&status=active", CANARY[:64])
        assert (done.status_code, done.headers["location"]) == (303, f"{HERE}?search=a.exa&status=active")
        shown = browser.get(done.headers["location"]).text
        assert "The view is kept" in shown
        assert 'aria-current="true"' in shown
        assert "<script>alert" not in shown
        for path in (HERE, "/console/search", "/console/search?q=SCRIPT"):
            assert "search=a.exa&amp;status=active" in browser.get(path).text, path
            assert "search=a.exa&amp;status=active" not in other.get(path).text, "it is nobody else's"
        assert "status=active" not in browser.get("/console/search?q=other").text
        (row,) = site.team.services.saved_views.list(site.team.actor("ann"))
        form = {"csrf": csrf(shown), "back": HERE}
        path = f"/console/saved-views/{row.row.id}/delete"
        assert other.post(path, data={**form, "csrf": csrf(other.get(HERE).text)}).status_code == 404
        assert browser.post(path, data=form).headers["location"] == HERE
        assert "status=active" not in browser.get(HERE).text.partition('id="list"')[2]


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("ann", "/console/approvals?status=rejected"),
        ("eve", "/console/applications/app/requests?status=issued"),
        ("eve", "/console/applications/app/record?type=certificate.issued"),
        ("above", "/console/people?kind=group"),
        ("above", "/console/certificates?status=revoked"),
    ],
)
def test_every_list_with_a_filter_has_views(site: Site, who: str, path: str) -> None:
    with site.browser(who) as browser:
        done = keep(browser, path, "Mine")
        assert done.headers["location"] == path
        assert ">Mine</a>" in browser.get(path).text
        assert ">Mine</a>" in browser.get("/console/search").text


@pytest.mark.any_database
def test_the_search_has_only_what_can_still_be_opened(site: Site) -> None:
    services, admin = site.team.services, site.team.admin
    ann, above = site.team.actor("ann"), site.team.actor("above")
    services.saved_views.keep(
        ann, site.team.application, list_=ViewedList.EVENTS, name="Ours", filter_={"type": "x"}
    )
    services.saved_views.keep(
        above, None, list_=ViewedList.PRINCIPALS, name="Groups", filter_={"kind": "group"}
    )
    services.applications.remove_member(admin, site.team.application, "ann")
    services.principals.update(admin, "above", product_role="member")
    for who, name in (("ann", "Ours"), ("above", "Groups")):
        with site.browser(who) as browser:
            assert f">{name}</a>" not in browser.get("/console/search").text


@pytest.mark.any_database
def test_what_can_be_kept_has_limits(team: Team) -> None:
    ann, views = team.person("ann", Role.AUDITOR), team.services.saved_views
    wrong: list[tuple[str | None, ViewedList, str, dict[str, str]]] = [
        (None, ViewedList.CERTIFICATES, " ", {}),
        (None, ViewedList.CERTIFICATES, "x" * (LONGEST_NAME + 1), {}),
        (None, ViewedList.CERTIFICATES, "a\x00b", {}),
        (None, ViewedList.CERTIFICATES, "x", {"serial": "1"}),
        (None, ViewedList.CERTIFICATES, "x", {"search": "x" * (LONGEST_VALUE + 1)}),
        (None, ViewedList.EVENTS, "x", {}),
        (team.application, ViewedList.APPROVALS, "x", {}),
    ]
    for scope, list_, name, given in wrong:
        with pytest.raises(BadInput):
            views.keep(ann, scope, list_=list_, name=name, filter_=given)
    first = views.keep(ann, None, list_=ViewedList.APPROVALS, name="View 0", filter_={"status": "all"})
    for number in range(1, MOST_VIEWS):
        views.keep(ann, None, list_=ViewedList.APPROVALS, name=f"View {number}", filter_={})
    with pytest.raises(Conflict, match="Delete one first"):
        views.keep(ann, None, list_=ViewedList.APPROVALS, name="One more", filter_={})
    again = views.keep(ann, None, list_=ViewedList.APPROVALS, name="View 0", filter_={"status": "open"})
    assert (again.row.id, again.row.filter) == (first.row.id, {"status": "open"})
    with pytest.raises(NotFound):
        views.delete(team.admin, first.row.id)
    assert FILTERS.keys() == set(ViewedList)


def test_two_that_keep_one_name_at_once_keep_one_view(team: Team) -> None:
    ann = team.person("ann")

    def save() -> None:
        team.services.saved_views.keep(
            ann, team.application, list_=ViewedList.REQUESTS, name="Mine", filter_={"status": "issued"}
        )

    meanwhile(team, save, save)
    with team.services.context.db.read() as session:
        assert len(session.exec(select(SavedView)).all()) == 1


@pytest.mark.any_database
def test_an_application_takes_its_views_along(team: Team) -> None:
    ann = team.person("ann")
    team.services.saved_views.keep(
        ann, team.application, list_=ViewedList.REQUESTS, name="Mine", filter_={"status": "issued"}
    )
    deletions = team.services.deletions
    deletions.delete(team.admin, team.application, deletions.preview(team.application).confirm)
    assert list(team.services.saved_views.list(ann)) == []


@pytest.mark.any_database
def test_only_lists_are_kept(site: Site) -> None:
    with site.browser("ann") as browser:
        form = {"csrf": csrf(browser.get(HERE).text), "name": "Mine"}
        for here, status in (
            ("", 400),
            ("https://evil.example/console/certificates", 400),
            ("/console/keys", 400),
            ("/console/certificates?serial=1", 400),
            ("/console/certificates?" + "&".join(f"a{number}=1" for number in range(20)), 400),
            ("/console/applications/other/certificates?status=active", 404),
        ):
            answer = browser.post("/console/saved-views", data={**form, "here": here})
            assert answer.status_code == status, here
