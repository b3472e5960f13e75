"""`certrail login`: a command line signs in at a strict OpenID Connect provider, and nobody else does."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey
from sqlmodel import col, select
from tests.integration.conftest import Team
from tests.support.command_line import run
from tests.support.web import serving

from certrail.persistence.tables import EventRow
from certrail_fakes.oidc import FakeOidc, oidc
from certrail_server.api.sign_in import SignIn
from certrail_server.cli.support import credentials
from certrail_server.settings import Settings

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ADA = ("ada-at-login", "ada@example.com")


@pytest.fixture
def provider() -> Iterator[FakeOidc]:
    with oidc() as found:
        yield found


@pytest.fixture
def url(team: Team, provider: FakeOidc) -> Iterator[str]:
    team.person("ada")
    settings = Settings.model_validate(
        {
            "oidc_issuer": provider.issuer,
            "oidc_client_id": provider.client_id,
            "oidc_client_secret": provider.client_secret,
            "oidc_scopes": "openid email",
            "public_url": "http://localhost:9",
        }
    )
    with serving(team.services, SignIn(settings, team.services.context.keyring)) as url:
        yield url


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any credentials."""
    for name in ("CERTRAIL_TOKEN", "CERTRAIL_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("certrail_server.cli.api.login.time.sleep", lambda _seconds: None)
    return tmp_path


def start(url: str) -> Any:
    return httpx2.post(f"{url}/auth/device", trust_env=False, timeout=60).raise_for_status().json()


def finish(url: str, handle: str) -> httpx2.Response:
    return httpx2.post(f"{url}/auth/device/token", json={"handle": handle}, trust_env=False, timeout=60)


def events(team: Team, kind: str) -> list[EventRow]:
    with team.services.context.db.read() as session:
        return list(session.exec(select(EventRow).where(EventRow.type == kind).order_by(col(EventRow.seq))))


def confirm_when_asked(provider: FakeOidc) -> threading.Thread:
    """A user who confirms as soon as the sign-in is started."""

    def confirm() -> None:
        assert provider.started.wait(60)
        (device,) = provider.devices.values()
        provider.approve(device.user_code, *ADA)

    thread = threading.Thread(target=confirm)
    thread.start()
    return thread


def test_a_user_signs_in_works_and_signs_out(team: Team, provider: FakeOidc, url: str) -> None:
    user = confirm_when_asked(provider)
    done = run("login", "--server", url)
    user.join()
    assert done.exit_code == 0, done.output
    (device,) = provider.devices.values()
    assert device.user_code in done.stderr
    assert f"Signed in at {url} as ada." in done.stdout.replace("\n", " ")
    file = credentials.path()
    assert file.stat().st_mode & 0o777 == 0o600
    token = credentials.stored_token(url)
    assert token not in done.output
    assert json.loads(run("me", "--json").stdout)["name"] == "ada"
    assert len(events(team, "session.started")) == 1
    assert run("logout").exit_code == 0
    assert token not in file.read_text()
    headers = {"authorization": f"Bearer {token}"}
    assert httpx2.get(f"{url}/api/v1/me", headers=headers, trust_env=False, timeout=60).status_code == 401
    assert "certrail login" in run("me").stderr


def test_a_poll_before_the_user_has_confirmed_is_answered_with_a_pause(provider: FakeOidc, url: str) -> None:
    started = start(url)
    assert finish(url, started["handle"]).json() == {
        "token": None,
        "name": None,
        "expires_at": None,
        "interval": 1,
    }
    provider.interval = 3600
    assert finish(url, started["handle"]).json()["interval"] == 6


def test_a_device_code_gives_one_token(team: Team, provider: FakeOidc, url: str) -> None:
    started = start(url)
    provider.approve(started["user_code"], *ADA)
    first, second = finish(url, started["handle"]), finish(url, started["handle"])
    assert (first.status_code, second.status_code) == (200, 403)
    assert first.json()["name"] == "ada"
    (kept,) = events(team, "token.created")[-1:]
    assert first.json()["token"] not in json.dumps(kept.data)


@pytest.mark.parametrize(("step", "status"), [("refuse", 403), ("expire", 400)])
def test_a_sign_in_that_is_refused_or_too_late_is_none(
    step: str, status: int, provider: FakeOidc, url: str
) -> None:
    started = start(url)
    getattr(provider, step)(started["user_code"])
    answer = finish(url, started["handle"])
    assert answer.status_code == status
    assert "token" not in answer.json()


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "somebody-else"},
        {"nonce": "of another sign-in"},
        {"exp": 1},
        {"aud": ["certrail", "other"], "azp": "other"},
    ],
    ids=lambda claims: next(iter(claims)),
)
def test_an_id_token_for_somebody_else_is_refused(
    claims: dict[str, Any], provider: FakeOidc, url: str
) -> None:
    started = start(url)
    provider.approve(started["user_code"], *ADA)
    provider.claims = claims
    assert finish(url, started["handle"]).status_code == 403


def test_an_id_token_that_another_key_signed_is_refused(provider: FakeOidc, url: str) -> None:
    started = start(url)
    provider.approve(started["user_code"], *ADA)
    provider.published = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
    assert finish(url, started["handle"]).status_code == 403


def test_a_stranger_and_an_unverified_address_get_no_token(team: Team, provider: FakeOidc, url: str) -> None:
    for subject, email, verified in (("eve", "eve@elsewhere.example", True), (*ADA, False)):
        started = start(url)
        provider.approve(started["user_code"], subject, email, verified=verified)
        answer = finish(url, started["handle"])
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:certrail:problem:unknown-user")
    assert len(events(team, "session.refused")) == 2


def test_a_handle_that_is_not_ours_or_a_provider_without_devices_is_said(
    provider: FakeOidc, url: str
) -> None:
    assert finish(url, "made-up").status_code == 400
    provider.device_flow = False
    answer = httpx2.post(f"{url}/auth/device", trust_env=False, timeout=60)
    assert answer.status_code == 503
    assert "RFC 8628" in answer.json()["detail"]


def test_a_server_without_a_provider_says_so(team: Team, provider: FakeOidc) -> None:
    with serving(team.services) as url:
        assert "no sign-in provider" in run("login", "--server", url).stderr


def test_credentials_that_others_can_read_are_refused(url: str, provider: FakeOidc) -> None:
    file = credentials.store(url, "crt_a_b", None)
    file.chmod(0o644)
    assert "chmod 600" in run("me").stderr


def test_a_sign_in_that_has_expired_is_no_token(url: str, provider: FakeOidc) -> None:
    credentials.store(url, "crt_a_b", "2020-01-01T00:00:00+00:00")
    assert "certrail login" in run("me").stderr
