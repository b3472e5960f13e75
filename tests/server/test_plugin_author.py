"""`certrail plugin check` finds what is missing; `certrail plugin try` makes real calls without a database."""

import json
from pathlib import Path

import pytest
from tests.support.command_line import run

from certrail_sdk.testing import make_deployment


@pytest.fixture
def package(tmp_path: Path) -> Path:
    assert run("plugin", "new", "destination", "acme-cdn", "--directory", str(tmp_path)).exit_code == 0
    return tmp_path / "certrail-destination-acme-cdn"


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_new_package_is_silver_and_hears_what_is_missing_for_gold(package: Path) -> None:
    result = run("plugin", "check", str(package))
    assert result.exit_code == 0, result.output
    assert "level: silver" in result.output
    assert "D14 not checked" in result.output
    assert "give the conformance class the fixture `stored`" in result.output


def test_every_fault_of_a_package_is_named_with_what_to_do(package: Path) -> None:
    changed(package / "pyproject.toml", '"certrail-sdk>=0.1,<1"]\n\n', '"certrail"]\n\n')
    module = package / "certrail_destination_acme_cdn/destination.py"
    changed(module, "if present is not None and present.mark != deployment.delivery:", "if False:")
    result = run("plugin", "check", str(package), "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    broken = {each["what"]: each["advice"] for each in found["findings"] if each["state"] == "broken"}
    assert "the package depends on certrail itself" in broken
    assert "Add 'certrail-sdk>=0.1,<1' to dependencies." in broken.values()
    (foreign,) = [advice for what, advice in broken.items() if what.startswith("D12 broken")]
    assert foreign.startswith("Compare the mark")
    assert found["level"] == "bronze"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("destination.py", 'name = "acme-cdn"', 'name = "Acme CDN"', "it cannot be loaded: "),
        ("__init__.py", "import hookimpl", "import no_hook", "it cannot be loaded: ImportError"),
        (
            "destination.py",
            'name = "acme-cdn"',
            'name = "files"',
            "destination-files is the name of a bundled",
        ),
    ],
)
def test_a_package_that_cannot_be_loaded_says_why(
    package: Path, file: str, old: str, new: str, said: str
) -> None:
    path = package / "certrail_destination_acme_cdn" / file
    text = path.read_text().replace("Destination, hookimpl", "Destination\nfrom certrail_sdk import hookimpl")
    path.write_text(text)
    changed(path, old, new)
    result = run("plugin", "check", str(package))
    assert result.exit_code == 1
    assert said in result.output


def test_a_folder_without_a_package_says_how_to_begin(tmp_path: Path) -> None:
    result = run("plugin", "check", str(tmp_path))
    assert result.exit_code == 1
    assert "certrail plugin new" in result.output


def test_a_trial_deploys_renews_observes_and_removes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "place").mkdir()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"root": str(tmp_path / "place")}))

    def call(verb: str) -> str:
        result = run("plugin", "try", "destination-files", verb, "--config", str(config))
        assert result.exit_code == 0, result.output
        return result.stdout

    assert call("check").strip() == "ok"
    first, again, newer = json.loads(call("deploy")), json.loads(call("deploy")), json.loads(call("renew"))
    assert (first["changed"], again["changed"], newer["changed"]) == (True, False, True)
    assert (tmp_path / ".certrail-try.json").stat().st_mode & 0o077 == 0
    seen = json.loads(call("observe"))
    assert (seen["fingerprint"], seen["key_matches"]) == (newer["fingerprint"], True)
    assert json.loads(call("remove"))["changed"]
    assert not (tmp_path / "place/certrail-try").exists()
    assert not (tmp_path / ".certrail-try.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("destination-files", "observe"), "try `deploy` first"),
        (("destination-files", "send"), "has no send"),
        (("destination-nobody", "check"), "it is not installed here"),
        (("notifier-webhook", "check"), "root: Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_tried_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"root": str(tmp_path)}))
    result = run("plugin", "try", *arguments, "--config", str(config))
    assert result.exit_code == 1
    assert said in result.output.replace("\n", " ")


def test_a_refusal_says_what_to_do_and_shows_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"root": str(tmp_path / "missing")}))
    result = run("plugin", "try", "destination-files", "deploy", "--config", str(config))
    assert result.exit_code == 1
    assert "not a folder on the worker's machine. Nothing if it comes back." in " ".join(
        result.output.split()
    )
    assert make_deployment().bundle.private_key
    assert "PRIVATE KEY" not in result.output
