"""People decide, renew and revoke in Chromium: by mouse, by keyboard only, without a script, and two at once.

`make browser` runs this.
"""

import re
import time
from collections.abc import Callable
from typing import Any

from examples.demo.installation import until
from tests.browser.world import World

SOON = 2000
"""Milliseconds in which an open page is right again."""


def asked(world: World, name: str) -> str:
    """The page of an approval that waits."""
    ident = world.request("bob", name, "guarded")["id"]
    found = until(
        lambda: world.admin.get(f"/certificate-requests/{ident}")["approval_request_id"], "an approval"
    )
    return f"/console/approvals/{found}"


def status(world: World, page: str) -> str:
    found: str = world.admin.get(f"/approval-requests/{page.rpartition('/')[2]}")["status"]
    return found


def test_the_link_that_the_terminal_prints_signs_in_once(reader: Callable[..., Any], world: World) -> None:
    (link,) = re.findall(r"Console, once within 10 minutes: (\S+)", world.installation.log.read_text())
    with reader(None) as browser:
        browser.page.goto(link)
        browser.page.get_by_role("button", name="Sign in").click()
        browser.page.wait_for_url(f"{world.url}/console")
        assert browser.page.get_by_text("Product Admin").is_visible()
        browser.page.goto(link)
        assert browser.page.get_by_role("heading", name="The link is not valid").is_visible()


def test_two_people_decide_at_once_and_both_pages_are_right(reader: Callable[..., Any], world: World) -> None:
    page = asked(world, "both")
    with reader("ann") as ann, reader("bob") as bob, reader("eve") as eve:
        for each in (ann, bob, eve):
            each.open(page)
        ann.page.get_by_label("Comment").fill("Ordered by the shop.")
        ann.page.get_by_role("button", name="Approve").click()
        ann.page.get_by_text("Your vote is recorded.").wait_for()
        # The other pages are never loaded again.
        for each in (bob, eve):
            each.page.locator("#card-decision").get_by_text("approved").wait_for(timeout=SOON)
            assert each.page.locator("#card-votes").get_by_text("Ordered by the shop.").is_visible()
            assert each.page.locator("#main").get_by_role("button").count() == 0
        assert ann.complaints + bob.complaints + eve.complaints == []
    assert status(world, page) == "approved"


def test_two_people_press_at_once(reader: Callable[..., Any], world: World) -> None:
    page = asked(world, "moment")
    with reader("ann") as ann, reader("bob") as bob:
        both = (ann, bob)
        for each in both:
            each.open(page)
        at = 1000 * time.time() + 1000
        for each in both:
            # By the clock of the machine: a click by each, one after the other, would not be at once.
            each.page.evaluate(
                """at => { const button = document.querySelector("button[value=approve]");
                setTimeout(() => button.click(), at - Date.now()); }""",
                at,
            )
        for each in both:
            each.page.locator("#card-decision").get_by_text("approved").wait_for(timeout=1000 + SOON)
            assert each.page.get_by_role("button", name="Approve").count() == 0
            assert each.page.locator("#card-votes li").count() == 1
    decided = world.admin.get(f"/approval-requests/{page.rpartition('/')[2]}")
    assert (decided["status"], len(decided["votes"])) == ("approved", 1)


def test_one_decides_by_keyboard_only(reader: Callable[..., Any], world: World) -> None:
    approved, rejected = asked(world, "first"), asked(world, "second")
    with reader("ann") as browser:
        browser.open(approved)
        browser.page.keyboard.press("a")
        assert browser.page.evaluate("document.activeElement.value") == "approve"
        browser.page.keyboard.press("Enter")
        browser.page.get_by_text("Your vote is recorded.").wait_for()
        browser.open("/console")
        browser.page.keyboard.press("/")
        browser.page.keyboard.type("second.shop")
        assert browser.page.evaluate("document.activeElement.id") == "quick-search"
        browser.open(rejected)
        browser.page.keyboard.press("x")
        browser.page.keyboard.type("a x / are typed.")
        browser.page.keyboard.press("Control+Enter")
        browser.page.get_by_text("Your vote is recorded.").wait_for()
        assert browser.page.get_by_text("a x / are typed.").first.is_visible()
        assert browser.complaints == []
    assert (status(world, approved), status(world, rejected)) == ("approved", "rejected")


def test_without_a_script_one_decides_renews_and_revokes(reader: Callable[..., Any], world: World) -> None:
    page = asked(world, "plain")
    with reader("ann", script=False) as browser:
        browser.open("/console")
        browser.page.get_by_role("link", name="Approve a certificate for plain.shop.example.com?").click()
        browser.page.get_by_role("button", name="Approve").click()
        assert browser.page.get_by_text("Your vote is recorded.").is_visible()
        assert status(world, page) == "approved"

        def issued() -> Any:
            return world.admin.get("/applications/shop/certificates", name="plain.shop.example.com")["items"]

        (certificate,) = until(issued, "the certificate")
        path = f"/console/certificates/{certificate['id']}"
        browser.open(path)
        browser.page.get_by_text("Renew", exact=True).click()
        browser.page.get_by_role("button", name="Request the renewal").click()
        assert browser.page.get_by_text("The renewal is requested.").is_visible()
        browser.open(path)
        browser.page.get_by_text("Revoke", exact=True).click()
        browser.page.get_by_label("Reason").select_option("superseded")
        browser.page.get_by_role("button", name="Revoke plain.shop.example.com").click()
        assert browser.page.get_by_text("The certificate is revoked.", exact=True).is_visible()
    assert world.admin.get(f"/certificates/{certificate['id']}")["status"] == "revoked"


def test_a_page_tells_of_a_delivery_while_it_is_open(reader: Callable[..., Any], world: World) -> None:
    with reader("ann") as browser:
        browser.open(world.path("/console/certificates/{certificate_id}"))
        events = browser.page.locator("#card-happened li")
        before = events.count()
        browser.page.locator("#card-deliveries li").filter(has_text="files").get_by_role(
            "button", name="Deliver again"
        ).click()
        events.nth(before + 1).wait_for(timeout=20_000)
        assert browser.complaints == []


def test_who_may_do_nothing_is_offered_nothing(reader: Callable[..., Any], world: World) -> None:
    with reader("eve") as auditor:
        for path in (
            "/console",
            "/console/certificates/{certificate_id}",
            "/console/approvals/{approval_id}",
        ):
            auditor.open(world.path(path))
            main = auditor.page.locator("#main")
            assert main.get_by_role("button").count() == 0, path
    with reader("zoe") as elsewhere:
        for path in ("/console/certificates/{certificate_id}", "/console/applications/shop"):
            assert elsewhere.open(world.path(path)).status == 404
        elsewhere.open("/console")
        assert elsewhere.page.get_by_text("shop.example.com").count() == 0
