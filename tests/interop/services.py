"""Services of Debian's that read a certificate from files: nginx, HAProxy, Apache and PostgreSQL."""

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from tests.interop.debian import ACCOUNT, program, running, until

from certrail_agent.config import Health
from certrail_agent.service import shown_certificate
from certrail_server.ports import free_port

NAME = "a.example.com"
LONGEST_SECONDS = 10.0
"""From the issue of a certificate until a service shows it."""
APACHE_MODULES = Path("/usr/lib/apache2/modules")
HEALTH = """\
# Whether the service shows what is at {current}; it may take a while to reload.
wanted=$(openssl x509 -in {current}/{file} -noout -fingerprint -sha256)
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
  shown=$(openssl s_client -connect 127.0.0.1:{port} {start} </dev/null 2>/dev/null |
    openssl x509 -noout -fingerprint -sha256)
  [ "$shown" = "$wanted" ] && exit
  sleep 0.25
done
echo "it shows $shown" >&2
exit 1
"""


class Service(ABC):
    """A service with one certificate.

    Args:
        folder: an empty one for its own files.
        current: where `fullchain.pem` and `privkey.pem`, or `combined.pem`, are.

    Attributes:
        format: of the files that it reads.
        owner: whose its key has to be.
        protocol: as the agent's health check names it.
    """

    format: ClassVar = "separate"
    owner: ClassVar[str | None] = None
    protocol: ClassVar = "tls"

    def __init__(self, folder: Path, current: Path) -> None:
        self.folder, self.current, self.port = folder, current, free_port()
        self.configuration = folder / "service.conf"
        self._write()

    @property
    @abstractmethod
    def command(self) -> tuple[str, ...]:
        """It, in the foreground."""

    @property
    @abstractmethod
    def reload(self) -> list[str]:
        """The command with which a person has it reload."""

    @abstractmethod
    def configured(self) -> str:
        """Its configuration."""

    @property
    def health(self) -> list[str]:
        """A command that succeeds once it shows the certificate."""
        start = "-starttls postgres" if self.protocol == "postgresql" else f"-servername {NAME}"
        file = "combined.pem" if self.format == "combined" else "fullchain.pem"
        script = self.folder / "health.sh"
        script.write_text(HEALTH.format(current=self.current, file=file, port=self.port, start=start))
        return ["sh", str(script)]

    def spoil(self) -> None:
        """A person makes a mistake, after which it cannot reload."""
        self._write("nonsense;\n")

    def mend(self) -> None:
        """The mistake is gone."""
        self._write()

    def shown(self) -> str | None:
        """The fingerprint of the certificate that it shows; `None` if it does not answer."""
        try:
            return shown_certificate(Health("127.0.0.1", self.port, NAME, protocol=self.protocol))
        except OSError:
            return None

    @contextmanager
    def running(self) -> Iterator[None]:
        """It runs, and answers."""
        with running(*self.command, log=self.folder / "log", user=self._account):
            until(lambda: self.shown() is not None, self.command[0])
            yield

    @property
    def _account(self) -> str | None:
        return None

    def _write(self, more: str = "") -> None:
        self.configuration.write_text(self.configured() + more)


class Nginx(Service):
    """nginx with one server."""

    @property
    def command(self) -> tuple[str, ...]:
        return (program("nginx", "nginx"), "-p", str(self.folder), "-c", str(self.configuration))

    @property
    def reload(self) -> list[str]:
        return [*self.command, "-s", "reload"]

    def configured(self) -> str:
        paths = "".join(
            f"{kind}_temp_path {self.folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return (
            f"pid {self.folder}/nginx.pid; error_log {self.folder}/error.log; daemon off; worker_processes 1;"
            f"events {{}} http {{ access_log off; {paths} server {{ listen 127.0.0.1:{self.port} ssl;"
            f"server_name {NAME}; ssl_certificate {self.current}/fullchain.pem;"
            f"ssl_certificate_key {self.current}/privkey.pem; }} }}\n"
        )


class Haproxy(Service):
    """HAProxy in master-worker mode, which reads one file."""

    format = "combined"

    @property
    def command(self) -> tuple[str, ...]:
        return (
            program("haproxy", "haproxy"),
            *("-W", "-db", "-f", str(self.configuration), "-p", str(self.folder / "pid")),
        )

    @property
    def reload(self) -> list[str]:
        # As its unit does: the master goes on with what it has if the configuration is wrong, but says so to nobody.
        check = f"{self.command[0]} -c -q -f {self.configuration}"
        return ["sh", "-c", f"{check} && kill -USR2 $(cat {self.folder}/pid)"]

    def configured(self) -> str:
        return (
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n"
            f"frontend web\n  bind 127.0.0.1:{self.port} ssl crt {self.current}/combined.pem\n"
            "  http-request return status 204\n"
        )


class Apache(Service):
    """Apache httpd with mod_ssl."""

    @property
    def command(self) -> tuple[str, ...]:
        return (program("apache2", "apache2-bin"), "-f", str(self.configuration), "-DFOREGROUND")

    @property
    def reload(self) -> list[str]:
        return [*self.command[:3], "-k", "graceful"]

    def configured(self) -> str:
        modules = "".join(
            f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"
            for name in ("mpm_event", "authz_core", "socache_shmcb", "ssl")
        )
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        return (
            f"{modules}{user}ServerRoot {self.folder}\nServerName {NAME}\nPidFile {self.folder}/pid\n"
            f"ErrorLog {self.folder}/error.log\nListen 127.0.0.1:{self.port}\nSSLEngine on\n"
            f"SSLCertificateFile {self.current}/fullchain.pem\n"
            f"SSLCertificateKeyFile {self.current}/privkey.pem\n"
        )


class Postgresql(Service):
    """PostgreSQL, which begins in clear and wants its key to be its own."""

    protocol = "postgresql"
    owner = ACCOUNT if os.geteuid() == 0 else None

    def __init__(self, folder: Path, current: Path) -> None:
        if self.owner:
            shutil.chown(folder, self.owner)
        initdb = (program("initdb", "postgresql"), "--auth=trust", "--no-sync", "--username=postgres")
        data = ("--pgdata", str(folder / "data"))
        subprocess.run([*initdb, *data], user=self.owner, cwd=folder, capture_output=True, check=True)
        super().__init__(folder, current)

    @property
    def command(self) -> tuple[str, ...]:
        configuration = ("-c", f"config_file={self.configuration}")
        return (program("postgres", "postgresql"), "-D", str(self.folder / "data"), *configuration)

    @property
    def reload(self) -> list[str]:
        place = ("--host", str(self.folder), "--port", str(self.port), "--username", "postgres")
        return [program("psql", "postgresql-client"), *place, "--quiet", "-c", "select pg_reload_conf()"]

    def configured(self) -> str:
        return (
            f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = '{self.folder}'\n"
            f"fsync = off\nssl = on\nssl_cert_file = '{self.current}/fullchain.pem'\n"
            f"ssl_key_file = '{self.current}/privkey.pem'\n"
        )

    def spoil(self) -> None:
        """It reads the certificate after a syntax error, too, but not with a name of no file."""
        self._write("ssl_ca_file = 'nonsense'\n")

    @property
    def _account(self) -> str | None:
        return self.owner


SERVICES: dict[str, type[Service]] = {
    "nginx": Nginx,
    "haproxy": Haproxy,
    "apache": Apache,
    "postgresql": Postgresql,
}
