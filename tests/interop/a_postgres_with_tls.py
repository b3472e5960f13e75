"""TLS to PostgreSQL by settings, against Debian's PostgreSQL with a rule that takes nothing else.

`make interop` runs this: the server that the suite brings along is built without TLS.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError
from tests.interop.certificates import Authority
from tests.interop.debian import DebianPostgres

from certrail.domain.endpoints.probes import Endpoint
from certrail.network.handshake import look
from certrail.persistence.database import Database
from certrail_server.settings import Settings

USER = "certrail"


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CERTRAIL_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not below pytest's folder, which other accounts cannot read, such as that of the server.
    folder = Path(tempfile.mkdtemp(prefix="certrail-tls-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder, "authority")


@pytest.fixture(scope="module")
def server(authority: Authority, folder: Path) -> Iterator[str]:
    """The URL of a server that wants TLS, and the certificate of the user who signs in."""
    certificate, key = authority.issue("server")
    with DebianPostgres(certificate, key, authority.certificate, USER) as url:
        yield url


def settings(server: str, monkeypatch: pytest.MonkeyPatch, **given: object) -> Settings:
    monkeypatch.setenv("CERTRAIL_DATABASE_URL", server)
    for name, value in given.items():
        monkeypatch.setenv(f"CERTRAIL_DATABASE_TLS{name and '_'}{name.upper()}", str(value))
    return Settings()


def version_of_tls(chosen: Settings) -> str:
    database = Database(chosen.database())
    try:
        with database.engine.connect() as connection:
            query = "select version from pg_stat_ssl where pid = pg_backend_pid() and ssl"
            return str(connection.exec_driver_sql(query).scalar_one())
    finally:
        database.close()


def refusal(chosen: Settings) -> str:
    with pytest.raises(OperationalError) as problem:
        version_of_tls(chosen)
    return str(problem.value.orig)


def test_both_sides_are_verified(server: str, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = authority.issue(USER)
    files = {"ca_file": authority.certificate, "certificate_file": certificate, "key_file": key}
    chosen = settings(server, monkeypatch, **files)
    assert make_url(chosen.database()).query["sslmode"] == "verify-full"
    assert version_of_tls(chosen) == "TLSv1.3"


def test_a_server_of_another_authority_is_refused(
    server: str, authority: Authority, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = authority.issue(USER)
    files = {
        "ca_file": Authority(folder, "other").certificate,
        "certificate_file": certificate,
        "key_file": key,
    }
    assert "certificate verify failed" in refusal(settings(server, monkeypatch, **files))


def test_a_server_with_another_name_is_refused_in_full_mode_only(
    server: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = authority.issue(USER)
    files = {"ca_file": authority.certificate, "certificate_file": certificate, "key_file": key}
    by_name = make_url(server).set(host="localhost").render_as_string(hide_password=False)
    assert "does not match" in refusal(settings(by_name, monkeypatch, **files))
    monkeypatch.setenv("CERTRAIL_DATABASE_TLS", "verify-ca")
    assert version_of_tls(Settings()) == "TLSv1.3"


def test_the_server_wants_our_certificate_and_tls(
    server: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "certificate" in refusal(settings(server, monkeypatch, ca_file=authority.certificate))
    monkeypatch.delenv("CERTRAIL_DATABASE_TLS_CA_FILE")
    monkeypatch.setenv("CERTRAIL_DATABASE_TLS", "disable")
    assert "no encryption" in refusal(Settings())


async def test_a_probe_sees_the_certificate_of_the_server(server: str, authority: Authority) -> None:
    url = make_url(server)
    endpoint = Endpoint("postgresql", str(url.host), url.port or 5432, "")
    seen = await look(endpoint, ("127.0.0.0/8", "::1/128"))
    assert seen.reason == ""
    certificate, _ = authority.issue("server")
    expected = x509.load_pem_x509_certificate(certificate.read_bytes())
    presented = x509.load_der_x509_certificate(seen.certificates[0])
    assert presented.issuer == expected.issuer
    assert presented.subject == expected.subject
