"""The page that names the test of each promise names tests that there are."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security-tests.md").read_text()
NAMED = re.compile(r"`([\w./-]+\.py)::(\w+)`")
ROW = re.compile(r"^\| (?!promise |---)(.+?) \| (.+) \|$", re.MULTILINE)
LEAST = 60


@cache
def functions_in(path: str) -> frozenset[str]:
    """The names of the test functions in a file."""
    tree = ast.parse((ROOT / path).read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


def test_every_promise_has_a_test_that_there_is() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) >= LEAST
    assert not [promise for promise, tests in rows if not NAMED.search(tests)]
    named = NAMED.findall(PAGE)
    assert not {path for path, _ in named if not (ROOT / path).is_file()}
    assert not {f"{path}::{name}" for path, name in named if name not in functions_in(path)}


def test_a_renamed_test_would_be_found() -> None:
    assert "test_a_renamed_test_would_be_found" in functions_in("tests/docs/test_security_tests.py")
    assert "test_another" not in functions_in("tests/docs/test_security_tests.py")
