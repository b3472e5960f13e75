"""Users sign in with a browser at a real OpenID Connect provider, and nobody else does."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError
from sqlmodel import col, select
from tests.integration.conftest import Team
from tests.support.openbao import Provider, provider
from tests.support.web import serving

from certrail.domain.errors import Forbidden, Unauthenticated
from certrail.persistence.tables import BrowserSession, EventRow, Principal
from certrail.services.access.sessions import IDLE, LIFETIME, Claims
from certrail_server.api.sign_in import CLOCK_SKEW, SignIn
from certrail_server.settings import Settings

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

PUBLIC = "http://localhost:9"
FROM_ADA = Claims("https://login.example.com", "ada-at-login", "ada@example.com", "Ada")


@pytest.fixture(scope="module")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider(tmp_path_factory.mktemp("openbao")) as found:
        found.user("ada", "ada@example.com")
        found.user("eve", "eve@elsewhere.example")
        yield found


@dataclass
class Site:
    """The served API, and the provider it trusts."""

    team: Team
    openbao: Provider
    url: str

    def browser(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, timeout=60, trust_env=False)

    def begin(self, browser: httpx2.Client, path: str = "/auth/sign-in") -> str:
        answer = browser.get(path)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def signed_in(self, user: str = "ada", then: str = "/auth/session") -> httpx2.Client:
        browser = self.browser()
        brought = self.openbao.consent(user, self.begin(browser, f"/auth/sign-in?next={then}"))
        answer = browser.get("/auth/callback", params=brought)
        assert answer.status_code == 303, answer.text
        return browser

    def events(self, kind: str) -> list[EventRow]:
        with self.team.services.context.db.read() as session:
            return list(
                session.exec(select(EventRow).where(EventRow.type == kind).order_by(col(EventRow.seq)))
            )


Open = Callable[..., SignIn]


@pytest.fixture
def sign_in(team: Team, openbao: Provider) -> Open:
    ident, secret = openbao.client("certrail", f"{PUBLIC}/auth/callback")

    def make(**changes: object) -> SignIn:
        values = {
            "oidc_issuer": openbao.issuer,
            "oidc_client_id": ident,
            "oidc_client_secret": secret,
            "oidc_scopes": "openid email",
            "public_url": PUBLIC,
            **changes,
        }
        return SignIn(Settings.model_validate(values), team.services.context.keyring)

    return make


@pytest.fixture
def site(team: Team, openbao: Provider, sign_in: Open) -> Iterator[Site]:
    team.person("ada")
    with serving(team.services, sign_in()) as url:
        yield Site(team, openbao, url)


def test_a_user_signs_in_and_works(site: Site) -> None:
    browser = site.signed_in()
    session = browser.get("/auth/session").raise_for_status().json()
    assert session["name"] == "ada"
    assert browser.get("/api/v1/applications").json()["items"][0]["slug"] == "app"
    wanted = {"profile": "web", "sans": {"dns": ["a.example.com"]}}
    headers = {"X-CSRF-Token": session["csrf_token"]}
    made = browser.post("/api/v1/applications/app/certificate-requests", json=wanted, headers=headers)
    assert made.status_code == 202
    assert made.json()["requester_id"] == session["id"]
    (begun,) = site.events("session.started")
    assert begun.subject_id == session["id"]


def test_what_another_site_makes_a_browser_send_changes_nothing(site: Site) -> None:
    browser, other = site.signed_in(), site.signed_in()
    path = "/api/v1/applications/app/certificate-requests"
    wanted = {"profile": "web", "sans": {"dns": ["a.example.com"]}}
    foreign = other.get("/auth/session").json()["csrf_token"]
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": foreign}, {"X-CSRF-Token": "é".encode()}):
        answer = browser.post(path, json=wanted, headers=headers)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:certrail:problem:csrf")
    assert browser.post("/auth/sign-out").status_code == 403
    assert browser.get(path).json()["items"] == []
    site.team.services.refusal_counter.record_all()
    refused = site.events("access.refused")
    counted = [(event.subject_id, 1 + event.data["repeats"]) for event in refused]
    assert counted == [(path, 1), ("/auth/sign-out", 1), (path, 3)]
    assert {(event.actor_name, event.data["reason"]) for event in refused} == {("ada", "csrf")}


def test_the_cookie_is_out_of_the_reach_of_scripts_and_other_sites(
    site: Site, sign_in: Open, team: Team
) -> None:
    browser = site.browser()
    brought = site.openbao.consent("ada", site.begin(browser))
    cookie = browser.get("/auth/callback", params=brought).headers.get_list("set-cookie")[-1]
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    with serving(team.services, sign_in(public_url="https://certrail.example")) as url:
        begun = httpx2.get(f"{url}/auth/sign-in", trust_env=False, timeout=60).headers["set-cookie"]
        assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(begun.split("; "))
        assert begun.startswith("__Host-certrail-sign-in="), "a neighbour's page must not begin it for us"
        assert "state" not in begun, "what it carries is sealed"


@pytest.mark.parametrize(
    ("public", "name", "other"),
    [("https://certrail.example", "__Host-certrail", "certrail"), (PUBLIC, "certrail", "__Host-certrail")],
)
def test_a_session_is_taken_under_the_name_that_fits_the_public_address_only(
    team: Team, sign_in: Open, public: str, name: str, other: str
) -> None:
    """Over https a page next api_client can set a cookie for us, but none with the prefix."""
    team.person("ada")
    text = team.services.sessions.begin(FROM_ADA)
    with serving(team.services, sign_in(public_url=public)) as url:
        for cookies, status in (({name: text}, 200), ({other: text}, 401), ({other: text, name: "x.y"}, 401)):
            answer = httpx2.get(f"{url}/api/v1/me", cookies=cookies, trust_env=False, timeout=60)
            assert answer.status_code == status, cookies


def test_signing_out_ends_the_session_here_and_everywhere_it_was_copied(site: Site) -> None:
    browser = site.signed_in()
    copied = dict(browser.cookies)
    token = browser.get("/auth/session").json()["csrf_token"]
    assert browser.post("/auth/sign-out", headers={"X-CSRF-Token": token}).status_code == 204
    assert httpx2.get(f"{site.url}/api/v1/me", cookies=copied, trust_env=False, timeout=60).status_code == 401
    assert len(site.events("session.ended")) == 1


@pytest.mark.parametrize("after", [IDLE, LIFETIME])
def test_a_session_ends_by_time(site: Site, after: timedelta) -> None:
    browser = site.signed_in()
    steps = 1 if after == IDLE else int(LIFETIME / (IDLE / 2))
    for _ in range(steps):
        assert browser.get("/api/v1/me").status_code == 200
        site.team.clock.advance(after / steps)
    assert browser.get("/api/v1/me").status_code == 401


def test_a_deactivated_user_is_out_at_once_and_cannot_come_back(site: Site) -> None:
    browser = site.signed_in()
    site.team.services.principals.set_active(site.team.admin, "ada", False)
    assert browser.get("/api/v1/me").status_code == 401
    again = site.browser()
    answer = again.get("/auth/callback", params=site.openbao.consent("ada", site.begin(again)))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:certrail:problem:deactivated")


def test_strangers_are_refused_unless_they_are_admitted(site: Site, sign_in: Open) -> None:
    browser = site.browser()
    answer = browser.get("/auth/callback", params=site.openbao.consent("eve", site.begin(browser)))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:certrail:problem:unknown-user")
    (refused,) = site.events("session.refused")
    assert refused.data["reason"] == "unknown-user"
    with serving(site.team.services, sign_in(oidc_admit_new=True)) as site.url:
        for _ in range(2):
            session = site.signed_in("eve").get("/auth/session").json()
            assert session["product_role"] == "member"
    with site.team.services.context.db.read() as session_:
        assert len(session_.exec(select(Principal).where(Principal.kind == "user")).all()) == 3


def test_an_address_that_the_provider_does_not_vouch_for_is_nobodys(site: Site, sign_in: Open) -> None:
    with serving(site.team.services, sign_in(oidc_scopes="openid unverified")) as site.url:
        browser = site.browser()
        answer = browser.get("/auth/callback", params=site.openbao.consent("ada", site.begin(browser)))
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:certrail:problem:unknown-user")


def test_an_answer_counts_in_the_browser_that_asked_only_and_once(site: Site) -> None:
    browser, victim = site.browser(), site.browser()
    brought = site.openbao.consent("ada", site.begin(browser))
    site.begin(victim)
    for who, params in (
        (victim, brought),
        (site.browser(), brought),
        (browser, {**brought, "state": "another"}),
        (browser, {"code": brought["code"]}),
        (browser, {**brought, "code": "made-up"}),
    ):
        answer = who.get("/auth/callback", params=params)
        assert answer.status_code in (401, 403), answer.text
        assert not who.cookies.get("certrail")
    assert browser.get("/auth/callback", params=brought).status_code == 303
    assert browser.get("/auth/callback", params=brought).status_code == 401
    changed = {"certrail-sign-in": "crk1.x.AAAA"}
    again = httpx2.get(
        f"{site.url}/auth/callback", params=brought, cookies=changed, trust_env=False, timeout=60
    )
    assert again.status_code == 401


def test_the_provider_may_refuse(site: Site) -> None:
    browser = site.browser()
    state = httpx2.URL(site.begin(browser)).params["state"]
    answer = browser.get("/auth/callback", params={"error": "access_denied", "state": state})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:certrail:problem:sign-in-refused")


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/docs", "/docs"),
        ("https://evil.example/", "/auth/session"),
        ("//evil.example/", "/auth/session"),
        ("/%5Cevil.example", "/auth/session"),
        ("/%0d%0aX: y", "/auth/session"),
    ],
)
def test_a_link_to_the_sign_in_leads_nowhere_else(site: Site, wanted: str, led_to: str) -> None:
    browser = site.browser()
    brought = site.openbao.consent("ada", site.begin(browser, f"/auth/sign-in?next={wanted}"))
    assert browser.get("/auth/callback", params=brought).headers["location"] == led_to


def test_it_says_what_is_missing(team: Team, sign_in: Open, openbao: Provider) -> None:
    with serving(team.services) as url:
        answer = httpx2.get(f"{url}/auth/sign-in", trust_env=False, timeout=60)
        assert answer.status_code == 404
        assert "CERTRAIL_OIDC_ISSUER" in answer.json()["detail"]
        assert httpx2.get(f"{url}/auth/session", trust_env=False, timeout=60).status_code == 401
    with serving(team.services, sign_in(oidc_issuer="http://127.0.0.1:9/not-there")) as url:
        assert httpx2.get(f"{url}/auth/sign-in", trust_env=False, timeout=60).status_code == 503
    with serving(team.services, sign_in(oidc_issuer=openbao.issuer.replace("127.0.0.1", "localhost"))) as url:
        answer = httpx2.get(f"{url}/auth/sign-in", trust_env=False, timeout=60)
        assert "describes another issuer" in answer.json()["detail"]
    for wrong in ({"oidc_issuer": "http://login.example.com"}, {"public_url": None}):
        with pytest.raises(ValidationError):
            sign_in(**wrong)


def test_nothing_of_a_cookie_is_stored(site: Site) -> None:
    secret = site.signed_in().cookies["certrail"].partition(".")[2]
    with site.team.services.context.db.read() as session:
        (row,) = session.exec(select(BrowserSession)).all()
        assert secret not in repr(row)
        assert secret not in repr(session.exec(select(EventRow)).all())


def test_a_subject_is_known_by_its_issuer_and_by_nothing_else(team: Team) -> None:
    team.person("ada")
    sessions = team.services.sessions
    ada = sessions.resume(sessions.begin(FROM_ADA)).actor.principal_id
    moved = Claims(FROM_ADA.issuer, FROM_ADA.subject, "new@example.com", None)
    assert sessions.resume(sessions.begin(moved)).actor.principal_id == ada
    with pytest.raises(Forbidden, match="somebody else"):
        sessions.begin(Claims(FROM_ADA.issuer, "another", "ada@example.com", None))
    with pytest.raises(Forbidden):
        sessions.begin(Claims("https://other.example", FROM_ADA.subject, None, None))
    for text in ("", "x", "x.y", "." * 300):
        with pytest.raises(Unauthenticated):
            sessions.resume(text)


def test_somebody_signs_in_again_and_the_session_goes_on(site: Site) -> None:
    browser = site.signed_in()
    before = browser.get("/auth/session").json()
    asked = site.begin(browser, "/auth/sign-in?next=/console&max_age=300")
    params = httpx2.URL(asked).params
    assert (params["prompt"], params["max_age"]) == ("login", "300")
    answer = browser.get("/auth/callback", params=site.openbao.consent("ada", asked))
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    after = browser.get("/auth/session").json()
    assert after["id"] == before["id"]
    assert after["csrf_token"] != before["csrf_token"]
    with site.team.services.context.db.read() as session:
        (row,) = session.exec(select(BrowserSession)).all()
    assert row.auth_time is not None
    assert abs(site.team.clock.now - row.auth_time) < timedelta(minutes=10)


@pytest.mark.parametrize("said", [None, "yesterday", True, 0, 1e300, "too old"])
def test_a_provider_that_passes_over_max_age_is_not_believed(
    team: Team, sign_in: Open, monkeypatch: pytest.MonkeyPatch, openbao: Provider, said: object
) -> None:
    """OpenID Connect Core 1.0 section 3.1.2.1: with max_age, auth_time is there, and compared by us."""
    team.person("ada")
    provider = sign_in()
    whole, old = provider.provider.authorize_access_token, time.time() - 300 - CLOCK_SKEW - 5

    async def passed_over(request: object) -> dict[str, Any]:
        token: dict[str, Any] = await whole(request)
        token["userinfo"]["auth_time"] = old if said == "too old" else said
        return token

    monkeypatch.setattr(provider.provider, "authorize_access_token", passed_over)
    with serving(team.services, provider) as url:
        site = Site(team, openbao, url)
        browser = site.browser()
        brought = openbao.consent("ada", site.begin(browser, "/auth/sign-in?max_age=300"))
        answer = browser.get("/auth/callback", params=brought)
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:certrail:problem:sign-in-failed")
        assert not browser.cookies.get("certrail")
        # Where nobody asked for it, the session begins, and its age is not known.
        browser = site.signed_in()
        assert browser.get("/auth/session").status_code == 200
    for wrong in (0, 43201, "x"):
        with serving(team.services, provider) as url:
            path = f"{url}/auth/sign-in?max_age={wrong}"
            assert httpx2.get(path, trust_env=False, timeout=60).status_code == 400
