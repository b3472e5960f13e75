"""The first day of a team, from its Application to a revocation: by mouse, by keyboard only, and without scripts.

`make browser` runs this. Somebody who may only read, and somebody of another Application, look at the same pages
meanwhile.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from examples.demo.installation import until
from tests.browser.hands import KINDS, Hands
from tests.browser.world import World

VOTERS = ("ann", "bob")
READS = ("Search", "Show", "Continue")
"""Buttons that change nothing."""


class Day:
    """One Application, and those who work in it.

    Args:
        kind: of `hands.KINDS`.
    """

    def __init__(self, reader: Callable[..., Any], world: World, kind: str, stack: ExitStack) -> None:
        self.world, self.slug = world, f"by-{kind}"
        self.name = f"By {kind}"
        self.host = f"{kind}.shop.example.com"
        make, script = KINDS[kind]

        def hands(who: str) -> Hands:
            return make(stack.enter_context(reader(who, script=script)), script=script)

        self.admin = hands("admin")
        self.voters = [hands(who) for who in VOTERS]
        self.auditor, self.outsider = hands("eve"), hands("zoe")

    @property
    def base(self) -> str:
        """The Application in the API."""
        return f"/applications/{self.slug}"

    def create(self) -> None:
        """Every step of the guided creation."""
        admin = self.admin
        admin.follow("Applications", "nav[aria-label=Main]")
        admin.follow("New Application")
        admin.write("Name", self.name)
        admin.write("Slug", self.slug)
        admin.write("Description", "What is made on the first day.")
        admin.tick("Web servers")
        admin.press("Create")
        for who in (*VOTERS, "eve"):
            admin.write("Who", who)
            admin.choose("Role", "Auditor" if who == "eve" else "Operator")
            admin.press("Add")
            admin.sees("The member has the role.")
        admin.follow("Continue")
        admin.tick("web")
        for who in VOTERS:
            admin.tick(who.title())
        admin.write("How many of them", "2")
        admin.press("Create")
        admin.choose("Destination", "Files in a folder")
        admin.press("Continue")
        admin.write("Name", "Storefront")
        admin.write("Slug", "files")
        admin.choose("Connection", "Folder")
        admin.press("Create and deliver")
        admin.follow("Create a channel")
        admin.choose("Notifier", "E-mail")
        admin.press("Continue")
        admin.write("Name", "Mail of the team")
        admin.write("Slug", "mail")
        admin.choose("Connection", "Mail")
        admin.write("Sender", "certrail@example.com")
        admin.write("Recipients", "team@example.com")
        admin.press("Create")
        admin.tick("Mail of the team")
        admin.press("Create")
        assert self._path(admin) == f"/console{self.base}"

    def request(self) -> None:
        """A certificate, which waits for two votes."""
        admin = self.admin
        admin.follow("Requests", "nav[aria-label=Application]")
        admin.follow("Request a certificate")
        admin.write("DNS names", self.host)
        admin.press("Request")
        admin.sees("The certificate is requested.")

    def decide(self) -> None:
        """Both approve what waits for them."""
        for number, voter in enumerate(self.voters):
            voter.follow("Today", "nav[aria-label=Main]")
            voter.follow(f"Approve a certificate for {self.host}?")
            if not number:
                self.look_on(self._path(voter), self.host)
            voter.write("Comment", f"Vote {number + 1}.")
            voter.press("Approve")
            voter.sees("Your vote is recorded.")
            voter.sees("open" if not number else "approved", "#card-decision")

    def see_it_served(self, before: str = "") -> x509.Certificate:
        """Wait for the certificate after this one, and for its delivery; returns what the destination has."""

        def issued() -> Any:
            rows = self.world.admin.get(f"{self.base}/certificates", sort="newest")["items"]
            return rows and rows[0]["serial"] != before and rows

        until(issued, "the certificate")
        admin = self.admin
        admin.follow("Applications", "nav[aria-label=Main]")
        admin.follow(self.name)
        admin.follow("Certificates", "nav[aria-label=Application]")
        self._open_newest()
        admin.sees("delivered", "#card-deliveries")
        admin.sees("just now, and found right", "#card-deliveries")
        place = admin.page.locator("#card-deliveries dd .mono").text_content()
        serial = admin.page.locator("#card-what dd.mono").first.text_content()
        found = x509.load_pem_x509_certificate((Path(place) / "current" / "cert.pem").read_bytes())
        assert found.serial_number == int(serial.replace(":", ""), 16)
        self.look_on(self._path(admin), "delivered")
        return found

    def renew(self) -> None:
        """Ask for a renewal, which two approve."""
        self.admin.unfold("Renew")
        self.admin.press("Request the renewal")
        self.admin.sees("The renewal is requested.")

    def revoke(self) -> None:
        """Revoke what is open."""
        admin = self.admin
        admin.unfold("Revoke")
        admin.choose("Reason", "superseded")
        admin.press(f"Revoke {self.host}")
        admin.sees("The certificate is revoked.")
        self.look_on(self._path(admin), "revoked")

    def look_on(self, path: str, text: str) -> None:
        """The Auditor sees the page and may change nothing there; to somebody elsewhere it is not there."""
        opened = self.auditor.browser.open(path)
        assert opened.status == 200
        self.auditor.sees(text)
        offered = self.auditor.main.get_by_role("button").all_text_contents()
        assert set(offered) <= set(READS), f"{path}: {offered}"
        assert self.auditor.main.locator("form[method=post]").count() == 0
        assert self.outsider.browser.open(path).status == 404
        assert self.outsider.page.get_by_text(self.host).count() == 0

    def complaints(self) -> list[str]:
        """What the browsers' consoles say, but for pages that are not there."""
        everybody = [self.admin, *self.voters, self.auditor, self.outsider]
        said = [text for each in everybody for text in each.browser.complaints]
        return [text for text in said if "status of 404" not in text]

    def _open_newest(self) -> None:
        rows = self.world.admin.get(f"{self.base}/certificates", sort="newest")["items"]
        link = self.admin.main.locator(f"a[href='/console/certificates/{rows[0]['id']}']")
        self.admin.leave(link)

    def _path(self, hands: Hands) -> str:
        return str(urlsplit(hands.page.url).path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_day(reader: Callable[..., Any], world: World, kind: str) -> None:
    with ExitStack() as stack:
        day = Day(reader, world, kind, stack)
        day.create()
        day.request()
        day.decide()
        first = day.see_it_served()
        day.renew()
        day.decide()
        second = day.see_it_served(f"{first.serial_number:x}")
        assert second.not_valid_after_utc >= first.not_valid_after_utc
        assert second.serial_number != first.serial_number
        day.revoke()
        for path in (f"/console{day.base}", f"/console{day.base}/members", f"/console{day.base}/record"):
            day.look_on(path, day.name)
        day.outsider.browser.open("/console")
        assert day.outsider.page.get_by_text(day.name).count() == 0
        assert day.complaints() == []
    (row,) = [
        each
        for each in world.admin.get(f"{day.base}/certificates", sort="newest")["items"]
        if int(each["serial"], 16) == second.serial_number
    ]
    assert row["status"] == "revoked"
