"""The configuration: one TOML file, every fault of which is named with its place."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from certrail_agent.errors import ConfigError
from certrail_agent.keys import ALGORITHMS
from certrail_agent.reader import Reader
from certrail_agent.starttls import PROTOCOLS

LARGEST_FILE = 1 << 20
SIGNALS = ("HUP", "USR1", "USR2")
FORMATS = ("separate", "combined")
NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
MODE = r"0[0-7]{3}"
OWNER = r"[\w.-]+(:[\w.-]+)?"


@dataclass(frozen=True)
class Reload:
    """How the service takes a new certificate: a command, or a signal to the process of a pid file.

    Attributes:
        timeout: seconds.
    """

    command: tuple[str, ...] = ()
    pid_file: Path | None = None
    signal: str = "HUP"
    timeout: float = 30.0


@dataclass(frozen=True)
class Health:
    """A TLS handshake that must show the new certificate within the grace.

    Attributes:
        grace: seconds.
        protocol: one of `starttls.PROTOCOLS`.
    """

    host: str
    port: int
    server_name: str
    grace: float = 10.0
    protocol: str = "tls"


@dataclass(frozen=True)
class Wanted:
    """One certificate and where it goes.

    Attributes:
        managed_key: whether certrail makes and renews the key, which is then pulled with its certificate.
        ttl: as the API takes it; `None` for the profile's.
        key_mode, directory_mode: file modes.
        owner: `user` or `user:group`.
    """

    name: str
    application: str
    profile: str
    common_name: str | None
    dns: tuple[str, ...]
    ip: tuple[str, ...]
    key: str
    managed_key: bool
    ttl: str | None
    metadata: tuple[tuple[str, str], ...]
    directory: Path
    format: str
    key_mode: int
    directory_mode: int
    owner: str | None
    reload: Reload | None
    health: Health | None

    def digest(self) -> str:
        """Of all that a request says: a change of it needs another certificate."""
        said = [
            self.application,
            self.profile,
            self.common_name,
            sorted(self.dns),
            sorted(self.ip),
            self.key,
            self.managed_key,
            self.ttl,
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@dataclass(frozen=True)
class Config:
    """The whole file.

    Attributes:
        token_file: with an access token; `None` for the one that enrollment left in the state folder.
        check_every: seconds between two looks at the server's advice.
    """

    url: str
    ca_file: Path | None
    token_file: Path | None
    state_dir: Path
    check_every: float
    certificates: tuple[Wanted, ...]

    @property
    def token_path(self) -> Path:
        """Where the access token is."""
        return self.token_file or self.state_dir / "token"


def load(path: Path) -> Config:
    """Read the file. Raises ConfigError with every fault."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ConfigError([f"{path} is larger than a mebibyte"])
        document = tomllib.loads(content.decode())
    except OSError as error:
        raise ConfigError([f"{path} cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path} is no TOML: {error}"]) from None
    return parse(document)


def parse(document: Mapping[str, object]) -> Config:
    """The configuration in a parsed file. Raises ConfigError with every fault."""
    faults: list[str] = []
    top = Reader(document, "", faults)
    server = top.table("server", needed=True)
    url = server.text("url", needed=True) or ""
    if url and (fault := _fault_of(url)):
        faults.append(f"server.url: {fault}")
    ca_file, token_file = server.path("ca_file"), server.path("token_file")
    server.end()
    application = top.text("application", pattern=NAME, needed=True) or ""
    profile = top.text("profile", pattern=NAME)
    state_dir = top.path("state_dir") or Path("/var/lib/certrail-agent")
    check_every = top.duration("check_every", 3600.0, least=1.0, most=86_400.0)
    tables = top.tables("certificates")
    wanted = tuple(_wanted(table, application, profile) for table in tables)
    if not tables:
        faults.append("certificates: at least one [[certificates]] is needed")
    top.end()
    names = [each.name for each in wanted]
    faults += [
        f"certificates: the name {name!r} is given twice" for name in {*names} if names.count(name) > 1
    ]
    if faults:
        raise ConfigError(faults)
    return Config(url.rstrip("/"), ca_file, token_file, state_dir, check_every, wanted)


def _fault_of(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return ""
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return ""
    return "give an https:// address; http:// is for loopback only, since the token is sent there"


def is_address(host: str) -> bool:
    """Whether a host is given as an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _wanted(table: Reader, application: str, profile: str | None) -> Wanted:
    own = table.text("profile", pattern=NAME) or profile
    if own is None:
        table.fault("profile", "is needed here or at the top")
    dns, ip, common_name = table.texts("dns"), table.texts("ip"), table.text("common_name")
    if not (dns or ip or common_name):
        table.fault("dns", "give at least one of dns, ip and common_name")
    for address in ip:
        if not is_address(address):
            table.fault("ip", f"{address!r} is no IP address")
    wanted = Wanted(
        name=table.text("name", pattern=NAME, needed=True) or "",
        application=application,
        profile=own or "",
        common_name=common_name,
        dns=dns,
        ip=ip,
        key=table.choice("key", tuple(ALGORITHMS), "EC_P256"),
        managed_key=table.flag("managed_key"),
        ttl=table.duration_text("ttl"),
        metadata=table.pairs("metadata"),
        directory=table.path("directory", needed=True) or Path("/"),
        format=table.choice("format", FORMATS, "separate"),
        key_mode=int(table.text("key_mode", pattern=MODE) or "0600", 8),
        directory_mode=int(table.text("directory_mode", pattern=MODE) or "0755", 8),
        owner=table.text("owner", pattern=OWNER),
        reload=_reload(table),
        health=_health(table),
    )
    if wanted.key_mode & 0o007:
        table.fault(
            "key_mode", "lets everybody read the key; give its group read access at most, such as 0640"
        )
    table.end()
    return wanted


def _reload(outer: Reader) -> Reload | None:
    table = outer.table("reload")
    if table.is_absent:
        return None
    found = Reload(
        command=table.texts("command"),
        pid_file=table.path("pid_file"),
        signal=table.choice("signal", SIGNALS, "HUP"),
        timeout=table.duration("timeout", Reload.timeout, least=1.0, most=60.0),
    )
    if bool(found.command) == (found.pid_file is not None):
        table.fault("command", "give either a command or a pid_file")
    table.end()
    return found


def _health(outer: Reader) -> Health | None:
    table = outer.table("health")
    if table.is_absent:
        return None
    host = table.text("host") or "127.0.0.1"
    found = Health(
        host=host,
        port=table.number("port", 443, least=1, most=65_535),
        server_name=table.text("server_name") or host,
        grace=table.duration("grace", Health.grace, least=1.0, most=60.0),
        protocol=table.choice("protocol", PROTOCOLS, Health.protocol),
    )
    table.end()
    return found
