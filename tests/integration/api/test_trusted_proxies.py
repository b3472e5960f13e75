"""Whose address is on record: that of the connection, or what a trusted proxy says of it."""

from collections.abc import Mapping

import httpx2
import pytest
from tests.integration.conftest import Team
from tests.support.web import serving

from certrail_server.settings import Settings

pytestmark = pytest.mark.any_database

LOCAL = "127.0.0.1"
CLIENT = "203.0.113.7"
FORGED = "198.51.100.1"


def address_on_record(team: Team, trusted: str, headers: Mapping[str, str] | list[tuple[str, str]]) -> str:
    """Of a call without a credential, which is counted by its address."""
    chosen = Settings(trusted_proxies=trusted)
    with serving(team.services, settings=chosen) as url:
        answer = httpx2.get(f"{url}/api/v1/me", headers=headers, trust_env=False)
        assert answer.status_code == 401
    (event,) = team.services.audit_log.events(None, type_="access.unauthenticated", limit=10)
    return event.subject_id


@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8", "::1", "127.0.0.2/32"])
def test_headers_of_others_are_ignored(team: Team, trusted: str) -> None:
    assert address_on_record(team, trusted, {"X-Forwarded-For": FORGED}) == LOCAL


def test_the_variable_of_uvicorn_trusts_nobody(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert address_on_record(team, "", {"X-Forwarded-For": FORGED}) == LOCAL


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        ("127.0.0.1", CLIENT, CLIENT),
        ("127.0.0.0/8", f"{FORGED}, {CLIENT}", CLIENT),
        ("127.0.0.0/8, 10.1.0.0/16", f"{FORGED}, {CLIENT}, 10.1.2.3", CLIENT),
        ("127.0.0.0/8", f"{CLIENT}, 10.1.2.3", "10.1.2.3"),
        ("127.0.0.0/8", "[2001:db8::7]:4711", "2001:db8::7"),
        ("127.0.0.0/8", "", LOCAL),
    ],
)
def test_the_last_address_that_is_no_proxy_is_the_client(
    team: Team, trusted: str, forwarded: str, address: str
) -> None:
    assert address_on_record(team, trusted, {"X-Forwarded-For": forwarded}) == address


def test_a_second_header_is_behind_the_first(team: Team) -> None:
    headers = [("X-Forwarded-For", FORGED), ("X-Forwarded-For", CLIENT)]
    assert address_on_record(team, LOCAL, headers) == CLIENT


@pytest.mark.parametrize(
    ("trusted", "scheme"), [("127.0.0.1", "https"), ("10.0.0.0/8", "http"), ("", "http")]
)
def test_the_scheme_is_taken_from_trusted_proxies_only(team: Team, trusted: str, scheme: str) -> None:
    chosen = Settings(trusted_proxies=trusted)
    with serving(team.services, settings=chosen) as url:
        answer = httpx2.get(f"{url}/healthz/", headers={"X-Forwarded-Proto": "https"}, trust_env=False)
    assert answer.status_code == 307
    assert answer.headers["location"].startswith(f"{scheme}://")
