"""Each page, in each role: who may open it, its headers, its size, its statements, and texts from outside."""

import re
from html import escape

import httpx2
import pytest
from tests.integration.console.conftest import CANARY, Site
from tests.integration.console.documents import faults_of
from tests.integration.console.pages import PAGES, PEOPLE
from tests.support.statements import statements

pytestmark = pytest.mark.any_database

MOST_STATEMENTS = 20
LARGEST_COLD = 150_000
"""Bytes of a page with all that it loads, as they are sent."""


def test_everybody_opens_what_they_may(site: Site) -> None:
    for who in PEOPLE:
        with site.browser(who) as browser:
            for page in PAGES:
                answer = browser.get(site.path(page.path))
                expected = {200} if who in page.readers else {403, 404}
                assert answer.status_code in expected, f"{who} {page.path}: {answer.status_code}"
                assert faults_of(answer) == [], f"{who} {page.path}"


def test_a_stranger_is_sent_to_sign_in_and_back(site: Site) -> None:
    with site.browser() as browser:
        for page in PAGES:
            path = site.path(page.path)
            answer = browser.get(path)
            assert answer.status_code == 303
            wanted = httpx2.URL(answer.headers["location"])
            assert (wanted.path, wanted.params["next"]) == ("/console/sign-in", path)
        choose = browser.get(answer.headers["location"])
        assert "certrail console" in choose.text
        assert faults_of(choose) == []
        program = browser.get("/console", headers={"accept": "*/*"})
        assert program.status_code == 401


def test_pages_are_few_statements_and_small(site: Site) -> None:
    loaded: dict[str, int] = {}
    for who in ("above", "ann"):
        with site.browser(who) as browser:
            for page in PAGES:
                if who not in page.readers:
                    continue
                with statements(site.team.services.context.db) as sent:
                    answer = browser.get(site.path(page.path))
                assert len(sent) <= MOST_STATEMENTS, "\n".join([page.path, *(text[:200] for text in sent)])
                size = len(answer.content)
                for path in _loaded_by(answer.text):
                    if path not in loaded:
                        file = browser.get(path)
                        assert file.status_code == 200, path
                        assert "immutable" in file.headers["cache-control"]
                        loaded[path] = int(file.headers["content-length"])
                    size += loaded[path]
                assert size <= LARGEST_COLD, f"{page.path}: {size}"


def test_texts_from_outside_are_text(site: Site) -> None:
    shown = escape(CANARY).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    with site.browser("above") as browser:
        for page in PAGES:
            text = browser.get(site.path(page.path)).text
            assert CANARY not in text, page.path
            assert "<script>alert" not in text, page.path
            if page.shows:
                assert shown in text or "alert(" in text, page.path
    with site.browser("ann") as browser:
        today = browser.get("/console").text
        assert shown in today, "the failure of a delivery is shown as it was said"


def test_a_block_is_the_part_of_its_page(site: Site) -> None:
    with site.browser("above") as browser:
        for path in ("/console/certificates", "/console/approvals", "/console/applications/app/certificates"):
            whole = browser.get(path).text
            part = browser.get(path, headers={"HX-Request": "true", "HX-Target": "list"}).text
            assert part.strip().startswith('<section class="card" id="list"')
            assert "<html" not in part
            assert _without_times(part.strip()) in _without_times(whole), path


def test_an_empty_installation_says_what_to_do(empty_site: Site) -> None:
    with empty_site.browser("ann") as browser:
        today = browser.get("/console").text
        assert "Nothing waits for your vote." in today
        assert "Nothing is wrong." in today
        assert "issued or imported" in browser.get("/console/applications/app/certificates").text


def test_files_have_one_address_each(site: Site) -> None:
    with site.browser() as browser:
        for path in (
            "/console/static/0/tokens.css",
            "/console/static/0/x",
            "/console/static/0/htmx.LICENSE.txt",
        ):
            assert browser.get(path).status_code == 404


def _loaded_by(text: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/console/static/[^"]+)"', text)


def _without_times(text: str) -> str:
    return " ".join(re.sub(r"<time.*?</time>", "", text).split())
