"""The files of the console: every page is listed in its tests, and what is not ours is what was reviewed."""

import hashlib
from importlib.resources import files
from pathlib import Path

from docs.generate import routes
from tests.integration.console.pages import EVERYBODY, PAGES

from certrail_server.console.operations import OPERATIONS

HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
"""SHA-256 of `dist/htmx.min.js` in htmx.org 2.0.11 as npm has it."""


def test_every_page_is_listed() -> None:
    """What is opened with GET below /console, so that no page is left out of these tests."""
    given = {route.path for route in routes() if route.path.startswith("/console") and route.method == "GET"}
    without = {path for path in given if "/sign-in" in path or "/static" in path or path.endswith("/changes")}
    forms = {f"/console{operation.path}" for operation in OPERATIONS}
    assert given - without == {page.path.partition("?")[0] for page in PAGES} | forms
    assert {who for page in PAGES for who in page.readers} == EVERYBODY


def test_htmx_is_the_file_that_was_reviewed() -> None:
    folder = Path(str(files("certrail_server.console"))) / "static"
    assert hashlib.sha256((folder / "htmx.min.js").read_bytes()).hexdigest() == HTMX
    assert "Zero-Clause BSD" in (folder / "htmx.LICENSE.txt").read_text()
