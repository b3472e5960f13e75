"""How somebody works in a browser: with a mouse, or by keyboard only, with scripts or without."""

from collections.abc import Callable
from typing import Any

from examples.demo.installation import until

MOST_TABS = 250
"""Presses of Tab from the start of a page to any of its controls."""
BETWEEN = """each => {
    const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
        .filter((one) => one.checkVisibility() && one.type !== "hidden" && !one.disabled);
    const here = all.findLastIndex((one) => one === document.activeElement ||
        document.activeElement.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_PRECEDING);
    return Math.max(0, all.indexOf(each) - here - 1);
}"""
"""How many controls are between the one that has the focus and another: presses that need not be looked at."""
SOON = 20_000
"""Milliseconds in which what runs in the background is on the page."""


class Hands:
    """What one does on the open page; here with a mouse.

    Names are those that a reader sees, and a screen reader says.

    Args:
        script: whether the browser has scripts; without them a page is opened again to see what is new.
    """

    def __init__(self, browser: Any, *, script: bool = True) -> None:
        self.browser, self.page, self.script = browser, browser.page, script
        self.main = self.page.locator("#main")

    def follow(self, name: str, where: str = "#main") -> None:
        """Open a link."""
        self.leave(self.page.locator(where).get_by_role("link", name=name, exact=True))

    def press(self, name: str) -> None:
        """Press a button."""
        self.leave(self.main.get_by_role("button", name=name, exact=True))

    def leave(self, target: Any) -> None:
        """Press what leads to another page, or to the same one anew."""
        self.reach(target)
        with self.page.expect_navigation():
            self.hit(target)

    def unfold(self, name: str) -> None:
        """Open the form that a button of the page's head has."""
        self.act(self.main.locator("summary").get_by_text(name, exact=True))

    def write(self, label: str, text: str) -> None:
        """Type into a field."""
        self.act(self._field(label))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, label: str, option: str) -> None:
        """Choose from a list."""
        self._field(label).select_option(label=option)

    def tick(self, label: str) -> None:
        """Tick a box."""
        self.act(self._field(label))
        assert self._field(label).is_checked()

    def sees(self, text: str, within: str = "#main") -> None:
        """Wait for a text: it comes by itself, or when the page is opened again."""
        wanted = self.page.locator(within).get_by_text(text, exact=True).first
        if self.script and self.page.locator("[data-live]").count():
            wanted.wait_for(timeout=SOON)
        elif not wanted.is_visible():
            until(lambda: self.page.reload() and wanted.is_visible(), text)

    def _field(self, label: str) -> Any:
        return self.main.get_by_label(label, exact=True)

    def act(self, target: Any) -> None:
        """Press what is found."""
        self.reach(target)
        self.hit(target)

    def reach(self, target: Any) -> None:
        """Come to it; a pointer does so when it presses."""
        target.wait_for()

    def hit(self, target: Any) -> None:
        """Press it."""
        target.click()


class Keyboard(Hands):
    """By keyboard only: Tab to where it is, Enter, the space bar and letters."""

    def tick(self, label: str) -> None:
        """Tick a box."""
        self.reach(self._field(label))
        self.page.keyboard.press("Space")
        assert self._field(label).is_checked()

    def choose(self, label: str, option: str) -> None:
        """Choose from a list by the first letters of what is wanted."""
        self.reach(self._field(label))
        self.page.keyboard.type(option)
        chosen = self._field(label).evaluate("each => each.selectedOptions[0].text")
        assert chosen == option

    def write(self, label: str, text: str) -> None:
        """Type into a field."""
        self.reach(self._field(label))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def hit(self, target: Any) -> None:
        """Press it."""
        self.page.keyboard.press("Enter")

    def reach(self, target: Any) -> None:
        """Tab to it; from the start of a page first over the menu, by the link that is there for that."""
        target.wait_for()
        fresh = self.page.evaluate("document.activeElement === document.body")
        if fresh and target.evaluate("each => each.closest('main') !== null"):
            self.page.keyboard.press("Tab")
            assert self.page.evaluate("document.activeElement.textContent") == "Skip to the content"
            self.page.keyboard.press("Enter")
        for _ in range(target.evaluate(BETWEEN)):
            self.page.keyboard.press("Tab")
        for _ in range(MOST_TABS):
            if target.evaluate("each => each === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not come to {target}")


KINDS: dict[str, tuple[Callable[..., Hands], bool]] = {
    "mouse": (Hands, True),
    "keyboard": (Keyboard, True),
    "script-off": (Hands, False),
}
"""By name: hands, and whether their browser has scripts."""
