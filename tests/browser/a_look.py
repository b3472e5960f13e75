"""Every page in Chromium: nothing is cut, nothing is said against its policy, and axe finds nothing.

`make browser` runs this. Pictures are written to the folder that `PICTURES` names.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.browser.world import World
from tests.integration.console.outside import ELEMENT, canary
from tests.integration.console.pages import PAGES

PICTURES = os.environ.get("PICTURES")


def picture(browser: Any, name: str) -> None:
    """Keep what is to be seen, where somebody wants to look at it."""
    if PICTURES:
        browser.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_pages_are_sound(reader: Callable[..., Any], width: int, scheme: str) -> None:
    wrong = []
    with reader("ann", width=width, scheme=scheme) as browser:
        admin = reader("admin", width=width, scheme=scheme)
        with admin as above:
            for page in PAGES:
                seen = browser if "ann" in page.readers else above
                path = seen.world.path(page.path)
                answer = seen.open(path)
                name = (
                    page.path.strip("/").replace("/", "-").replace("{", "").replace("}", "").partition("?")[0]
                )
                picture(seen, f"{name}-{scheme}-{width}")
                wrong += [f"{path}: {found}" for found in (*seen.violations(), *seen.sticks_out())]
                if answer.status != 200:
                    wrong.append(f"{path}: {answer.status}")
            wrong += browser.complaints + above.complaints
    assert not wrong, "\n".join(wrong)


def test_the_way_in_is_sound(reader: Callable[..., Any]) -> None:
    for scheme in ("light", "dark"):
        with reader(None, scheme=scheme, width=360) as browser:
            browser.open("/console/approvals")
            assert browser.page.get_by_role("heading", name="Sign in").is_visible()
            picture(browser, f"sign-in-{scheme}-360")
            assert browser.violations() == []
            browser.open("/console/not-there")
            assert browser.violations() == []


def test_texts_from_outside_run_nothing(reader: Callable[..., Any], world: World) -> None:
    """They are text in a real browser, too; tests/integration/console/test_crawl.py looks at every other page."""
    text = canary("application.name")
    world.admin.post("/applications", {"slug": "odd", "name": text, "description": text, "profiles": ["web"]})
    world.admin.post("/users", {"slug": "odd", "name": text, "email": "odd@example.com"})
    world.admin.put("/applications/odd/members/odd", {"role": "operator"})
    body = {"profile": "web", "sans": {"dns": ["odd.shop.example.com"]}, "metadata": {"note": text}}
    made = world.admin.post("/applications/odd/certificate-requests", body)
    paths = [page.path.replace("{application}", "odd") for page in PAGES]
    paths = [f"/console/requests/{made['id']}", *(path for path in paths if "{" not in path)]
    with reader("admin") as browser:
        browser.page.on("dialog", lambda dialog: browser.complaints.append(dialog.message))
        for path in paths:
            browser.page.goto(world.url + path)
            assert browser.page.locator(f"{ELEMENT}, [onload], [onx]").count() == 0, path
            if "/odd" in path or path == paths[0]:
                assert text in browser.page.locator("#main").text_content(), path
        assert browser.complaints == []
