"""The pictures of docs/how-to/use-the-console.md, as they are now.

`make browser` runs this, and writes them into the folder that `DOCS_PICTURES` names, or else nowhere in particular.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
SHOWN = (
    ("today", "/console", 1280, "light"),
    ("today-small", "/console", 360, "dark"),
    ("approvals", "/console/approvals?status=all", 1280, "light"),
    ("approval", "/console/approvals/{approval_id}", 1280, "light"),
    ("application", "/console/applications/{application}", 1280, "light"),
    ("certificates", "/console/applications/{application}/certificates", 1280, "light"),
    ("certificate", "/console/certificates/{certificate_id}", 1280, "dark"),
    ("certificate-small", "/console/certificates/{certificate_id}", 360, "light"),
)
"""Name, page, width and colours of each."""


def test_the_pictures_of_the_page_are_made(reader: Callable[..., Any], tmp_path: Path) -> None:
    folder = Path(os.environ.get("DOCS_PICTURES") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    for name, path, width, scheme in SHOWN:
        with reader("ann", width=width, scheme=scheme) as browser:
            browser.open(browser.world.path(path))
            browser.page.screenshot(path=folder / f"{name}.png")
            assert browser.sticks_out() == []
    named = re.findall(r"\(pictures/([\w-]+)\.png\)", (HOW_TO / "use-the-console.md").read_text())
    assert sorted(named) == sorted(name for name, *_ in SHOWN)
    assert all((HOW_TO / "pictures" / f"{name}.png").is_file() for name in named)
