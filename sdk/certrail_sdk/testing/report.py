"""What a run of the kit found, as a JSON document, and the step of the ladder that it reaches."""

import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any, Literal

from certrail_sdk import PROJECT, Plugin
from certrail_sdk.testing.provided import NOT_CHECKED
from certrail_sdk.testing.rules import BY_KIND, Level, Rule

FORMAT = 1
FILE = "conformance.json"
"""Name of the report within the package of a plugin, where `certrail plugins` looks for it."""
State = Literal["kept", "broken", "not checked", "does not apply"]


@dataclass
class Result:
    """What became of one rule; the worst of all tests that checked it counts."""

    id: str
    level: str
    title: str
    state: State = "not checked"
    advice: str = ""
    detail: str = ""


@dataclass
class Report:
    """One plugin against the rules of its kind.

    Attributes:
        plugin: kind and name, such as ``destination-files``.
        level: the step of the ladder; empty below bronze.
    """

    plugin: str
    distribution: str
    version: str
    sdk: str
    kind: str
    level: str = ""
    rules: dict[str, Result] = field(default_factory=dict)

    @classmethod
    def begun(cls, plugin: type[Plugin[Any]], kind: str) -> "Report":
        """A report in which nothing is checked yet."""
        distribution, number = _distribution_of(plugin)
        rules = {
            name: Result(rule.id, rule.level, rule.title, advice=rule.advice)
            for name, rule in BY_KIND[kind].items()
        }
        key = f"{'destination' if kind == 'destination' else 'notifier'}-{plugin.name}"
        return cls(key, distribution, number, _version("certrail-sdk"), kind, rules=rules)

    def add(self, test: str, outcome: str, reason: str) -> None:
        """Count one phase of one test: ``passed``, ``failed`` or ``skipped``, and why."""
        result = self.rules.get(test)
        if result is None:
            return
        if outcome == "failed":
            result.state, result.detail = "broken", reason
        elif outcome == "skipped" and result.state != "broken":
            unchecked = reason.startswith(NOT_CHECKED)
            result.state, result.detail = "not checked" if unchecked else "does not apply", reason
        elif result.state == "not checked" and not result.detail:
            result.state = "kept"
        self.level = reached(self)

    def as_json(self) -> str:
        """The document; see docs/reference/plugin-rules.md."""
        rules = [asdict(result) for result in self.rules.values()]
        return json.dumps({"format": FORMAT, **asdict(self), "rules": rules}, indent=1) + "\n"


def reached(report: Report) -> str:
    """The highest step whose rules, with those of all before it, are kept; empty below bronze."""
    level = ""
    for step in Level:
        if any(
            not _counts(rule, report.rules[name])
            for name, rule in BY_KIND[report.kind].items()
            if rule.level is step
        ):
            break
        level = step.value
    return level


def missing(report: Report) -> list[Result]:
    """What keeps the plugin from the next step, in the order of the rules."""
    steps = list(Level)
    following = steps[steps.index(Level(report.level)) + 1 :] if report.level else steps
    return [
        report.rules[name]
        for name, rule in BY_KIND[report.kind].items()
        if rule.level in following[:1] and not _counts(rule, report.rules[name])
    ]


def read_report(text: str) -> Mapping[str, Any]:
    """The document of `Report.as_json`.

    Raises:
        ValueError: it is none, or of a later format.
    """
    found = json.loads(text)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"this is no conformance report of format {FORMAT}")
    return found


def write(reports: Iterable[Report], path: Path) -> None:
    """Write one report, or all of them as a list."""
    texts = [report.as_json() for report in reports]
    path.write_text(texts[0] if len(texts) == 1 else f"[{','.join(texts)}]")


def _counts(rule: Rule, result: Result) -> bool:
    return result.state == "kept" or (result.state == "does not apply" and not rule.required)


def _distribution_of(plugin: type[Plugin[Any]]) -> tuple[str, str]:
    """By the entry point that names the package: an editable install has no list of its files."""
    module = inspect.getmodule(plugin)
    package = (module.__name__ if module else "").partition(".")[0]
    for point in entry_points(group=PROJECT):
        if point.dist is not None and point.module.partition(".")[0] == package:
            return point.dist.name, point.dist.version
    return package, ""


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
