"""Every rule of the kit notices a plugin that breaks it."""

import importlib.util
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from certrail_sdk.testing import DestinationConformance, InteractiveConformance
from certrail_sdk.testing.memory import InMemoryDestination, MemoryConfig

from .mutants import NOTICED

pytest_plugins = ["pytester"]
DETERMINED = frozenset({"test_secrets_can_be_found"})
"""Broken by the fixtures of an author, not by a plugin: see `test_short_secrets_are_refused`."""
SAMPLES = sorted(Path(__file__).parent.glob("faulty_*.py"))


def faults() -> dict[str, frozenset[str]]:
    """By class in the samples: the rules that it breaks."""
    modules = [_loaded(sample) for sample in SAMPLES]
    classes = [item for module in modules for item in vars(module).items()]
    return {name: cls.breaks for name, cls in classes if name.startswith("Test")}


def _loaded(sample: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(sample.stem, sample)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rules(conformance: type[Any]) -> set[str]:
    return {name for name in dir(conformance) if name.startswith("test_")}


@pytest.fixture
def sample(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(**{f"test_{sample.stem}": sample.read_text() for sample in SAMPLES})
    return pytester


def test_every_fault_fails_exactly_the_rules_it_breaks(sample: pytest.Pytester) -> None:
    passed, _, failed = sample.inline_run("-p", "no:cacheprovider").listoutcomes()
    failing: dict[str, set[str]] = defaultdict(set)
    for report in failed:
        _, cls, rule = report.nodeid.split("::")
        failing[cls].add(rule)
    assert dict(failing) == faults()
    assert len(passed) > len(failed), "a fault leaves the other rules alone"


def test_every_rule_has_a_fault_that_breaks_it() -> None:
    broken = frozenset[str]().union(*faults().values(), *NOTICED.values(), DETERMINED)
    assert rules(DestinationConformance) | rules(InteractiveConformance) == broken


def test_short_secrets_are_refused() -> None:
    class Short(DestinationConformance):
        """With a password that no log can be searched for."""

    config = MemoryConfig.parse({"place": "nowhere", "password": "four"})
    with pytest.raises(AssertionError, match="at least 6 characters"):
        Short().test_secrets_can_be_found(lambda: InMemoryDestination(config), InMemoryDestination(config))


def test_assertions_of_the_kit_explain_themselves(sample: pytest.Pytester) -> None:
    result = sample.runpytest_subprocess("test_faulty_destinations.py::TestNewReferenceEachTime::test_renews")
    result.stdout.fnmatch_lines(
        ["*AssertionError: keep_identity keeps the object's reference*", "*assert 'renamed' == '*'*"]
    )


def test_a_blocked_loop_names_the_place(sample: pytest.Pytester) -> None:
    result = sample.runpytest_inprocess("test_faulty_destinations.py::TestBlocks::test_check_passes")
    result.stdout.fnmatch_lines(["*the event loop was blocked in *test_faulty_destinations.py:* check; use*"])
