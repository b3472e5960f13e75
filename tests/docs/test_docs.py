"""The documents say only what is so: commands exist, examples run, links resolve, references are current."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
import types
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer
from docs.generate import PAGES, REFERENCE
from tests.docs.pages import FENCE, PAGES_TO_READ, ROOT, TUTORIAL, Block, blocks
from typer.exceptions import TyperException

import certrail_sdk
from certrail.plugins.contract import CAPABILITIES
from certrail.plugins.registry import PluginRegistry
from certrail_sdk import Destination
from certrail_sdk.testing import DestinationConformance
from certrail_server.cli import app
from certrail_server.settings import Settings

VARIABLE = re.compile(r"\bCERTRAIL_[A-Z_]+\b")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
CONTRACT = ROOT / "docs" / "plugins" / "contract.md"
EXAMPLE = "certrail_destination_hitch"
LIMITS = {"README.md": 120, "CONTRIBUTING.md": 100}


def commands(block: Block) -> Iterator[list[str]]:
    """The commands of a block; one that is quoted over several lines is one command."""
    pending = ""
    for line in block.text.splitlines():
        pending += line.removesuffix("\\") + "\n"
        if line.endswith("\\"):
            continue
        try:
            words = shlex.split(pending, comments=True)
        except ValueError:
            continue
        pending = ""
        if words:
            yield words
    assert not pending.strip(), f"an unfinished command: {pending}"


def check_make(words: list[str]) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    wanted = [word for word in words if "=" not in word]
    assert set(wanted) <= set(targets), f"no such make target: {words}"


def check_certrail(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    command.make_context(command.name, list(words))


def check_python(words: list[str]) -> None:
    assert words[0] == "-m"
    assert find_spec(words[1]), f"no such module: {words[1]}"


def check_shell(_words: list[str]) -> None:
    """Nothing to look up: it changes the reader's shell."""


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "make": check_make,
    "certrail": check_certrail,
    "python": check_python,
    "export": check_shell,
    "source": check_shell,
}


def check(words: list[str]) -> None:
    program = Path(words[0]).name
    assert program in CHECKS, f"nobody can tell whether {words} works"
    CHECKS[program](words[1:])


@pytest.mark.parametrize("block", [b for b in blocks("bash") if not b.is_run()], ids=str)
def test_every_command_that_is_not_run_exists(block: Block) -> None:
    for words in commands(block):
        check(words)


@pytest.mark.parametrize(
    "words",
    [
        ["make", "nonsense"],
        ["certrail", "nonsense"],
        ["certrail", "worker", "--nonsense", "x"],
        ["curl", "$API/users"],
        ["rm", "-rf", "."],
    ],
)
def test_the_check_tells_commands_that_do_not_exist(words: list[str]) -> None:
    with pytest.raises((AssertionError, KeyError, TyperException)):
        check(words)


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_every_json_block_is_json(block: Block) -> None:
    json.loads(block.text)


def run(block: Block, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Run a block as a module of its own, as pydantic looks types up there; others may import the example."""
    if block != (example := contract_example()):
        monkeypatch.setitem(sys.modules, EXAMPLE, run(example, monkeypatch))
    module = types.ModuleType(f"example_{block.line}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(block.text, str(block), "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("block", [b for b in blocks("python") if b.page != TUTORIAL], ids=str)
def test_every_python_block_runs(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(block, monkeypatch).__dict__.keys() - types.ModuleType("empty").__dict__.keys()


def contract_example() -> Block:
    return next(b for b in blocks("python") if b.page.name == "contract.md" and "hookimpl" in b.text)


def test_the_example_is_short_and_registers(monkeypatch: pytest.MonkeyPatch) -> None:
    block = contract_example()
    code = [line for line in block.text.splitlines() if line.strip()]
    assert len(code) < 80
    registry = PluginRegistry()
    registry.register(run(block, monkeypatch))
    assert registry.queues() == ["plugin-destination-hitch"]


class TestContractExample(DestinationConformance):
    """The destination in docs/plugins/contract.md holds the contract that the page describes."""

    @pytest.fixture
    def example(self, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
        return run(contract_example(), monkeypatch)

    @pytest.fixture
    def build(self, example: types.ModuleType, tmp_path: Path) -> Callable[[], Destination[Any]]:
        return lambda: example.Hitch(example.HitchConfig(directory=tmp_path))

    @pytest.fixture
    def broken(self, example: types.ModuleType, tmp_path: Path) -> Destination[Any]:
        found: Destination[Any] = example.Hitch(example.HitchConfig(directory=tmp_path / "missing"))
        return found


def test_the_example_is_a_project_that_tests_itself(tmp_path: Path) -> None:
    project, module, tests = (
        next(b for b in blocks(language, page=CONTRACT) if text in b.text)
        for language, text in (("toml", "[project]"), ("python", "hookimpl"), ("python", "class TestHitch"))
    )
    described = tomllib.loads(project.text)
    assert described["project"]["entry-points"]["certrail"] == {"hitch": EXAMPLE}
    assert described["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"] == [f"{EXAMPLE}.py"]
    (tmp_path / "pyproject.toml").write_text(project.text)
    (tmp_path / f"{EXAMPLE}.py").write_text(module.text)
    (tmp_path / "test_hitch.py").write_text(tests.text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_contract_names_every_verb_trait_and_error() -> None:
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", FENCE.sub("", CONTRACT.read_text())))))
    roles = (certrail_sdk.Plugin, certrail_sdk.Destination, certrail_sdk.Notifier, certrail_sdk.Issuer)
    inherited = {"config_type", "accepts_name"}
    protocols = [protocol for of_kind in CAPABILITIES.values() for protocol in of_kind.values()]
    for role in (*roles, *protocols):
        assert {name for name in vars(role) if not name.startswith("_")} - inherited <= named, role
    errors = {name for name, kind in vars(certrail_sdk.errors).items() if isinstance(kind, type)}
    assert errors - {"PluginError", "timedelta"} <= named
    assert {protocol.__name__ for protocol in protocols} <= named
    assert {name for name in vars(certrail_sdk.Hooks) if not name.startswith("_")} <= named


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_current(name: str) -> None:
    assert (REFERENCE / name).read_text() == PAGES[name](), "run: python -m docs.generate"


@pytest.mark.parametrize("page", PAGES_TO_READ, ids=lambda p: str(p.relative_to(ROOT)))
def test_variables_are_settings(page: Path) -> None:
    known = {f"CERTRAIL_{name.upper()}" for name in Settings.model_fields}
    named = set(VARIABLE.findall(page.read_text()))
    assert named - known <= {"CERTRAIL_TOKEN", "CERTRAIL_URL"}


@pytest.mark.parametrize("page", PAGES_TO_READ, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    inside = [link for link in LINK.findall(text) if not link.startswith(("https://", "http://"))]
    broken = [link for link in inside if not (page.parent / link.partition("#")[0]).exists()]
    assert not broken


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        if page.is_dir():
            waiting += page.glob("*.md")
        elif page.suffix == ".md":
            waiting += [
                (page.parent / link.partition("#")[0]).resolve()
                for link in LINK.findall(page.read_text())
                if "://" not in link
            ]
    assert set(PAGES_TO_READ) <= reached


def test_the_page_of_plugins_lists_the_bundled_ones() -> None:
    listed = re.findall(r"^\| \[([a-z0-9-]+)\]", (ROOT / "docs/plugins/README.md").read_text(), re.MULTILINE)
    there = [path.parent.name for path in (ROOT / "plugins").glob("*/*/pyproject.toml")]
    assert sorted(listed) == sorted(there)


def test_files_that_the_architecture_names_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`((?:sdk|engine|workflows|server)/[\w/]+\.py)`", text)
    assert len(named) >= 8
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("name", LIMITS)
def test_the_first_pages_stay_short(name: str) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= LIMITS[name]


def test_decisions_stay_short() -> None:
    for page in (ROOT / "docs" / "decisions").glob("*.md"):
        if page.name != "README.md":  # the list of them
            assert len(page.read_text().splitlines()) <= 40, page.name
