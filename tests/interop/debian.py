"""Programs of Debian's that `make interop` runs; a missing one fails the test."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from certrail_server.ports import free_port

PATIENCE = 60.0
LOOK = 0.1
ACCOUNT = "postgres"
"""Under which PostgreSQL runs where this is root, as it refuses to be."""


def program(name: str, package: str) -> str:
    """The path of a command; fails the test without it."""
    folders = ("/usr/sbin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True))
    found = shutil.which(name, path=os.pathsep.join((os.environ["PATH"], *folders)))
    if found is None:
        pytest.fail(f"The command {name} is missing: apt-get install {package}", pytrace=False)
    return found


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for a state."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"gave up waiting for {what}"
        time.sleep(LOOK)


@contextmanager
def running(*command: str, log: Path, user: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs meanwhile, under another account if one is named."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, user=user)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


class DebianPostgres:
    """A PostgreSQL that takes connections over TCP with TLS and a client certificate only.

    Args:
        user: whom it knows besides its superuser; the certificate's common name has to be this.
    """

    def __init__(self, certificate: Path, key: Path, authority: Path, user: str) -> None:
        self._files = {"ssl_cert_file": certificate, "ssl_key_file": key, "ssl_ca_file": authority}
        self._user, self._port = user, free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="certrail-postgres-"))
        self._data = self._folder / "data"
        self._account = ACCOUNT if os.geteuid() == 0 else None

    def __enter__(self) -> str:
        """The URL by which the user connects, without anything about TLS."""
        if self._account is not None:
            shutil.chown(self._folder, self._account)
        self._run("initdb", "--auth=trust", "--no-sync", "--username=postgres")
        for name, file in self._files.items():
            copy = Path(shutil.copy(file, self._data / name))
            copy.chmod(0o600)
            if self._account is not None:
                shutil.chown(copy, self._account)
        rules = f"local all postgres trust\nhostssl all {self._user} 127.0.0.1/32 cert\n"
        (self._data / "pg_hba.conf").write_text(rules)
        options = {
            "port": self._port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._folder,
            "fsync": "off",
            "ssl": "on",
            **{name: name for name in self._files},
        }
        given = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._run("pg_ctl", "--wait", "--log", str(self._folder / "log"), "--options", given, "start")
        superuser = ("--host", str(self._folder), "--port", str(self._port), "--username", "postgres")
        command = f"create user {self._user}; create database {self._user} owner {self._user};"
        # One statement at a time: a database is not made inside a transaction.
        for statement in command.split(";")[:-1]:
            subprocess.run([program("psql", "postgresql-client"), *superuser, "-qc", statement], check=True)
        return f"postgresql://{self._user}@127.0.0.1:{self._port}/{self._user}"

    def __exit__(self, *_: object) -> None:
        """Stop it and delete its data."""
        self._run("pg_ctl", "--wait", "--mode=immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, name: str, *arguments: str) -> None:
        command = [program(name, "postgresql"), "--pgdata", str(self._data), *arguments]
        # Output to a file: the server keeps the descriptors of `pg_ctl`, so that a pipe would not end.
        with (self._folder / f"{name}.out").open("wb") as output:
            subprocess.run(
                command, user=self._account, cwd=self._folder, stdout=output, stderr=output, check=True
            )
