"""The kit against faults planted in real plugins: at least nine of ten are caught, and the table says by which rule."""

import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from certrail_sdk.testing.rules import BY_KIND

from .mutants import NOTICED, Mutant, mutants_of

PLUGINS = Path(__file__).parents[2] / "plugins"
TARGETS = {
    "http-put": (PLUGINS / "destinations/http-put", "test_http_put_conformance.py", "destination"),
    "slack": (PLUGINS / "notifiers/slack", "test_slack_conformance.py", "interactive"),
}
FAILED = re.compile(r"^(?:FAILED|ERROR) test_(m\d+)\.py::\w+::(\w+)", re.MULTILINE)
CAUGHT = 0.9
SOUND = "m999"
"""The plugin without a fault."""
ENOUGH = """
import pytest

FOUND = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.failed:
        FOUND[item.path] = FOUND.get(item.path, 0) + 1
    return report


def pytest_runtest_setup(item):
    if FOUND.get(item.path, 0) >= 3:
        pytest.skip("caught")
"""
"""Three rules that notice a mutant are enough: the rest of its tests would only take time."""


@pytest.mark.endurance
@pytest.mark.parametrize("target", TARGETS)
def test_nine_of_ten_planted_faults_are_caught(
    tmp_path: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, conformance, kind = TARGETS[target]
    mutants = mutants_of(target)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    for number, mutant in enumerate(mutants):
        plant(folder, folder / "tests" / conformance, mutant, f"m{number:03}", tmp_path)
    plant(folder, folder / "tests" / conformance, None, SOUND, tmp_path)
    (tmp_path / "conftest.py").write_text(ENOUGH)
    caught = run(tmp_path)
    rows = [(mutant.fault, caught.get(f"m{number:03}", set())) for number, mutant in enumerate(mutants)]
    with capsys.disabled():
        print(table(target, kind, rows))
    assert not caught.get(SOUND), "the plugin as it is keeps every rule"
    broken = frozenset[str]().union(*(rules for _, rules in rows))
    assert NOTICED[target] <= broken, f"no planted fault breaks {sorted(NOTICED[target] - broken)}"
    missed = [fault for fault, rules in rows if not rules]
    assert len(missed) <= (1 - CAUGHT) * len(rows), missed


def plant(folder: Path, conformance: Path, mutant: Mutant | None, prefix: str, target: Path) -> None:
    """A copy of the package under another name with the fault in it, and its conformance test."""
    (package,) = (path for path in folder.glob("certrail_*") if path.is_dir())
    name = f"{prefix}_{package.name}"
    shutil.copytree(package, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    if mutant is not None:
        file = target / name / mutant.file
        text = file.read_text()
        assert text.count(mutant.old) == 1, (
            f"{mutant.fault}: its text is there {text.count(mutant.old)} times"
        )
        text = text.replace(mutant.old, mutant.new)
        file.write_text(below_docstring(text, mutant.imports))
    for file in (target / name).rglob("*.py"):
        file.write_text(file.read_text().replace(package.name, name))
    test = conformance.read_text().replace(package.name, name)
    (target / f"test_{prefix}.py").write_text(test)


def below_docstring(text: str, lines: str) -> str:
    """The source with lines before its first import."""
    return (
        re.sub(r"^(?=(?:from|import) )", f"{lines}\n", text, count=1, flags=re.MULTILINE) if lines else text
    )


def run(folder: Path) -> Mapping[str, set[str]]:
    """By mutant: the tests that failed."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rfE",
        "--tb=no",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=1200)
    assert "passed" in done.stdout, done.stdout + done.stderr
    caught: dict[str, set[str]] = defaultdict(set)
    for mutant, rule in FAILED.findall(done.stdout):
        caught[mutant].add(rule)
    return caught


def table(target: str, kind: str, rows: Sequence[tuple[str, set[str]]]) -> str:
    """Rule by mutant: the ids of the rules that each fault breaks."""
    rules = BY_KIND[kind]
    lines = [f"\n{target}: {sum(bool(found) for _, found in rows)} of {len(rows)} planted faults are caught"]
    for fault, found in rows:
        ids = " ".join(sorted(rules[name].id for name in found if name in rules)) or "MISSED"
        lines.append(f"  {fault:<48} {ids}")
    return "\n".join(lines)
