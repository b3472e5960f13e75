"""The file: what it may say, and every fault of it at once."""

from pathlib import Path
from typing import Any

import pytest

from certrail_agent.cli import MISUSED, command
from certrail_agent.config import load, parse
from certrail_agent.durations import parse as duration
from certrail_agent.durations import shown
from certrail_agent.errors import ConfigError

WHOLE = """
application = "payments"
profile = "web"
state_dir = "/var/lib/certrail-agent"
check_every = "30m"

[server]
url = "https://certrail.example.com"
ca_file = "/etc/ssl/certrail.pem"

[[certificates]]
name = "www"
dns = ["www.example.com"]
ip = ["192.0.2.7"]
key = "RSA_3072"
ttl = "30d"
directory = "/etc/nginx/tls"
key_mode = "0640"
owner = "root:www-data"
metadata = { team = "payments" }

[certificates.reload]
command = ["systemctl", "reload", "nginx"]
timeout = "20s"

[certificates.health]
port = 8443
server_name = "www.example.com"
grace = "15s"

[[certificates]]
name = "db"
profile = "internal"
common_name = "db.example.com"
managed_key = true
directory = "/etc/postgresql/tls"
format = "combined"

[certificates.reload]
pid_file = "/run/postgresql.pid"
"""


def test_the_whole_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(WHOLE)
    config = load(path)
    www, db = config.certificates
    assert (config.check_every, str(config.token_path)) == (1800, "/var/lib/certrail-agent/token")
    assert (www.profile, www.key_mode, www.owner, www.metadata) == (
        "web",
        0o640,
        "root:www-data",
        (("team", "payments"),),
    )
    assert www.reload
    assert (www.reload.command, www.reload.timeout) == (("systemctl", "reload", "nginx"), 20)
    assert www.health
    assert (www.health.host, www.health.port, www.health.grace) == ("127.0.0.1", 8443, 15)
    assert (db.profile, db.managed_key, db.format) == ("internal", True, "combined")
    assert db.reload
    assert (db.reload.signal, str(db.reload.pid_file)) == ("HUP", "/run/postgresql.pid")


@pytest.mark.parametrize(
    ("there", "here", "fault"),
    [
        ('"https://', '"http://', "server.url: give an https:// address"),
        ('application = "payments"', "", "application: is needed"),
        ('"30m"', '"30 minutes"', "check_every: write a duration"),
        ('"30m"', '"30d"', "check_every: is from 1s to 1d"),
        ('name = "db"', 'name = "www"', "the name 'www' is given twice"),
        ('name = "db"', 'name = "../db"', "certificates[1].name: has to match"),
        ('profile = "web"', "", "certificates[0].profile: is needed here or at the top"),
        ('"192.0.2.7"', '"192.0.2"', "certificates[0].ip: '192.0.2' is no IP address"),
        ('key = "RSA_3072"', 'key = "RSA_512"', "certificates[0].key: is one of EC_P256"),
        ('"0640"', '"0644"', "certificates[0].key_mode: lets everybody read the key"),
        (
            'directory = "/etc/nginx/tls"',
            'directory = "tls"',
            "certificates[0].directory: is an absolute path",
        ),
        ("port = 8443", "port = 99999", "certificates[0].health.port: is a number"),
        ("managed_key = true", 'managed_key = "yes"', "certificates[1].managed_key: is true or false"),
        ('common_name = "db.example.com"', "", "certificates[1].dns: give at least one"),
        ("pid_file =", "pid_flie =", "certificates[1].reload.pid_flie: is unknown"),
        (
            'command = ["systemctl"',
            'pid_file = "/x"\ncommand = ["systemctl"',
            "either a command or a pid_file",
        ),
        ('["www.example.com"]', '"www.example.com"', "certificates[0].dns: is a list of texts"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, there: str, here: str, fault: str) -> None:
    assert there in WHOLE
    path = tmp_path / "agent.toml"
    path.write_text(WHOLE.replace(there, here, 1))
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert any(fault in each for each in raised.value.faults), raised.value.faults


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        parse({"certificates": [{}], "colour": "red"})
    said = " ".join(raised.value.faults)
    for word in ("server.url", "application", "colour: is unknown", "certificates[0].name", "directory"):
        assert word in said


@pytest.mark.parametrize("content", [None, b"\xff", b"= 1", b"#" * (2 << 20)])
def test_a_file_that_cannot_be_read_is_said_to_be(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agent.toml"
    if content is not None:
        path.write_bytes(content)
    assert command(["--config", str(path), "check"]) == MISUSED
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("1d12h", 129_600), ("2h", 7200)])
def test_durations_have_units(text: str, seconds: float) -> None:
    assert duration(text) == seconds
    assert shown(seconds) == {"30s": "30s", "1d12h": "1d12h", "2h": "2h"}[text]


def test_a_change_of_what_is_requested_is_seen_and_no_other(tmp_path: Path) -> None:
    def digest(**changes: Any) -> str:
        wanted = {"name": "www", "dns": ["a.example.com"], "directory": "/tls", **changes}
        document = {
            "server": {"url": "https://x"},
            "application": "a",
            "profile": "p",
            "certificates": [wanted],
        }
        return parse(document).certificates[0].digest()

    assert digest(owner="root", reload={"command": ["true"]}, directory="/other") == digest()
    assert len({digest(), digest(dns=["b.example.com"]), digest(key="RSA_2048"), digest(ttl="1d")}) == 4
