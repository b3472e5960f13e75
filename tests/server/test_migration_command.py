"""`certrail migration load`: what a person is told, of what went well and of what is wrong with an export."""

import json
from pathlib import Path
from typing import Any

import pytest
from examples.older_project.project import Json, project
from tests.support.command_line import run
from typer.testing import Result


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own, with nothing in it."""
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path / "data"))
    assert run("migrate").exit_code == 0
    return tmp_path


@pytest.fixture
def export(tmp_path: Path) -> Json:
    return project(str(tmp_path), web=2, internal=2, foreign=1)


def load(folder: Path, document: Any, *options: str) -> Result:
    file = folder / "export.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return run("migration", "load", str(file), *options)


def refused(folder: Path, document: Any) -> str:
    """The one line on standard error."""
    result = load(folder, document)
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.strip().splitlines()
    return line


def test_it_says_what_was_loaded_and_what_was_there(installation: Path, export: Json) -> None:
    first = load(installation, export)
    assert first.exit_code == 0, first.output
    assert "certificates" in first.stdout
    again = json.loads(load(installation, export, "--json").stdout)
    assert again["loaded"] == {}
    assert (again["kept"]["certificates"], again["kept"]["syncs"]) == (8, 4)


def test_what_is_wrong_is_called_by_its_name(installation: Path, export: Json) -> None:
    export["certificates"][1]["profil"] = "acme-web"
    del export["alerts"][0]["name"]
    export["syncs"][2]["delivered"][0]["reference"] = ""
    export["members"].append("nobody")
    line = refused(installation, export)
    assert (
        "web-01 among the certificates, profil: there is no such member; known: auto_renew, certificate"
        in line
    )
    assert "new among the alerts, name: Field required" in line
    assert "balancer among the syncs, delivered.0.reference: " in line
    assert "number 6 among the members: " in line


@pytest.mark.parametrize(
    ("document", "reported"),
    [
        ("{", "is no JSON"),
        ("[]", "is not a project export"),
        (
            {"format": "certrail-project-export", "version": 2, "project": {"slug": "a", "name": "A"}},
            "version: Input should be",
        ),
        ({"format": "other", "version": 1, "project": {"slug": "a", "name": "A"}}, "format: Input should be"),
    ],
)
def test_what_is_no_export_is_refused(installation: Path, document: Any, reported: str) -> None:
    assert reported in refused(installation, document)


def test_a_key_of_another_certificate_is_named_and_not_shown(installation: Path, export: Json) -> None:
    export["certificates"][0]["private_key"] = export["certificates"][1]["private_key"]
    line = refused(installation, export)
    assert "Nothing was loaded. web-00 among the certificates, private_key: " in line
    assert "PRIVATE KEY" not in line
    export["certificates"][0]["private_key"] = "none"
    assert "web-00 among the certificates" in refused(installation, export)


def test_names_that_others_have_are_reported_before_anything_is_loaded(
    installation: Path, export: Json
) -> None:
    load(installation, export)
    line = refused(installation, {**export, "project": {"slug": "other", "name": "Other"}})
    assert "authority acme-root" in line
    assert "approval policy web" in line
