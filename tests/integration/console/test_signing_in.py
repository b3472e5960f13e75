"""Signing in by a link that is used once, and out."""

from datetime import timedelta

import pytest
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.console.conftest import Site, csrf

from certrail.domain.access import ProductRole
from certrail.domain.errors import BadInput, NotFound, Unauthenticated
from certrail.persistence.tables import Principal, SignInLink
from certrail.services.access.sign_in_links import LIFETIME
from certrail.services.operations.housekeeping import Housekeeping

pytestmark = pytest.mark.any_database


def test_a_link_signs_one_browser_in_once(empty_site: Site) -> None:
    link = empty_site.team.services.sign_in_links.make("ann")
    path = f"/console/sign-in/{link.text}"
    assert link.text not in repr(link)
    with empty_site.browser() as browser, empty_site.browser() as other:
        for _ in range(2):
            assert "Sign in as ann" in browser.get(path).text, "looking at it does not use it up"
        done = browser.post(path)
        assert (done.status_code, done.headers["location"]) == (303, "/console")
        assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(done.headers["set-cookie"].split("; "))
        assert ">ann<" in browser.get("/console").text
        for answer in (other.get(path), other.post(path)):
            assert answer.status_code == 401
            assert "certrail console" in answer.text
        assert other.get("/console").status_code == 303


def test_a_link_ends_and_is_kept_as_a_hash(empty_site: Site) -> None:
    team = empty_site.team
    link = team.services.sign_in_links.make("ann")
    with team.services.context.db.read() as session:
        (row,) = session.exec(select(SignInLink)).all()
    assert link.text.partition(".")[2] not in row.model_dump_json()
    for wrong in ("", "x", "x.y", f"{row.id}.", f"{row.id}.x", f"{link.text}x"):
        with pytest.raises(Unauthenticated):
            team.services.sign_in_links.use(wrong)
    team.clock.advance(LIFETIME)
    with pytest.raises(Unauthenticated):
        team.services.sign_in_links.use(link.text)
    team.clock.advance(timedelta(days=2))
    Housekeeping(team.services.context).run()
    with team.services.context.db.read() as session:
        assert session.exec(select(SignInLink)).all() == []


def test_only_active_users_get_a_link(team: Team) -> None:
    links = team.services.sign_in_links
    team.person("robot", kind="machine")
    team.person("ann")
    earlier = links.make("ann")
    team.services.principals.set_active(team.admin, "ann", False)
    for reference, refusal in (("robot", BadInput), ("ann", BadInput), ("nobody", NotFound)):
        with pytest.raises(refusal):
            links.make(reference)
    with pytest.raises(Unauthenticated):
        links.use(earlier.text)


def test_the_first_link_makes_the_first_product_admin(team: Team) -> None:
    services = team.services
    with services.context.db.write() as session:
        admin = session.get_one(Principal, team.admin.principal_id)
        admin.product_role = ProductRole.MEMBER
        session.add(admin)
    links = [services.sign_in_links.make() for _ in range(2)]
    for link in links:
        services.sign_in_links.use(link.text)
    admins = [row for row in services.principals.list() if row.product_role == ProductRole.ADMIN]
    assert [row.name for row in admins] == ["admin"]


def test_signing_out_ends_the_session(empty_site: Site) -> None:
    with empty_site.browser("ann") as browser:
        page = browser.get("/console").text
        assert browser.post("/console/sign-out", data={"csrf": "x"}).status_code == 403
        out = browser.post("/console/sign-out", data={"csrf": csrf(page)})
        assert out.headers["location"] == "/console/sign-in"
        assert "You are signed out." in browser.get("/console/sign-in").text
        assert browser.get("/console").status_code == 303


def test_one_chooses_the_colours(empty_site: Site) -> None:
    with empty_site.browser("ann") as browser:
        assert "data-theme" not in browser.get("/console").text
        answer = browser.post("/console/theme", data={"theme": "dark", "back": "/console/approvals"})
        assert answer.headers["location"] == "/console/approvals"
        assert 'data-theme="dark"' in browser.get("/console").text
        for back in ("https://evil.example", "//evil.example", "/\\evil.example"):
            assert (
                browser.post("/console/theme", data={"theme": "", "back": back}).headers["location"]
                == "/console"
            )
        assert "data-theme" not in browser.get("/console").text


def test_one_switches_keys_off(empty_site: Site) -> None:
    with empty_site.browser("ann") as browser:
        assert "data-keys" not in browser.get("/console/keys").text
        answer = browser.post("/console/keys", data={"keys": "off", "back": "/console/keys"})
        assert answer.headers["location"] == "/console/keys"
        assert 'data-keys="off"' in browser.get("/console").text
        browser.post("/console/keys", data={"keys": "on"})
        assert "data-keys" not in browser.get("/console").text


def test_where_one_came_from_is_on_this_server(empty_site: Site) -> None:
    with empty_site.browser() as browser:
        for wanted in ("https://evil.example", "//evil.example"):
            assert "evil" not in browser.get("/console/sign-in", params={"next": wanted}).text
