"""To which distribution the name of a plugin belongs, and what switches it off."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.test_plugins_command import BUNDLED, install
from tests.support.command_line import run

from certrail.plugins.installed import installed_plugins
from certrail.plugins.registry import PluginInfo, PluginRegistry, UnknownPlugin

DESTINATION = """
from certrail_sdk import Config, Deployment, Destination, Receipt, hookimpl

seen = []

class Made(Destination[Config]):
    "Made for a test."
    name, title = {name!r}, "Made"
    async def check(self): ...
    async def deploy(self, deployment: Deployment) -> Receipt: ...

@hookimpl
def certrail_destinations():
    return [Made]

@hookimpl
def certrail_event(event):
    seen.append(event)
"""
BOTH = """
from certrail_sdk import Config, Deployment, Destination, Notifier, Receipt, hookimpl

class Place(Destination[Config]):
    "Made for a test."
    name, title = "both", "Both"
    async def check(self): ...
    async def deploy(self, deployment: Deployment) -> Receipt: ...

class Voice(Notifier[Config]):
    "Made for a test."
    name, title = "both", "Both"
    async def check(self): ...
    async def send(self, notification): ...

@hookimpl
def certrail_destinations():
    return [Place]

@hookimpl
def certrail_notifiers():
    return [Voice]
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path for plugins."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path / "data"))
    before = set(sys.modules)
    yield tmp_path
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[module]


def destination(folder: Path, distribution: str, name: str) -> None:
    """A distribution with one destination."""
    install(folder, distribution, DESTINATION.format(name=name))


def of(registry: PluginRegistry, distribution: str) -> list[PluginInfo]:
    return [info for info in registry.all() if info.distribution == distribution]


def ready(registry: PluginRegistry) -> dict[str, str]:
    """The distribution of each plugin that can be used."""
    return {info.key: info.distribution for info in registry.all() if info.state == "ready"}


def bundled(registry: PluginRegistry) -> bool:
    """Whether all that comes with certrail can be used, and is that."""
    return {f"{k}-{n}": f"certrail-{k}-{n}" for k, n in BUNDLED}.items() <= ready(registry).items()


def test_a_distribution_that_sorts_first_takes_no_bundled_name(site: Path) -> None:
    destination(site, "aaa-first", "files")
    registry = PluginRegistry.discover()
    assert bundled(registry)
    assert registry.destination("files").__module__.startswith("certrail_destination_files")
    (info,) = of(registry, "aaa-first")
    assert info.state == "refused"
    assert "the destination 'files' belongs to certrail-destination-files, which comes with" in info.reason
    assert not registry.observers()


def test_a_plugin_that_cannot_be_loaded_keeps_its_name(site: Path) -> None:
    install(site, "certrail-destination-fragile", "raise RuntimeError('broken')")
    destination(site, "aaa-first", "fragile")
    registry = PluginRegistry.discover()
    assert bundled(registry)
    assert "destination-fragile" not in ready(registry)
    assert [info.state for info in of(registry, "certrail-destination-fragile")] == ["failed"]
    assert [info.state for info in of(registry, "aaa-first")] == ["refused"]


@pytest.mark.parametrize("point", ["files", "webhook", "email"])
def test_no_entry_point_makes_another_plugin_fail(site: Path, point: str) -> None:
    """Neither one that is called as a bundled plugin of its kind or of another."""
    destination(site, f"aaa-{point}", "elsewhere")
    registry = PluginRegistry.discover()
    assert bundled(registry)
    assert ready(registry)["destination-elsewhere"] == f"aaa-{point}"


def test_a_destination_may_be_called_as_a_notifier(site: Path) -> None:
    destination(site, "certrail-destination-webhook", "webhook")
    registry = PluginRegistry.discover()
    assert bundled(registry)
    assert ready(registry)["destination-webhook"] == "certrail-destination-webhook"
    assert registry.destination("webhook").__module__ == "certrail_destination_webhook"
    assert registry.notifier("webhook").__module__.startswith("certrail_notifier_webhook")


def test_the_first_distribution_has_a_name_that_is_nobodys(site: Path) -> None:
    destination(site, "zzz-second", "shared")
    destination(site, "bbb-first", "shared")
    registry = PluginRegistry.discover()
    assert ready(registry)["destination-shared"] == "bbb-first"
    (info,) = of(registry, "zzz-second")
    assert (info.name, info.state, "belongs to bbb-first" in info.reason) == ("shared", "refused", True)


@pytest.mark.parametrize("later", ["aaa-before", "certrail-destination-shared"])
def test_a_name_that_is_in_use_stays_with_the_distribution_that_was_used(site: Path, later: str) -> None:
    """Whether another one sorts first, or is named after it."""
    destination(site, "zzz-used", "shared")
    destination(site, later, "shared")
    registry = PluginRegistry.discover(used={"destination-shared": "ZZZ_used"})
    assert ready(registry)["destination-shared"] == "zzz-used"
    (info,) = of(registry, later)
    assert (info.name, info.state) == ("shared", "refused")
    assert "belongs to ZZZ_used, which is used under this name" in info.reason


def test_a_name_that_is_in_use_stays_also_where_that_distribution_is_not_installed(site: Path) -> None:
    destination(site, "aaa-later", "shared")
    registry = PluginRegistry.discover(used={"destination-shared": "zzz-used"})
    assert "destination-shared" not in ready(registry)
    with pytest.raises(
        UnknownPlugin, match="refused: the name of the destination 'shared' belongs to zzz-used"
    ):
        registry.destination("shared")


def test_no_other_distribution_has_a_bundled_name_where_its_own_is_not_installed(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination(site, "aaa-first", "files")
    own = [one for one in installed_plugins() if one.distribution != "certrail-destination-files"]
    monkeypatch.setattr("certrail.plugins.registry.installed_plugins", lambda: iter(own))
    registry = PluginRegistry.discover(used={"destination-files": "aaa-first"})
    assert "destination-files" not in ready(registry)
    assert [info.state for info in of(registry, "aaa-first")] == ["refused"]


@pytest.mark.parametrize("off", ["destination-both", "notifier-both"])
def test_one_of_two_kinds_is_switched_off(site: Path, off: str) -> None:
    install(site, "acme-plugins", BOTH)
    registry = PluginRegistry.discover([off])
    both = {"destination-both", "notifier-both"}
    assert {info.key: info.state for info in registry.all() if info.key in both} == {
        key: "disabled" if key == off else "ready" for key in both
    }
    assert not registry.unknown_disabled


def test_what_is_switched_off_is_not_imported(site: Path) -> None:
    install(site, "certrail-destination-loud", "raise RuntimeError('imported')")
    install(site, "acme-other", "raise RuntimeError('imported')")
    registry = PluginRegistry.discover(["destination-loud", "plugin-other"])
    states = {info.distribution: info.state for info in registry.all() if info.state != "ready"}
    assert states == {"certrail-destination-loud": "disabled", "acme-other": "disabled"}


def test_doctor_names_what_is_to_be_switched_off_and_is_not_there(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("migrate").exit_code == 0
    monkeypatch.setenv("CERTRAIL_DISABLED_PLUGINS", "notifier-slack, slack, destination-webhook")
    checks = json.loads(run("doctor", "--json").stdout)
    named = [check["detail"] for check in checks if check["check"] == "CERTRAIL_DISABLED_PLUGINS"]
    assert [
        name for name in ("'slack'", "'destination-webhook'", "'notifier-slack'") if name in str(named)
    ] == [
        "'slack'",
        "'destination-webhook'",
    ]
    assert all(not check["ok"] for check in checks if check["check"] == "CERTRAIL_DISABLED_PLUGINS")


@pytest.mark.parametrize(("field", "word"), [("Version", "version"), ("Name", "name")])
def test_metadata_without_name_or_version_is_reported(site: Path, field: str, word: str) -> None:
    destination(site, "certrail-destination-bare", "bare")
    metadata = site / "certrail_destination_bare-1.2.3.dist-info" / "METADATA"
    kept = [line for line in metadata.read_text().splitlines() if not line.startswith(f"{field}:")]
    metadata.write_text("\n".join(kept))
    registry = PluginRegistry.discover()
    assert bundled(registry)
    (info,) = [one for one in registry.all() if one.state == "failed"]
    assert info.name == "bare"
    assert f"no {word}: add {field} to its metadata" in info.reason
    assert isinstance(info.version, str)


def test_a_refused_plugin_is_named_by_doctor(site: Path) -> None:
    destination(site, "aaa-first", "files")
    assert run("migrate").exit_code == 0
    checks = json.loads(run("doctor", "--json").stdout)
    assert any(not check["ok"] and check["detail"].startswith("aaa-first 1.2.3: ") for check in checks)
