"""What tests of ACME clients share: a server, and how the clients are run."""

import os
import shlex
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from sqlmodel import select
from tests.integration.conftest import Fresh, installed
from tests.integration.enrollment.acme_world import AcmeWorld, acme_world
from tests.interop.debian import program, running, until

from certrail.persistence.tables import Certificate
from certrail.plugins.registry import PluginRegistry
from certrail_server.ports import free_port

INTEROP = Path(__file__).parents[2] / ".venv-interop" / "bin"
NAME = "a.example.com"


@contextmanager
def opened_acme(sqlite: Fresh, plugins: PluginRegistry, folder: Path) -> Iterator[AcmeWorld]:
    """A server, and a web server at its name that serves the files of a folder."""
    with acme_world(installed(sqlite, plugins)) as world:
        world.here(NAME)
        world.web.folder = folder / "challenges"
        world.web.folder.mkdir()
        yield world
    sqlite.database.close()


def run(*command: str, fails: bool = False, **environment: str) -> str:
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={**os.environ, **environment},
    )
    printed = f"{shlex.join(command)}\n{ended.stdout}{ended.stderr}"
    assert (ended.returncode != 0) is fails, printed
    return printed


def issued(acme: AcmeWorld) -> list[Certificate]:
    with acme.team.services.context.db.read() as session:
        return list(session.exec(select(Certificate)).all())


def lego(acme: AcmeWorld, folder: Path, *words: str, name: str = NAME, fails: bool = False) -> str:
    """Run a command of lego, the last of the words."""
    return lego_at(acme.directory, folder, *words, name=name, fails=fails)


def lego_at(directory: str, folder: Path, *words: str, name: str, fails: bool = False) -> str:
    """The same, at any server."""
    base = ("--server", directory, "--email", "ops@example.com", "--accept-tos", "--path", str(folder))
    *options, verb = words
    return run(program("lego", "lego"), *base, "--domains", name, *options, *verb.split(), fails=fails)


def shown_certificate(port: int) -> x509.Certificate | None:
    """The certificate that a server shows for the name; ``None`` while it shows none."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            context.wrap_socket(plain, server_hostname=NAME) as secure,
        ):
            return x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError):
        return None


def subject_alternative_names(port: int) -> list[str]:
    """Of the certificate that a server shows for the name; empty while it shows none."""
    certificate = shown_certificate(port)
    if certificate is None:
        return []
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return names.value.get_values_for_type(x509.DNSName)


@contextmanager
def caddy(acme: AcmeWorld, folder: Path, *options: str) -> Iterator[int]:
    """Caddy with a site of the name; yields the port of its HTTPS."""
    http, https = free_port(), free_port()
    acme.settings(http_port=http, tls_port=https)
    lines = "\n".join(f" {line}" for line in options)
    (folder / "Caddyfile").write_text(
        f"{{\n admin off\n acme_ca {acme.directory}\n http_port {http}\n https_port {https}\n"
        f" email ops@example.com\n storage file_system {folder}/caddy\n{lines}\n}}\n{NAME} {{\n respond hello\n}}\n"
    )
    config = ("--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")
    with running(str(INTEROP / "caddy"), "run", *config, log=folder / "caddy.log"):
        until(lambda: subject_alternative_names(https) == [NAME], "Caddy's certificate")
        yield https
