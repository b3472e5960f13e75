"""On a small screen the tabs of an Application scroll, and the open one is in view. `make browser` runs this."""

from collections.abc import Callable
from typing import Any

SEEN = """() => {
  const [tabs, open] = [document.querySelector(".tabs"), document.querySelector('.tabs [aria-current="page"]')];
  const [all, one] = [tabs.getBoundingClientRect(), open.getBoundingClientRect()];
  return [tabs.scrollWidth > tabs.clientWidth, one.left >= all.left - 1 && one.right <= all.right + 1];
}"""


def test_the_open_tab_is_in_view(reader: Callable[..., Any]) -> None:
    with reader("ann", width=360) as browser:
        for page in ("", "/syncs", "/approval-policies", "/enrollment", "/record"):
            browser.open(f"/console/applications/shop{page}")
            assert browser.page.evaluate(SEEN) == [True, True], page
        assert browser.complaints == []
