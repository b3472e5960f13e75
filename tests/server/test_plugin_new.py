"""`certrail plugin new`: what it writes is installable, typed and green."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.command_line import run

VERSION = "0.1.0"
KINDS = ("destination", "notifier")


def begun(parent: Path, kind: str, name: str = "acme-cdn") -> Path:
    """The folder of a new package."""
    result = run("plugin", "new", kind, name, "--directory", str(parent))
    assert result.exit_code == 0, result.output
    folder = parent / f"certrail-{kind}-{name}"
    assert str(folder) in result.output.replace("\n", "")
    return folder


def ran(folder: Path, *command: str) -> str:
    """What a program printed in the folder; it succeeded."""
    env = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_its_tests_pass_at_once(tmp_path: Path, kind: str) -> None:
    summary = ran(begun(tmp_path, kind), "pytest", "-q", "-p", "no:cacheprovider").splitlines()[-1]
    assert "passed" in summary
    assert "failed" not in summary


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["x", "acme-cdn", "gcp-certificate-manager-eu"])
def test_it_passes_the_linter_whatever_it_is_called(tmp_path: Path, kind: str, name: str) -> None:
    ran(begun(tmp_path, kind, name), "ruff", "check", ".")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_typed(tmp_path: Path, kind: str) -> None:
    ran(begun(tmp_path, kind), "mypy", "--cache-dir", str(tmp_path / "cache"))


@pytest.mark.parametrize("kind", KINDS)
def test_certrail_finds_it_once_it_is_installed(tmp_path: Path, kind: str) -> None:
    """Installed as pip would: its module, its metadata and its entry point on the path."""
    folder = begun(tmp_path, kind)
    module = f"certrail_{kind}_acme_cdn"
    info = folder / f"{module}-{VERSION}.dist-info"
    info.mkdir()
    project = (folder / "pyproject.toml").read_text()
    assert f'acme-cdn = "{module}"' in project
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: certrail-{kind}-acme-cdn\nVersion: {VERSION}\n"
    )
    (info / "entry_points.txt").write_text(f"[certrail]\nacme-cdn = {module}\n")
    env = {**os.environ, "PYTHONPATH": str(folder), "CERTRAIL_DATA_DIR": str(tmp_path / "data")}
    env["CERTRAIL_PLUGIN_PROBE_FILE"] = str(tmp_path / "probe.json")
    done = subprocess.run(
        [sys.executable, "-m", "certrail_server", "plugins", "--json"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    (row,) = [row for row in json.loads(done.stdout) if row["name"] == "acme-cdn"]
    assert (row["kind"], row["version"], row["state"]) == (kind, VERSION, "ready"), row


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Acme", "lower-case words"),
        ("acme_cdn", "lower-case words"),
        ("-acme", "lower-case words"),
        ("1acme", "a letter first"),
        ("../acme", "lower-case words"),
        ("a" * 27, "at most 26"),
    ],
)
def test_a_name_that_the_contract_refuses_is_refused_first(tmp_path: Path, name: str, why: str) -> None:
    result = run("plugin", "new", "--directory", str(tmp_path), "destination", "--", name)
    assert result.exit_code == 1, result.output
    assert why in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = begun(tmp_path, "destination")
    (folder / "README.md").write_text("mine")
    result = run("plugin", "new", "destination", "acme-cdn", "--directory", str(tmp_path))
    assert result.exit_code == 1
    assert "exists already" in result.output
    assert (folder / "README.md").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    result = run("plugin", "new", "notifier", "acme-chat", "--directory", str(file))
    assert result.exit_code == 1
    assert "cannot be written" in result.output
