"""`certrail plugins`: what is installed, what it can do, and why a broken one does not work."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.command_line import run

from certrail.services.integrations.plugin_faults import CallFault
from certrail_server.cli.local.installation import services

PLUGINS = Path(__file__).parents[2] / "plugins"
BUNDLED = {
    (path.parent.parent.name.removesuffix("s"), path.parent.name)
    for path in PLUGINS.glob("*/*/pyproject.toml")
}
NO_VERB = """
from certrail_sdk import Config, Destination, hookimpl

class Idle(Destination[Config]):
    "Does nothing."
    name, title = "idle", "Idle"

@hookimpl
def certrail_destinations():
    return [Idle]
"""
MISSPELT = """
from certrail_sdk import hookimpl

@hookimpl
def certrail_destinatoins():
    return []
"""


def install(folder: Path, name: str, source: str, version: str = "1.2.3") -> None:
    """Put a third party's distribution into a folder, as pip would."""
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[certrail]\n{name.rsplit('-', 1)[1]} = {module}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path for plugins."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path / "data"))
    yield tmp_path
    for module in [name for name in sys.modules if name.endswith("_zz")]:
        del sys.modules[module]


def listed() -> dict[tuple[str, str], dict[str, Any]]:
    """What `certrail plugins --json` prints, by kind and name."""
    result = run("plugins", "--json")
    assert result.exit_code == 0, result.output
    return {(row["kind"], row["name"]): row for row in json.loads(result.stdout)}


def test_the_bundled_plugins_tell_everything(site: Path) -> None:
    rows = listed()
    assert rows.keys() == BUNDLED
    for (kind, name), row in rows.items():
        assert row["state"] == "ready"
        assert row["version"]
        assert row["distribution"] == f"certrail-{kind}-{name}"
        assert row["title"]
        assert row["summary"]
        for field, schema in row["config_schema"]["properties"].items():
            assert schema["description"], field
            assert "title" in schema or "$ref" in schema, field
    assert {"observes", "publishes"} <= {*rows["destination", "files"]["capabilities"]}
    assert "publishes" not in rows["destination", "aws-acm"]["capabilities"]
    assert "interactive" in rows["notifier", "slack"]["capabilities"]
    assert "secret_access_key" in rows["destination", "aws-acm"]["config_schema"]["x-secret-fields"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import a_library_that_is_missing",
            "ModuleNotFoundError: No module named 'a_library_that_is_missing'",
        ),
        ("def (:", "SyntaxError: invalid syntax"),
        (
            NO_VERB,
            "does not say how to check and deploy: write `async def check(self)`, `async def deploy(self, dep",
        ),
        (MISSPELT, "certrail_destinatoins"),
    ],
    ids=["import", "syntax", "verb", "hook"],
)
def test_a_broken_plugin_shows_its_reason_and_leaves_the_others_alone(
    site: Path, source: str, reason: str
) -> None:
    install(site, "certrail-destination-zz", source)
    rows = listed()
    broken = rows.pop(("destination", "zz"))
    assert broken["state"] == "failed"
    assert reason in broken["reason"]
    assert (broken["distribution"], broken["version"]) == ("certrail-destination-zz", "1.2.3")
    assert {key for key, row in rows.items() if row["state"] == "ready"} == BUNDLED


def test_people_see_the_reason_too(site: Path) -> None:
    install(site, "certrail-notifier-zz", "raise RuntimeError('no licence')")
    result = run("plugins")
    assert "no licence" in result.output
    assert "failed" in result.output


def test_a_plugin_is_switched_off_by_name(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTRAIL_DISABLED_PLUGINS", "notifier-slack, notifier-email")
    rows = listed()
    off = {name for (_, name), row in rows.items() if row["state"] == "disabled"}
    assert off == {"slack", "email"}
    assert "CERTRAIL_DISABLED_PLUGINS" in rows["notifier", "slack"]["reason"]


def test_a_fault_is_listed_with_version_verb_and_what_the_plugin_did(site: Path) -> None:
    assert run("migrate").exit_code == 0
    services().plugin_faults.record(
        CallFault("destination-files", "9.8.7", "verify", "held the event loop", harmful=True)
    )
    fault = listed()["destination", "files"]["fault"]
    assert (fault["state"], fault["verb"]) == ("quarantined", "verify")
    assert "version 9.8.7 held the event loop in the verb verify" in fault["reason"]
    checks = json.loads(run("doctor", "--json").stdout)
    (finding,) = [
        check for check in checks if check["check"] == "plugin destination-files" and not check["ok"]
    ]
    assert "certrail plugin release destination-files" in finding["detail"]
