"""The bundled plugins ship the report of the kit, of the rules that it has now, and none of them is broken."""

import json
from pathlib import Path

import pytest
from tests.house.conformance_reports import ROOT, reported

from certrail.plugins.conformance import LEVELS, level_of
from certrail_sdk.testing.rules import BY_KIND

REPORTS = dict(reported())
RUN = "run python -m tests.house.conformance_reports"


@pytest.mark.parametrize("file", REPORTS, ids=REPORTS.get)
def test_a_bundled_plugin_is_silver_at_least(file: Path) -> None:
    assert file.exists(), RUN
    report = json.loads(file.read_text())
    assert [rule["id"] for rule in report["rules"]] == [r.id for r in BY_KIND[report["kind"]].values()], RUN
    assert not [rule["id"] for rule in report["rules"] if rule["state"] == "broken"]
    assert LEVELS.index(report["level"]) >= LEVELS.index("silver")
    assert level_of(REPORTS[file], report["distribution"], report["version"]) == report["level"], RUN


def test_a_report_of_another_version_or_plugin_says_nothing() -> None:
    assert level_of("destination-files", "certrail-destination-files", "0.1.0")
    assert not level_of("destination-files", "certrail-destination-files", "9.9")
    assert not level_of("destination-other", "certrail-destination-files", "0.1.0")
    assert not level_of("destination-files", "no-such-distribution", "0.1.0")


def test_the_page_of_plugins_names_their_levels() -> None:
    page = (ROOT / "docs/plugins/README.md").read_text()
    for file, key in REPORTS.items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| [{key.partition('-')[2]}]"))
        assert row.split("|")[4].strip() == json.loads(file.read_text())["level"], key
