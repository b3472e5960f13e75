"""Writes the page of what each destination does in each case, from the reports that its own tests wrote."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from certrail_sdk.testing.report import FILE

PLUGINS = Path(__file__).parents[1] / "plugins"
CASES: Mapping[str, tuple[str, ...]] = {
    "create": ("D02",),
    "renew in place": ("D03",),
    "adopt after a cut answer": ("D06", "D07"),
    "foreign object left alone": ("D12", "D13"),
    "throttled": ("P11",),
    "unauthorised": ("P08", "D04"),
    "removed": ("D09",),
    "drift seen": ("D08",),
}
"""By the case: the rules of the conformance kit that show it."""
INTRODUCTION = f"""What the tests of each bundled destination showed, at the vendor's own program or a fake that is
as strict as the vendor's documents. Each case is one or more [rules of the conformance kit](plugin-rules.md); the
last column is the step of the ladder. The table is written from the reports, `{FILE}` in the package of each
plugin, which the destination's tests write:

```console
python -m tests.house.conformance_reports
```"""


def cases_page() -> Iterator[str]:
    """The cases with their rules, the table, and the reasons of what does not apply."""
    yield INTRODUCTION
    yield "\n".join(f"- {case}: {', '.join(map(_linked, rules))}" for case, rules in CASES.items())
    reasons: list[str] = []
    rows = [_row(report, reasons) for report in _reports()]
    head = ("destination", *CASES, "level")
    yield "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
    yield "\n".join(f"{number}. {reason}" for number, reason in enumerate(reasons, 1))


def _reports() -> Iterator[Mapping[str, Any]]:
    for path in sorted(PLUGINS.glob(f"destinations/*/certrail_*/{FILE}")):
        yield json.loads(path.read_text())


def _row(report: Mapping[str, Any], reasons: list[str]) -> Iterator[str]:
    name = report["plugin"].partition("-")[2]
    results = {result["id"]: result for result in report["rules"]}
    yield f"[{name}](../../plugins/destinations/{name}/README.md)"
    for rules in CASES.values():
        yield _cell([results[rule] for rule in rules], name, reasons)
    yield report["level"]


def _cell(results: list[Mapping[str, Any]], name: str, reasons: list[str]) -> str:
    """``yes``, or the worst state; with the number of the reason where a rule does not apply."""
    states = {result["state"] for result in results}
    for state in ("broken", "not checked"):
        if state in states:
            return state
    if states == {"kept"}:
        return "yes"
    reasons.extend(f"{name}: {result['detail']}" for result in results if result["state"] != "kept")
    return f"no such case ({len(reasons)})"


def _linked(rule: str) -> str:
    return f"[{rule}](plugin-rules.md#{rule.lower()})"
