"""Settings about TLS to PostgreSQL; `make interop` uses them against a server with TLS."""

import os

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url

from certrail_server.settings import Settings


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CERTRAIL_")]:
        monkeypatch.delenv(name)


def settings(url: str, monkeypatch: pytest.MonkeyPatch, **given: str) -> Settings:
    monkeypatch.setenv("CERTRAIL_DATABASE_URL", url)
    for name, value in given.items():
        monkeypatch.setenv(f"CERTRAIL_DATABASE_TLS{name and '_'}{name.upper()}", value)
    return Settings()


@pytest.mark.parametrize(
    ("url", "given", "fault"),
    [
        ("postgresql://db/certrail", {"": "verify-full"}, "needs CERTRAIL_DATABASE_TLS_CA_FILE"),
        ("postgresql://db/certrail", {"certificate_file": "a.pem"}, "_KEY_FILE together"),
        ("postgresql://db/certrail?sslmode=require", {"ca_file": "a.pem"}, "has sslmode too"),
        ("sqlite:///certrail.db", {"": "require"}, "about PostgreSQL"),
        ("postgresql://db/certrail", {"": "always"}, "'verify-full'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    url: str, given: dict[str, str], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError, match=fault):
        settings(url, monkeypatch, **given)


def test_without_settings_the_url_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://db/certrail?sslmode=verify-full&sslrootcert=/a%20b"
    assert settings(url, monkeypatch).database() == url
    given = settings("postgresql://db/certrail", monkeypatch, ca_file="/a b&c")
    assert make_url(given.database()).query == {"sslmode": "verify-full", "sslrootcert": "/a b&c"}
