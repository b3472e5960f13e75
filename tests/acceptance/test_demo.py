"""`make demo` as a stranger types it: a worker dies in flight, everything is there once, and once more the next day."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
import pytest
from examples.demo.world import MAIL_PASSWORD
from tests.support.canaries import leaks, private_keys, sqlite_dump

from certrail.crypto.keyring import Keyring
from certrail.persistence.database import Database
from certrail_fakes.acm import AcmServer

pytestmark = pytest.mark.endurance

ROOT = Path(__file__).parents[2]
PATIENCE = 300
ROWS = [
    ("request", r"[0-9a-f]{8}", "issued; asked twice, made once"),
    ("votes", "API and Slack", "approve via api, approve via slack; the message lost its buttons"),
    ("certificate", "[0-9a-f]{16}", "one, signed by the internal root"),
    ("delivery", "files", r"cert\.pem and privkey\.pem \(0o600\) in .+"),
    ("delivery", "aws-acm", "1 certificate, ISSUED, .+"),
    ("delivery", "azure-key-vault", "1 version, certificate and secret agree, key inside"),
    ("mail", "team@example.com", ".+"),
]
LINK = re.compile(r"^Console, once within 10 minutes: (http\S+)", re.MULTILINE)
TOKEN = re.compile(rb"crt_[0-9a-f]{32}_|vault-[0-9a-f]{32}")
"""Of the API, and the one that the fake of Azure makes up for each run."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo is run, and leaves its data."""
    return tmp_path_factory.mktemp("demo")


def test_it_ends_with_everything_read_back(place: Path) -> None:
    play(place)


def test_a_second_run_finds_what_the_first_one_left(tmp_path: Path) -> None:
    play(tmp_path)
    play(tmp_path, stay=True)


def play(place: Path, *, stay: bool = False) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    with subprocess.Popen(
        [sys.executable, "-m", "examples.demo", *(["--stay"] if stay else [])],
        cwd=place,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        deadline = threading.Timer(PATIENCE, demo.kill)
        deadline.start()
        assert demo.stdout
        printed = ""
        for line in demo.stdout:
            printed += line
            if link := LINK.search(line):
                page = httpx2.get(link[1], trust_env=False)
                assert (page.status_code, "Sign in" in page.text) == (200, True), page.text
                demo.terminate()
        deadline.cancel()
    assert demo.returncode == 0, printed
    assert stay is bool(LINK.search(printed)), printed
    assert re.search(r"worker \d+ got SIGKILL while its import was in flight", printed)
    rows = table_in(printed)
    assert len(rows) == len(ROWS), printed
    for row, expected in zip(rows, ROWS, strict=True):
        for cell, pattern in zip(row, expected, strict=True):
            assert re.fullmatch(pattern, cell), row
    assert not (place / ".demo" / "certrail" / "dev.json").exists(), "nothing of it runs any more"


def test_what_it_left_holds_no_secret(place: Path) -> None:
    """In SQLite, in Temporal's own database and in the log, of those that the story used."""
    folder = place / ".demo" / "certrail"
    database = Database(f"sqlite:///{folder / 'certrail.db'}")
    secrets = private_keys(database, Keyring.load(folder / "keyring.json"))
    database.close()
    assert {what.split()[2] for what in secrets if what.startswith("scalar")} == {"CaKey", "Certificate"}
    secrets |= {"AWS": AcmServer.secret_access_key.encode(), "mail": MAIL_PASSWORD.encode()}
    kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    kept |= {f"dump of {name}": sqlite_dump(folder / name) for name in ("certrail.db", "temporal.db")}
    assert {"certrail.log", "certrail.db", "temporal.db"} < kept.keys()
    assert b"api.payments.example" in kept["dump of certrail.db"]
    for name, content in kept.items():
        assert not leaks(content, secrets), name
        assert not TOKEN.search(content), name


def test_make_runs_it() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.rstrip().endswith("/python -m examples.demo")


def table_in(text: str) -> list[list[str]]:
    """The cells of a printed table, without its head."""
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
