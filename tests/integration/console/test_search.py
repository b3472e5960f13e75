"""Search from every page finds what its reader may see, and nothing else."""

import pytest
from tests.integration.console.conftest import Site

pytestmark = pytest.mark.any_database


def found(site: Site, who: str, text: str) -> set[str]:
    """The pages that a search leads to."""
    with site.browser(who) as browser:
        answer = browser.get("/console/search", params={"q": text})
    assert answer.status_code == 200
    main = answer.text.partition("<main")[2]
    links = {part.partition('"')[0] for part in main.split('href="')[1:]}
    return {link for link in links if link.startswith("/console/")}


def test_a_certificate_is_found_by_all_that_names_it(site: Site) -> None:
    row = site.team.services.inventory.get(site.objects["certificate_id"])
    page = f"/console/certificates/{row.id}"
    shown_serial = ":".join(row.serial[at : at + 2] for at in range(0, len(row.serial), 2))
    for text in (
        "a.exa",
        "A.example.com",
        "*.example.com",
        row.serial,
        shown_serial,
        row.fingerprint,
        row.id[:8],
    ):
        assert page in found(site, "ann", text), text
        assert page in found(site, "above", text), text
        assert found(site, "zoe", text) == set(), text
    for text in ("nowhere", "x", "", "=", "note", "*", "\x00"):
        assert page not in found(site, "ann", text), text


def test_applications_and_approvals_are_found(site: Site) -> None:
    assert "/console/applications/app" in found(site, "ann", "app")
    assert "/console/applications/app" in found(site, "above", "ALERT")
    assert found(site, "zoe", "app") == set()
    ident = site.objects["approval_id"]
    assert f"/console/approvals/{ident}" in found(site, "eve", ident)
    assert found(site, "zoe", ident) == set()
