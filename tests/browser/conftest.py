"""Debian's Chromium, and browsers in which people are signed in."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import pytest
from tests.browser.world import World, started

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One installation for all tests, which change it as people would."""
    found = started(tmp_path_factory.mktemp("console"))
    yield found
    found.installation.stop()
    shutil.rmtree(found.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser that `CHROMIUM` names, or Debian's."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("Chromium is missing: apt-get install chromium, or name one by CHROMIUM", pytrace=False)
    # As root it has no sandbox of its own; it opens pages of this test only.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


class Reader:
    """A browser of somebody, and what its console complained of."""

    def __init__(self, world: World, context: Any) -> None:
        self.world, self.context = world, context
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> Any:
        """Open a page of the console, and wait until it is there."""
        answer = self.page.goto(self.world.url + path)
        self.page.wait_for_load_state("networkidle")
        return answer

    def violations(self) -> list[str]:
        """What axe finds on the open page."""
        # By the debugger: the page's own policy takes no script that is not its own.
        session = self.context.new_cdp_session(self.page)
        session.send("Runtime.evaluate", {"expression": AXE})
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes'][:3]]}"
            for each in found["violations"]
        ]

    def sticks_out(self) -> list[str]:
        """What is wider than the window, but for what scrolls by itself."""
        return list(
            self.page.evaluate(
                """() => {
                const edge = document.documentElement.clientWidth + 1;
                const scrolls = ".table-frame, .chart-frame, .tabs, pre, .visually-hidden, .table-blocks thead";
                return [...document.body.querySelectorAll("*")]
                    .filter((each) => each.checkVisibility() && !each.closest(scrolls))
                    .filter((each) => each.getBoundingClientRect().right > edge)
                    .map((each) => each.outerHTML.slice(0, 120));
                }"""
            )
        )

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture
def reader(world: World, chromium: Any) -> Callable[..., Any]:
    """Opens a browser: ``with reader("ann", width=360, scheme="dark", script=False) as browser``."""

    @contextmanager
    def opened(
        who: str | None, *, width: int = 1280, scheme: str = "light", script: bool = True
    ) -> Iterator[Reader]:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        browser = Reader(world, context)
        if who in world.cookies:
            context.add_cookies(world.cookies[who])
            browser.page.goto(f"{world.url}/console")
        elif who is not None:
            browser.page.goto(world.link(who))
            browser.page.get_by_role("button", name="Sign in").click()
            browser.page.wait_for_url(f"{world.url}/console")
            world.cookies[who] = context.cookies()
        yield browser
        context.close()

    return opened
