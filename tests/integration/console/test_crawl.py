"""Every link and form of every page, in each role: none leads nowhere, and nothing is offered that is refused."""

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from urllib.parse import urlsplit

import httpx2
import pytest
from tests.integration.console.conftest import CANARY, Site
from tests.integration.console.crawler import Crawler
from tests.integration.console.documents import Form
from tests.integration.console.outside import WHOLE, WITHIN, elements_of, given_canaries
from tests.integration.console.pages import MEMBERS, PAGES, PEOPLE
from tests.support.web import served_application

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

OF_EVERYBODY = {
    "/console/keys",
    "/console/policies/tls",
    "/console/saved-views",
    "/console/sign-out",
    "/console/theme",
    "/console/tokens",
}
"""Forms for one's own browser and tokens, and one that only tries something out."""
WITHOUT_PAGE = {
    "agent.name",
    "agent.names",
    "enrollment_secret.name",
    "external_account_key.name",
    "notification.content",
    "notification.last_error",
    "saved_search.name",
}
"""Texts from outside that no page needs to show."""
Start = Callable[[httpx2.Client], Crawler]


@pytest.fixture
def crawler(full_site: Site) -> Iterator[Start]:
    """Crawls the site with somebody's browser, and puts everything back before each form."""
    file = full_site.team.services.context.db.engine.url.database
    # By a transaction of SQLite: the server reads and writes meanwhile.
    with closing(sqlite3.connect(file or "")) as live, closing(sqlite3.connect(":memory:")) as kept:

        def made(browser: httpx2.Client) -> Crawler:
            live.backup(kept)
            return Crawler(browser, lambda: kept.backup(live, sleep=0.01))

        yield made


@pytest.mark.parametrize("who", PEOPLE)
def test_every_link_and_form_answers(full_site: Site, crawler: Start, who: str) -> None:
    with full_site.browser(who) as browser:
        walk = crawler(browser)
        walk.walk()
        walk.send(odd=who in ("above", "ann"))
        walk.listen()
    assert not walk.wrong, "\n".join(walk.wrong)
    if who in ("eve", "zoe"):
        assert {_target(form) for form in walk.forms.values()} <= OF_EVERYBODY
    # What was filled in with anything at all is taken by half of the forms: others ask for a duration, a time, JSON.
    assert len(walk.done) >= len(walk.forms) // 2, sorted(walk.done)


def test_the_crawler_comes_to_every_route(full_site: Site, crawler: Start) -> None:
    seen: set[tuple[str, str]] = set()
    for who in ("above", "ann"):
        with full_site.browser(who) as browser:
            walk = crawler(browser)
            walk.walk()
        seen |= {("GET", urlsplit(address).path) for address in (*walk.pages, *walk.streams())}
        seen |= {("POST", _target(form)) for form in walk.forms.values()}
    assert _not_met(seen) == []


def test_every_page_is_listed(full_site: Site) -> None:
    """What is looked at in Chromium, and counted and measured, is each page that there is."""
    listed = {("GET", full_site.path(page.path).partition("?")[0]) for page in PAGES}
    opened = [each for each in _not_met(listed) if each.startswith("GET ") and not each.endswith("/changes")]
    assert opened == []


def test_what_is_elsewhere_is_not_there(full_site: Site, crawler: Start) -> None:
    """Each address that a member was led to, by those who are none: nothing of the Application is on any page."""
    with full_site.browser("bob") as browser:
        members = crawler(browser)
        members.walk()
    for who in PEOPLE.keys() - MEMBERS:
        with full_site.browser(who) as browser:
            own = crawler(browser)
            own.walk()
            answers = {address: browser.get(address) for address in members.pages}
        assert not [address for address, page in own.pages.items() if CANARY in "".join(page.texts)], who
        hidden = [address for address, answer in answers.items() if answer.status_code == 404]
        assert {answer.status_code for answer in answers.values()} == {200, 404}, who
        assert not [each for each, answer in answers.items() if "alert(" in answer.text], who
        beyond = {urlsplit(each).path for each in members.pages} - {urlsplit(each).path for each in own.pages}
        assert beyond <= {urlsplit(each).path for each in hidden}, who
        assert len(hidden) > 30, who


def test_texts_from_outside_make_no_element(full_site: Site, crawler: Start) -> None:
    services = full_site.team.services
    services.incidents.acknowledge(full_site.team.admin, full_site.objects["incident_id"], "Mine.")
    placed = given_canaries(services.context.db)
    assert placed.keys() == {*WHOLE, *WITHIN}, "each has a row"
    shown: set[str] = set()
    for who in ("above", "ann", "yan"):
        with full_site.browser(who) as browser:
            walk = crawler(browser)
            walk.walk()
        assert not walk.wrong, "\n".join(walk.wrong)
        for address, page in walk.pages.items():
            assert list(elements_of(page.found)) == [], address
            text = "".join(page.texts)
            shown |= {where for where, canary in placed.items() if canary in text}
    assert placed.keys() - shown <= WITHOUT_PAGE


def _target(form: Form) -> str:
    return urlsplit(form.action or form.page).path


def _not_met(seen: Collection[tuple[str, str]]) -> list[str]:
    """Routes of the console that no address of these has."""
    missing = []
    for route in served_application().routes:
        path, methods = getattr(route, "path", ""), getattr(route, "methods", None) or ()
        if not path.startswith("/console/") or path.startswith(("/console/static/", "/console/sign-in")):
            continue
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        missing += [
            f"{method} {path}"
            for method in sorted(methods)
            if not any(method == other and pattern.fullmatch(address) for other, address in seen)
        ]
    return missing
