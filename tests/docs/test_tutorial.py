"""The tutorial is followed by a new author: an empty folder, wheels, and the certificate arrives."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, TUTORIAL, Block, blocks
from tests.docs.reader import Reader
from tests.support.command_line import run

from certrail_server.ports import free_port

PACKAGE = ROOT / "examples/third-party-plugin"
OURS = ("./sdk", "./client", ".")
PATIENCE = 600
# What runs in the background ends with the terminal.
TERMINAL = "mkdir author; cd author; trap 'kill $(jobs -p); wait' EXIT"
READY = """
nohup certrail dev > dev.log 2>&1 &
until curl --no-fail-with-body "$CERTRAIL_URL/readyz" > ready.json && certrail doctor > doctor.txt; do
  kill -0 $! || { cat dev.log; exit 1; }
  sleep 0.5
done
"""


def code_lines(text: str) -> int:
    """Lines but for blank ones and comments."""
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())


def typed(block: Block) -> Block:
    """What the reader types for it: a file is written, the program of the other terminal starts in the background."""
    if file := block.file():
        return replace(block, language="bash", text=f"cat > {file} <<'END'\n{block.text}END\n")
    if block.text == "certrail dev\n":
        return replace(block, text=READY)
    return block


@pytest.fixture
def wheels() -> Iterator[Path]:
    """certrail's own distributions, built."""
    folder = Path(tempfile.mkdtemp(prefix="certrail-wheels-"))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, *OURS],
        cwd=ROOT,
        check=True,
    )
    yield folder
    shutil.rmtree(folder)


def environment(folder: Path, wheels: Path) -> dict[str, str]:
    """That of the reader: pip as it is configured here, with our wheels besides."""
    port = free_port()
    settings = Path.home() / ".config/pip/pip.conf"
    links = f"{wheels} {os.environ.get('PIP_FIND_LINKS', '')}".strip()
    return {
        **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
        **({"PIP_CONFIG_FILE": str(settings)} if settings.exists() else {}),
        "PIP_FIND_LINKS": links,
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
        "PYTHONPATH": "",
        "APPLICATION": "shop",
        "CERTRAIL_PORT": str(port),
        "CERTRAIL_URL": f"http://127.0.0.1:{port}",
        "CERTRAIL_DATA_DIR": str(folder / "data"),
    }


def test_its_files_are_those_of_the_example() -> None:
    shown = {block.file(): block.text for block in blocks("python", page=TUTORIAL)}
    assert len(shown) == 4
    for file, text in shown.items():
        assert file
        assert (PACKAGE / file).read_text() == text, file


def test_its_destination_is_short() -> None:
    assert code_lines((PACKAGE / "certrail_destination_edge/destination.py").read_text()) < 80


def test_the_example_is_platinum() -> None:
    result = run("plugin", "check", str(PACKAGE))
    assert result.exit_code == 0, result.output
    assert "level: platinum" in result.output


@pytest.mark.endurance
def test_a_new_author_gets_from_nothing_to_a_delivery(wheels: Path) -> None:
    # Not below pytest's folder: its name is too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="certrail-"))
    try:
        reader = Reader(folder, environment(folder, wheels), {"9080": str(free_port())})
        reader.follow([typed(block) for block in blocks(page=TUTORIAL)], before=TERMINAL, patience=PATIENCE)
        package = folder / "author/certrail-destination-edge"
        for file in sorted(package.glob("certrail_destination_edge/*.py")):
            print(f"{file.name}: {code_lines(file.read_text())} lines of code")
            assert file.read_text() == (PACKAGE / "certrail_destination_edge" / file.name).read_text()
        assert (package / "pyproject.toml").read_text() == (PACKAGE / "pyproject.toml").read_text()
    finally:
        shutil.rmtree(folder)
