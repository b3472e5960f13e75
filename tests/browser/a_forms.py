"""The form of every operation in Chromium: nothing is cut, axe finds nothing, and it works without a script.

`make browser` runs this. Pictures are written to the folder that `PICTURES` names.
"""

from collections.abc import Callable
from typing import Any

import pytest
from tests.browser.a_look import picture
from tests.browser.world import SHOP
from tests.integration.console.operation_forms import FORMS

MORE = {"alert": "failed", "channel": "mail", "approval_policy": "owners", "group": "crew", "member": "ann"}
"""Slugs of what forms are about besides."""


@pytest.fixture
def crew(world: Any) -> Any:
    """The world, with a group in it."""
    if "group" not in world.objects:
        world.admin.post("/groups", {"slug": "crew", "name": "Crew", "members": ["ann"]})
        world.objects |= MORE
    return world


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (360, "light")])
def test_forms_are_sound(reader: Callable[..., Any], crew: Any, width: int, scheme: str) -> None:
    wrong, seen = [], 0
    with reader("admin", width=width, scheme=scheme) as browser:
        for form in FORMS:
            path = crew.path(form.path)
            if "{" in path or (not form.operation.in_application and "{alert}" in form.path + form.path):
                continue
            answer = browser.open(path)
            if answer.status != 200:
                continue
            seen += 1
            picture(browser, f"form-{form.operation.api}-{scheme}-{width}")
            wrong += [f"{path}: {found}" for found in (*browser.violations(), *browser.sticks_out())]
        wrong += [each for each in browser.complaints if "404" not in each]
    assert not wrong, "\n".join(wrong)
    assert seen > 40


def test_a_sync_is_edited_without_a_script(reader: Callable[..., Any], world: Any) -> None:
    with reader("bob", script=False) as browser:
        browser.open("/console/applications/shop/syncs/files")
        browser.page.get_by_role("link", name="Edit").click()
        browser.page.get_by_label("Name", exact=True).fill("Storefront servers")
        browser.page.get_by_role("button", name="Save").click()
        assert browser.page.get_by_text("It is saved.").is_visible()
        assert world.admin.get(f"{SHOP}/syncs/files")["name"] == "Storefront servers"
        world.admin.patch(f"{SHOP}/syncs/files", {"name": "Storefront"})
